"""Pretrained bodies and a label of classes that the tests of transfer share."""

import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator

from skspend import FeedForwardExtractor, LSTMStateExtractor


@pytest.fixture(scope="session")
def states(bank, scorer):
    """A fitted recurrent network, frozen."""
    extractor = LSTMStateExtractor.paper(4, scorer=scorer, epochs=5, random_state=0)
    return FrozenEstimator(extractor.fit(bank.data))


@pytest.fixture(scope="session")
def ensemble(bank, scorer):
    """Two fitted recurrent networks side by side, frozen."""
    extractor = LSTMStateExtractor(4, n_networks=2, scorer=scorer, epochs=5, random_state=0)
    return FrozenEstimator(extractor.fit(bank.data))


@pytest.fixture(scope="session")
def features(bank):
    """A fitted feed-forward autoencoder with a decoder of its own, frozen."""
    extractor = FeedForwardExtractor(3, (4,), objective="reconstruct", epochs=5, random_state=0)
    return FrozenEstimator(extractor.fit(bank.data))


@pytest.fixture(scope="session")
def thirds(bank):
    """A label of three classes."""
    return np.digitize(bank.liquidity, np.quantile(bank.liquidity, [1 / 3, 2 / 3]))
