"""A model file of each released version is read by this one, and places customers as then."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skspend import TransactionLog
from skspend.segmentation import SegmentModel

DATA = Path(__file__).parent / "data"
VERSIONS = sorted(path.stem.removeprefix("model-") for path in DATA.glob("model-*.skops"))


def test_there_are_models_to_read():
    assert "0.1.0" in VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
def test_customers_have_the_segments_of_then(version):
    model = SegmentModel.load(DATA / f"model-{version}.skops")
    placed = model.predict(TransactionLog(pd.read_csv(DATA / "customers.csv")))
    then = pd.read_csv(DATA / f"segments-{version}.csv")
    assert then["segment"].nunique() > 5
    np.testing.assert_allclose(placed["strength"], then["strength"], atol=1e-4)
    for name in ("customer", "segment", "level1", "type"):
        assert placed[name].tolist() == then[name].tolist()
