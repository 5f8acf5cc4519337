"""Intended use, forbidden use and limits, in the same words on the page and the card."""

EVIDENCE = (
    "Personality from spending is weak evidence about a person: scores that are predicted from "
    "transactions correlate with questionnaires at r = 0.15 (Gladstone, Matz & Lemaire 2019)."
)
NO_EVIDENCE = "Segments are about spending. They say nothing of who a person is, or why."
"""Instead, where no trait is computed."""
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
OF_NAMES = (
    "The names of segments come from coefficients of spending categories. If few categories have "
    "a coefficient, a name means little: see the coverage."
)
LIMITS = (
    "A segment is a region of a state space. With another seed, time window or method, some "
    "customers change segment. The report shows how many stay over time and, if it "
    "was measured, how many stay in another fit: see reproducibility. Neither shows that customers "
    "differ by more than chance: see split half.",
    "Where a segment divides, its parts are more compact than the parts of a single cloud would "
    "be. There may still be customers between them. Without traits, the number of segments of the "
    "top level is given, and they need not be apart at all.",
    "If the model was fitted on these customers, all figures but those of other fits are "
    "in-sample. Make a report of other customers to see what holds for them.",
    "Intervals are about the choice of customers. They do not include a new fit of the model; only "
    "that of reproducibility is about new fits.",
    "A page with single paths or typical customers is about single customers, without their names. "
    "Treat it as personal data.",
)


def evidence(has_traits: bool) -> str:
    """What stands above what a segment must not be used for."""
    return EVIDENCE if has_traits else NO_EVIDENCE


def limits(has_traits: bool) -> tuple[str, ...]:
    """The limits of the method, with or without traits."""
    return (OF_NAMES, *LIMITS) if has_traits else LIMITS


RETENTION = (
    "The page has figures of segments. Of single customers it has the paths of up to 400, and of "
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

NOT_TESTED = (
    "Whether a segment predicts anything, such as default, loss or the answer to a campaign.",
    "Whether what is done with a segment helps or harms its members.",
    "Whether the traits are true of a person: no questionnaire was compared.",
)
OWNER_FIELDS = (
    "Owner of the model",
    "Developer",
    "Independent validator",
    "Approved use, and by whom",
    "Risk tier, and whether the use is high-risk",
    "Approved on, and next review",
    "Human who oversees the use, and how to object",
    "Time that data and results are kept",
)
MONITORING = (
    ("Change of spending", "drift of spending", "look from 0.1 on, fit again from 0.25 on",
     "skspend predict or report, each period"),
    ("Change of sizes", "drift of segments", "look from 0.1 on, fit again from 0.25 on",
     "skspend predict or report, each period"),
    ("Change of distances", "drift of outliers", "look from 0.1 on, fit again from 0.25 on",
     "skspend predict or report, each period"),
    ("Spending that the names rest on", "coverage", "add aliases or coefficients below 10 %",
     "skspend report, each period"),
    ("Agreement with another fit", "reproducibility", "do not use single segments below 0.65",
     "skspend segment, each new fit"),
    ("Agreement of two halves of the time", "split half", "do not use segments below 0.2",
     "skspend report, each period"),
    ("Agreement over time", "stability", "do not plan on segments below 0.4",
     "skspend report, each period"),
    ("Protected groups", "fairness", "explain each rate that differs, before use",
     "skspend report --protected, each new fit"),
)  # fmt: skip
"""What to watch: its name, the metric, when to act, and how it is measured."""
FRAMEWORKS = (
    ("Purpose and use", "SR 11-7 IV; AI Act 13", "Purpose"),
    ("Data and their governance", "SR 11-7 IV; AI Act 10", "Data"),
    ("Conceptual soundness", "SR 11-7 V.1; AI Act 11 and Annex IV", "Method"),
    ("Outcomes analysis, accuracy and robustness", "SR 11-7 V.3; AI Act 15", "Validation"),
    ("Limits and risks", "SR 11-7 V; AI Act 9", "Limits, Forbidden use"),
    ("Ongoing monitoring", "SR 11-7 V.2; AI Act 72", "Monitoring"),
    ("Human oversight", "AI Act 14", "Owner and status, Forbidden use"),
    ("Roles, inventory and documentation", "SR 11-7 VI; AI Act 17", "Owner and status"),
    ("Records", "AI Act 12", "run.json beside the model"),
    ("Personal data", "GDPR 5, 17, 21 and 22", "Retention and erasure"),
)
"""SR 11-7 of the Federal Reserve (2011) by section; Regulation (EU) 2024/1689 by article. There, to
evaluate whether a person is creditworthy is high-risk (Annex III); here it is forbidden."""
