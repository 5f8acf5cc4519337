"""How often a suggested category of the coefficients is right, on real names of categories.

``benchmarks/category_names.csv`` holds 200 names as they stand in public lists of banks and tools
for personal finance, with the source of each, and the category of the published coefficients that
applies to it, or none, or several divided by a bar. They were collected and labelled apart from the
method, and judged after the method was finished. A name without a label should get no suggestion.

    python benchmarks/suggestions.py
"""

from pathlib import Path

import pandas as pd

from skspend.categories._suggest import suggest
from skspend.personality import load_coefficients

NAMES = Path(__file__).with_name("category_names.csv")


def judge(table):
    """Add the suggestion for each name, and whether it is right."""
    suggestions = suggest(list(table["name"]), load_coefficients().index)
    found = table.assign(suggested=[suggestion.category for suggestion in suggestions])
    is_right = [
        suggested in str(target).split("|")
        for suggested, target in zip(found["suggested"], found["target"], strict=True)
    ]
    return found.assign(is_made=found["suggested"].notna(), is_right=is_right)


def rate(found):
    """Precision where a suggestion is made, and recall among names that have a category."""
    right = int(found["is_right"].sum())
    has_target = int(found["target"].notna().sum())
    return pd.Series({
        "names": len(found),
        "with a category": has_target,
        "suggestions": int(found["is_made"].sum()),
        "right": right,
        "precision": round(right / max(1, found["is_made"].sum()), 3),
        "recall": round(right / max(1, has_target), 3),
    })  # fmt: skip


def main():
    """Print precision and recall by language, and every mistake."""
    found = judge(pd.read_csv(NAMES))
    by_language = {language: rate(rows) for language, rows in found.groupby("language")}
    table = pd.DataFrame(by_language | {"all": rate(found)}).T
    for name in ("precision", "recall"):
        print(f"figure: {name} of suggestions = {table.loc['all', name]}")
    counts = [name for name in table if name not in ("precision", "recall")]
    print(table.astype(dict.fromkeys(counts, int)).to_string())
    wrong = found[found["is_made"] & ~found["is_right"]]
    missed = found[~found["is_made"] & found["target"].notna()]
    for title, rows in (("wrong", wrong), ("no suggestion", missed)):
        print(f"\n{title}:")
        print(rows[["name", "language", "target", "suggested"]].to_string(index=False))


if __name__ == "__main__":
    main()
