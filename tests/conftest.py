"""Small data that many tests share."""

import pytest

from skspend import BigFivePersonalityScorer
from skspend.datasets import make_spending


@pytest.fixture(scope="session")
def bank():
    """A synthetic bank of 300 customers, 3 years and 24 categories, as a panel."""
    return make_spending(300, 3, 24, random_state=0)


@pytest.fixture(scope="session")
def bank_log():
    """The same bank as transactions."""
    return make_spending(300, 3, 24, transactions=True, random_state=0).data


@pytest.fixture(scope="session")
def scorer(bank):
    """A scorer that knows all of the bank's categories."""
    return BigFivePersonalityScorer(coefficients=bank.coefficients.to_dict())


def pytest_collection_modifyitems(items):
    """The README shows households of whose spending few categories have a coefficient."""
    for item in items:
        if item.name == "README.md":
            item.add_marker(pytest.mark.filterwarnings("ignore:Only .* of the spending"))
