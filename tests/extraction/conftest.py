"""Extractors of every kind."""

import pytest
from sklearn.base import clone

from skspend import FeedForwardExtractor, LSTMStateExtractor

EXTRACTORS = {
    "LSTM": LSTMStateExtractor.paper(random_state=0),
    "ensemble": LSTMStateExtractor(2, (3,), n_networks=3, random_state=0),
    "feed-forward": FeedForwardExtractor(3, random_state=0),
    "deep feed-forward": FeedForwardExtractor(2, (6, 4), random_state=0),
}


@pytest.fixture(params=EXTRACTORS.values(), ids=EXTRACTORS)
def extractor(request, scorer):
    """Each of the extractors, unfitted."""
    return clone(request.param).set_params(scorer=scorer)


@pytest.fixture(scope="session")
def autoencoder(bank):
    """An LSTM that was fitted to reconstruct spending, in two epochs."""
    extractor = LSTMStateExtractor.paper(objective="reconstruct", epochs=2, random_state=0)
    return extractor.fit(bank.data)
