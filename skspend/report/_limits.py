"""What a segment is not, and what it must not be used for: the same words on the page and card."""

EVIDENCE = (
    "Personality from spending is weak evidence about a person: scores learned from transactions "
    "agree with questionnaires at r = .15 (Gladstone, Matz & Lemaire 2019)."
)
INTENDED_USE = (
    "Understand groups of customers, and how their spending develops.",
    "Speak to groups of customers in a way that suits what they spend on.",
    "Research on consumer behaviour, on customers who may be studied.",
    "Features for a model that is validated by itself, where the law allows them.",
)
FORBIDDEN_USE = (
    "Grant or refuse credit, insurance or an account, or set their price, by a segment or a trait.",
    "Tell customers, or anybody about them, who they are.",
    "Target people in distress, or set limits for a person, by a trait such as neuroticism.",
    "Infer health, belief, sexuality, origin or another protected attribute.",
    "Decide about a person without a human who answers for it.",
)
LIMITS = (
    "The names of segments come from coefficients of spending categories. Where few categories "
    "have one, a name says little: see the coverage.",
    "A segment is a region of a network's state space. Another seed, window or network moves "
    "some customers; the report shows how many stay over time, not over seeds.",
    "Where a segment divides, its parts are more compact than those of one cloud. That does not "
    "say that nobody lives between them.",
    "If these customers are those the model was made of, every figure is in-sample. Make the "
    "report of other customers to see what holds for them.",
    "Intervals say what other customers would change, with the model as it is.",
    "Lines in the state space are those of single customers, without their names. Treat the page "
    "as personal data.",
)
