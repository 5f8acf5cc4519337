"""Which category of the coefficients a bank's own category may be."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from iso18245 import get_all_mccs

from ._mcc import mcc_to_category

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ALIKE = 88
"""Of 100: words that differ by one letter in about eight are the same, such as plurals."""
ENOUGH = 50
"""Of 100 letters of a name, so many stand in words that are known."""
SHORTEST_PART = 5
"""Letters of a known word that is part of a compound, such as restaurant in Restaurantbesuche."""
LONGEST = 8
"""Words of a name that are looked at."""
JOINERS = frozenset([
    *("a", "and", "the", "of", "for", "to", "other", "others", "misc", "miscellaneous", "general"),
    *("og", "annet", "andre", "diverse", "til", "och", "samt", "annat", "ovrigt", "ovrige", "und"),
    *("sonstige", "sonstiges", "fur", "andere", "et", "de", "du", "des", "la", "le", "les"),
    *("autre", "autres", "divers", "y", "en", "los", "las", "otros", "otras", "del", "el", "van"),
    *("voor", "overig", "overige"),
])  # fmt: skip
"""Words that say nothing about a category, without accents."""
LEVELS = re.compile(r"[:>|\\]| - ")
"""What stands between a category and its parts, as in ``Leisure > Cinema``."""


class Suggestion(NamedTuple):
    """A category of the coefficients, or None, and how much of the name is known, 0 to 100."""

    category: str | None
    score: int


def suggest(names: Sequence[str], targets: Iterable[str]) -> list[Suggestion]:
    """Suggest a category among the targets for each name, or none.

    A name is matched if its known words all belong to one category, and are half of its letters.
    """
    wanted = {target.casefold(): target for target in targets}
    known = {words: wanted.get(category) for words, category in _synonyms().items()}
    known |= {" ".join(_words(target)): target for target in wanted.values()}
    levels = [[_words(level)[:LONGEST] for level in LEVELS.split(name)] for name in names]
    finder = _Finder(known, [words for parts in levels for words in parts])
    found = []
    for name, parts in zip(names, levels, strict=True):
        if name.casefold() in wanted:
            found.append(Suggestion(wanted[name.casefold()], 100))
            continue
        # The last level that is known is the narrowest category.
        suggestions = (finder.suggest(words) for words in reversed(parts))
        found.append(next(filter(None, suggestions), Suggestion(None, 0)))
    return found


class _Finder:
    """Finds known words in the words of names."""

    def __init__(self, known, lines):
        from rapidfuzz.fuzz import ratio
        from rapidfuzz.process import cdist

        self.known = known
        grams = sorted({gram for words in lines for *_, gram in _grams(words)})
        phrases = list(known)
        scores = cdist(grams, phrases, scorer=ratio, score_cutoff=ALIKE, dtype=np.uint8)
        best = scores.argmax(axis=1) if grams else []
        self.alike = {
            gram: phrases[column]
            for row, (gram, column) in enumerate(zip(grams, best, strict=True))
            if scores[row, column]
        }
        self.parts = [words for words in known if len(words) >= SHORTEST_PART and " " not in words]

    def suggest(self, words):
        """Return the suggestion for the words of a name, or None if none of them is known."""
        free, found, n_letters = [True] * len(words), [], 0
        for first, end, gram in sorted(_grams(words), key=lambda gram: -len(gram[2])):
            if gram in self.alike and all(free[first:end]):
                free[first:end] = [False] * (end - first)
                found.append(self.known[self.alike[gram]])
                n_letters += len(gram) - (end - first - 1)
        for word in (word for word, is_free in zip(words, free, strict=True) if is_free):
            # The last part of a compound says what it is.
            for has_part in (word.endswith, word.startswith):
                if part := max(filter(has_part, self.parts), key=len, default=None):
                    found.append(self.known[part])
                    n_letters += len(part)
                    break
        if not found:
            return None
        score = 100 * n_letters // sum(map(len, words))
        is_one = len(set(found)) == 1 and score >= ENOUGH
        return Suggestion(found[0], score) if is_one and found[0] else Suggestion(None, 0)


def _grams(words):
    """Yield first, end and text of the words that follow each other."""
    for first in range(len(words)):
        for end in range(first + 1, len(words) + 1):
            yield first, end, " ".join(words[first:end])


def _words(name):
    """The words of a name, without accents, case, and words that say nothing."""
    split = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    plain = split.casefold().translate({ord("ø"): "o", ord("æ"): "ae", ord("œ"): "oe"})
    plain = "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c))
    words = [word for word in re.findall(r"[^\W\d_]+", plain) if len(word) > 1]
    return [word for word in words if word not in JOINERS] or words


@cache
def _synonyms():
    """Return the category of the titles of merchant codes, and of all words in the shipped list."""
    merchants = [found for found in get_all_mccs() if not "3000" <= found.mcc <= "3999"]
    categories = mcc_to_category([found.mcc for found in merchants])
    titles = {
        " ".join(_words(title)): category
        for found, category in zip(merchants, categories, strict=True)
        for title in (found.iso_description, found.usda_description, found.visa_description)
        if title
    }
    source = resources.files("skspend.categories") / "data" / "synonyms.csv"
    with source.open(encoding="utf-8") as file:
        table = pd.read_csv(file)
    return titles | {
        " ".join(_words(name)): category
        for category, names in zip(table["category"], table["names"], strict=True)
        for name in names.split("|")
    }
