"""A panel that tests of explanations and of importance share."""

import numpy as np
import pandas as pd
import pytest

from skspend.panel import Panel


@pytest.fixture(scope="session")
def shares():
    """Shares of 300 customers in 3 years and 4 categories, at random."""
    cube = np.random.default_rng(0).gamma(2, size=(300, 3, 4))
    features = ["groceries", "pets", "travel", "books"]
    return Panel(cube, "year", features).like(pd.DataFrame(index=range(300)))
