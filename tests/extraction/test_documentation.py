"""Docstrings of extractors describe everything, although shared entries are written once."""

import inspect
import re

import pytest

from skspend import FeedForwardExtractor, LSTMStateExtractor


@pytest.mark.parametrize("cls", [LSTMStateExtractor, FeedForwardExtractor])
def test_docstrings_describe_all_parameters_and_fitted_attributes(cls, bank, scorer):
    text = inspect.getdoc(cls)
    parameters, attributes = re.search(
        r"\nParameters\n-+\n(.*)\nAttributes\n-+\n(.*)\nSee Also\n", text, re.DOTALL
    ).groups()
    assert re.findall(r"^(\w+) : ", parameters, re.MULTILINE) == list(
        inspect.signature(cls).parameters
    )
    fitted = cls(scorer=scorer, epochs=1).fit(bank.data)
    described = set(re.findall(r"^(\w+) : ", attributes, re.MULTILINE))
    assert described >= {name for name in vars(fitted) if re.fullmatch(r"[a-z_]+_", name)} - {
        "n_features_in_",
        "feature_names_in_",
    }
    assert all(hasattr(fitted, name) for name in described)
