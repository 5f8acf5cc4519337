"""Data that several studies share."""

import pytest

from skspend.datasets import make_spending


@pytest.fixture(scope="session")
def larger_bank():
    """Transactions of 600 customers, six years and 97 categories."""
    return make_spending(600, transactions=True, random_state=0)
