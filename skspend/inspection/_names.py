"""Names of segments: what is typical of the nodes of a tree comes in, a name for each goes out."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._utils._typing import Floats, Integers

WORTH_SAYING = 0.2
"""Smallest difference from the others that is reported, in the units of scores or in standard
deviations of a category: a small effect in Cohen's terms."""
ROUNDING = 1e-6
"""Differences up to this size, in the same units, may come from rounding."""


class Namer:
    """Names the nodes of a tree by what their members are like, and by what they spend on.

    Parameters
    ----------
    parents, sizes : dict from int to int
        Every node but the root, 0, to its parent and to its number of members. Parents come before
        their children.
    effects : dict from int to ndarray, shape (n_traits + n_categories,)
        Node to the difference of its members from everybody: first of their median scores on the
        traits, then of their mean shares of the categories, in standard deviations.
    traits, categories : sequence of str
    previous : dict from int to str, default=None
        Names to keep while they are true.
    sides : dict from int to ndarray of int, shape (n_traits + n_categories,), default=None
        Node to 1 where most of its members are above the median of everybody, -1 where most are
        below it, else 0. If it is given, no node is compared with siblings by anything else.
    """

    def __init__(
        self,
        parents: dict[int, int],
        sizes: dict[int, int],
        effects: dict[int, Floats],
        traits: Sequence[str],
        categories: Sequence[str],
        previous: dict[int, str] | None = None,
        sides: dict[int, Integers] | None = None,
    ) -> None:
        self.sides = sides
        self.parents, self.sizes, self.effects = parents, sizes, effects
        self.n_traits = len(traits)
        self.things = [*traits, *map(_clean, categories)]
        self.previous = {node: self._read(name) for node, name in (previous or {}).items()}

    def name(self) -> dict[int, str]:
        """Return the name of every node but the root."""
        # Positions in `things` of what the words of each node, and of those above, are about.
        self.said = {0: frozenset[int]()}
        self.words: dict[int, list[str]] = {}
        children = defaultdict(list)
        for node in self.effects:
            children[self.parents[node]].append(node)
        for parent, siblings in children.items():
            kept = [self.previous.get(node) for node in siblings]
            for node, words in zip(siblings, kept, strict=True):
                self.said[node], self.words[node] = self.said[parent], []
                if kept.count(words) > 1:
                    self.previous.pop(node, None)
            self._tell_apart(siblings)
            for node in siblings:
                while word := self._keep_word(node, siblings):
                    self._say(node, *word)
        return {node: ", ".join(words) for node, words in self.words.items()}

    def _tell_apart(self, alike: list[int]) -> None:
        """Give a word to each of some siblings with equal words until no two have equal words."""
        found = {
            node: self._keep_word(node, alike) or self._find_word(node, alike)
            for node in alike
            if not self._is_kept(node)
        }
        groups = defaultdict(list)
        for node, (word, thing) in found.items():
            self._say(node, word, thing)
            # Two categories may read the same.
            groups[word, thing].append(node)
        for group in groups.values():
            if len(group) > 1:
                self._tell_apart(group)

    def _say(self, node: int, word: str, thing: int) -> None:
        self.words[node].append(word)
        self.said[node] |= {thing}

    def _is_kept(self, node: int) -> bool:
        """Whether the node has all words of its previous name."""
        return 0 < len(self.previous.get(node) or []) == len(self.words[node])

    def _keep_word(self, node: int, alike: Sequence[int]) -> tuple[str, int] | None:
        """The next word of the previous name if it is true; None if it is not, or was the last."""
        kept = self.previous.get(node) or []
        position = len(self.words[node])
        if position >= len(kept):
            return None
        word, thing, sign = kept[position]
        is_compared = word.startswith(("more ", "less "))
        effects = self._compare(node, alike) if is_compared else self.effects[node]
        if thing in self.said[node] or sign * effects[thing] <= 0:
            del self.previous[node]
            return None
        return word, thing

    def _read(self, name: str) -> list[tuple[str, int, int]]:
        """The words of a name, what each is about and its sign; empty if it has other words."""
        known = [
            (word, position, sign)
            for position, thing in enumerate(self.things)
            for sign, end, direction in ((1, "+", "more"), (-1, "-", "less"))
            for word in ([f"{thing}{end}"] if position < self.n_traits else [])
            + [f"{direction} {thing}"]
        ]
        words = []
        while name:
            # A category may have a comma, so that a name cannot be split at commas.
            fitting = [word for word in known if f"{name}, ".startswith(f"{word[0]}, ")]
            if not fitting:
                return []
            words.append(max(fitting, key=lambda word: len(word[0])))
            name = name[len(words[-1][0]) + 2 :]
        return words

    def _find_word(self, node: int, alike: Sequence[int]) -> tuple[str, int]:
        """The next word of a node, and the position of what it is about."""
        every = np.arange(len(self.things))
        fresh = every[~np.isin(every, list(self.said[node]))]
        traits, categories = fresh[fresh < self.n_traits], fresh[fresh >= self.n_traits]
        if not self.words[node]:
            effects = self.effects[node]
            if (trait := _largest(effects, traits, WORTH_SAYING)) is not None:
                return f"{self.things[trait]}{'+' if effects[trait] > 0 else '-'}", trait
        effects = self._compare(node, alike)
        for among, least in (
            (traits, WORTH_SAYING),
            (categories, WORTH_SAYING),
            (every, ROUNDING),
        ):
            if (thing := _largest(effects, among, least)) is not None:
                return f"{'more' if effects[thing] > 0 else 'less'} {self.things[thing]}", thing
        return f"segment {node}", -1

    def _compare(self, node: int, alike: Sequence[int]) -> Floats:
        """Difference of a node from the members of the others in `alike`; 0 without members."""
        others = [other for other in alike if other != node and self.sizes[other]]
        if not (others and self.sizes[node]):
            return np.zeros(len(self.things))
        sizes = [self.sizes[other] for other in others]
        effects = self.effects[node] - np.average(
            [self.effects[other] for other in others], axis=0, weights=sizes
        )
        if self.sides is None:
            return effects
        return np.where(np.sign(effects) == self.sides[node], effects, 0)


def _largest(effects, among, least):
    """Position among some of the effect of largest absolute value; None if it is too small."""
    if not len(among):
        return None
    position = int(among[np.abs(effects[among]).argmax()])
    return position if abs(effects[position]) > least else None


def _clean(category):
    """A category on one line, without the separator of paths, as a model file needs it."""
    line = "".join(letter if letter.isprintable() else " " for letter in str(category))
    return line.replace(" > ", " ")


def first_word(name: str) -> tuple[str, bool]:
    """The trait or category that a name begins with, and whether it is low.

    >>> first_word("openness-, more pets"), first_word("less pet food"), first_word("self control+")
    (('openness', True), ('pet food', True), ('self control', False))
    """
    word = name.partition(",")[0]
    direction, _, thing = word.partition(" ")
    if direction in ("more", "less"):
        return thing, direction == "less"
    # A trait may have several words. Names of version 0.1.0 go on after the sign.
    found = re.match(r"(.+?)([+-])( |$)", word)
    return (found[1], found[2] == "-") if found else (word, False)
