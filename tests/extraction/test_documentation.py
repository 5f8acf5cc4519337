"""Docstrings of extractors name everything, although shared entries are described once."""

import inspect
import re

import pytest

from skspend import FeedForwardExtractor, LSTMStateExtractor


def _names(entries):
    """Names at the left margin, from lines such as "a, b" and "c : int"."""
    lines = re.findall(r"^(\w+(?:, \w+)*)(?: : .*)?$", entries, re.MULTILINE)
    return [name for line in lines for name in line.split(", ")]


def _sections(cls):
    """The text below "Parameters" and below "Attributes"."""
    pattern = r"\nParameters\n-+\n(.*)\nAttributes\n-+\n(.*)\nSee Also\n"
    return re.search(pattern, inspect.getdoc(cls), re.DOTALL).groups()


@pytest.mark.parametrize("cls", [LSTMStateExtractor, FeedForwardExtractor])
def test_docstrings_describe_all_parameters_and_fitted_attributes(cls, bank, scorer):
    parameters, attributes = _sections(cls)
    assert _names(parameters) == list(inspect.signature(cls).parameters)
    fitted = cls(scorer=scorer, epochs=1).fit(bank.data)
    described = set(_names(attributes))
    assert described >= {name for name in vars(fitted) if re.fullmatch(r"[a-z_]+_", name)} - {
        "n_features_in_",
        "feature_names_in_",
    }
    assert all(hasattr(fitted, name) for name in described)


def test_what_the_feed_forward_docstring_refers_to_is_described_for_the_lstm():
    sections = zip(_sections(FeedForwardExtractor), _sections(LSTMStateExtractor), strict=True)
    for here, there in sections:
        lines = re.findall(r"^(\w+(?:, \w+)+)", here, re.MULTILINE)
        referred = {name for line in lines for name in line.split(", ")}
        assert len(referred) > 10
        assert referred <= set(re.findall(r"^(\w+) : ", there, re.MULTILINE))
