"""Intended use, forbidden use and limits, in the same words on the page and the card."""

EVIDENCE = (
    "Personality from spending is weak evidence about a person: scores that are predicted from "
    "transactions correlate with questionnaires at r = 0.15 (Gladstone, Matz & Lemaire 2019)."
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
    "A page with single paths or typical customers is about single customers, without their names. "
    "Treat it as personal data.",
)
RETENTION = (
    "This page has figures of segments. Of single customers it has the paths of up to 400, and of "
    "up to three typical customers of each segment the strength, the type and the largest "
    "categories; identifiers only if they were asked for. To remove a customer, make the page "
    "again without.",
    "model.json has weights, means, centres and sizes, and of single customers only the row "
    "numbers of those that are typical of a segment. It has no identifier and no amount of a "
    "customer.",
    "segments.parquet, trajectories.parquet and the tables of skspend predict have a row for each "
    "customer, with the identifier. To remove a customer, delete the row.",
    "run.json and the model card have no customers. Neither has trajectories.png: means only.",
    "What a fit learned from one customer among many cannot be taken out again. Where it must be, "
    "delete the customer from the data, fit again, and delete the former model and what it made.",
)
"""What of a single customer is where, and how it is removed."""
