"""A model gives every customer a segment that a person can read."""

import pytest
from sklearn.pipeline import Pipeline

from skspend import LSTMStateExtractor, SegmentModel, SpendingAggregator, TrajectoryClusterer


@pytest.fixture(scope="module")
def model(bank_log, scorer):
    pipeline = Pipeline(
        [
            ("spend", SpendingAggregator(n_periods=3)),
            (
                "states",
                LSTMStateExtractor(2, n_networks=1, scorer=scorer, epochs=10, random_state=0),
            ),
            ("segment", TrajectoryClusterer(2, min_share=0.05, random_state=0)),
        ]
    ).fit(bank_log)
    names = {node: f"part {node}" for node in pipeline["segment"].tree_.index[1:]}
    return SegmentModel(pipeline, names)


def test_predict_gives_the_path_of_the_segment_of_every_customer_once(model, bank_log):
    customers = bank_log[::-7]
    table = model.predict(customers)
    assert table["customer"].tolist() == customers.customers.tolist()
    leaves = model.pipeline["segment"].predict_levels(model.see(customers)[1])[:, -1]
    assert table["segment"].tolist() == [model.path(leaf) for leaf in leaves]
    assert table["segment"].str.fullmatch(r"part \d+ > part \d+").all()
    assert (table["segment"] == table["level2"]).all()
