"""Intended use, forbidden use and limits, in the same words on the page and the card."""

EVIDENCE = (
    "Personality from spending is weak evidence about a person: scores that are predicted from "
    "transactions correlate with questionnaires at r = .15 (Gladstone, Matz & Lemaire 2019)."
)
INTENDED_USE = (
    "Understand groups of customers and how their spending develops.",
    "Adapt communication with groups of customers to what they spend money on.",
    "Study consumer behaviour with data that may be used for research.",
    "Add features to a model that has its own validation, where the law allows it.",
)
FORBIDDEN_USE = (
    "Grant or refuse credit, insurance or an account, or set their price, by a segment or a trait.",
    "Describe the personality of customers to them or to anybody else.",
    "Target people in distress, or set limits for a person, by a trait such as neuroticism.",
    "Infer health, belief, sexuality, origin or another protected attribute.",
    "Decide about a person without a human who is responsible for the decision.",
)
LIMITS = (
    "The names of segments come from coefficients of spending categories. If few categories have "
    "a coefficient, a name means little: see the coverage.",
    "A segment is a region of the state space of a network. With another seed, time window or "
    "network, some customers change segment. The report shows how many stay over time and, if it "
    "was measured, how many stay in another fit: see reproducibility.",
    "Where a segment divides, its parts are more compact than the parts of a single cloud would "
    "be. There may still be customers between them.",
    "If the model was fitted on these customers, every figure is in-sample. Make a report of other "
    "customers to see what holds for them.",
    "Intervals are about the choice of customers. They do not include a new fit of the model; only "
    "that of reproducibility is about new fits.",
    "Each line in the state space is a single customer, without a name. Treat the page as personal "
    "data.",
)
