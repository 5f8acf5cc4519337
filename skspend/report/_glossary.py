"""What each term of the page means, for those who hover over it, and at the end of the page."""

GLOSSARY = {
    "segment": "A group of customers whose spending develops alike. Segments divide into smaller "
    "ones, level by level; every customer is in one of each level.",
    "trait": "A direction of spending, named after a trait of personality. It adds up shares of "
    "categories, each times a published coefficient. It is weak evidence about a person.",
    "coefficient": "A published number that says how spending on a category goes together with a "
    "trait. Categories without one do not move any trait.",
    "+ and -": "openness+ means that most members score above the median customer on openness, and "
    "openness- that most score below. “more” and “less” compare a segment with the other segments "
    "inside the same one.",
    "strength": "How clearly customers belong to their segment: 1 at its centre, 0 halfway to the "
    "next one.",
    "agreement": "The adjusted Rand index of the segments in two fits: 1 if they are the same, 0 "
    "if they agree no more than by chance.",
    "found again": "The Jaccard index of a segment and the best match in another fit: customers in "
    "both, divided by customers in either, among customers whom the other fit has not seen. 1 is "
    "the same segment; below 0.5 it has dissolved.",
    "stay": "The share of the members in the middle of the time who are in the same segment at the "
    "end. In the first periods too little is known of a customer to count.",
    "kappa": "Cohen's kappa: how many customers stay, beyond those who would by chance. 1 if all "
    "do, 0 if no more than by chance.",
    "halves": "Every other period, and the periods between. No purchase is in both, so they give a "
    "customer the same segment more often than by chance only if customers differ in what they "
    "buy. That other fits agree, or that customers stay, does not show this.",
    "without a network": "The same question asked of types, which are the largest of the trait "
    "scores of a customer's mean spending so far. They need no network and no segments.",
    "difference": "The mean share of the members less that of all other customers, in standard "
    "deviations over customers. 0.2 is small, 0.5 is medium and 0.8 is large (Cohen 1988).",
    "median score": "Of the members, half score higher and half lower. A score is in standard "
    "deviations; 0 is the median customer of the fit.",
    "interval": "Where the figure would lie in 95 of 100 samples of customers. It does not include "
    "another fit, unless the figure is about other fits.",
    "drift": "The population stability index: how unlike these customers are those of the fit. "
    "Below 0.1 little has changed, from 0.25 on much has.",
    "direction": "What the model remembers of a customer has many numbers. A direction is the mix "
    "of them that tells these segments apart best. It has no unit: near means alike.",
    "Cramér's V": "How strongly groups and segments go together: 0 not at all, 1 completely.",
    "p value": "How often chance alone would give an association at least this strong.",
    "good, fair, poor": "By thresholds from the literature, which the guide “Reading the report” "
    "lists.",
}
OF_TRAITS = {"trait", "coefficient", "+ and -", "median score", "without a network"}
"""What needs no explanation without traits."""
TITLES = {
    "coverage": ("Spending that the names rest on", "coefficient"),
    "accuracy": ("Types that the network predicts", ""),
    "R2": ("What the network predicts", ""),
    "strength": ("How clear the segments are", "strength"),
    "stay": ("Customers who stay", "stay"),
    "stability": ("Agreement over time", "kappa"),
    "stay without a network": ("Customers who stay in their type", "without a network"),
    "stability without a network": ("Agreement of types over time", "without a network"),
    "same in both halves": ("Customers in the same segment by either half of the time", "halves"),
    "split half": ("Agreement of the halves", "halves"),
    "change of direction": ("Turn of a path, in degrees", ""),
    "drift of spending": ("Change of spending", "drift"),
    "drift of outliers": ("Change of distances", "drift"),
    "drift of segments": ("Change of sizes", "drift"),
    "same segment": ("Customers in the same segment of another fit", ""),
    "reproducibility": ("Agreement with another fit", "agreement"),
}
"""What the page calls each metric, and the term that explains it."""
