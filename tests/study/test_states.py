"""The networks of the paper, and the baselines without a network."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skspend import FeedForwardExtractor, LSTMStateExtractor
from skspend.panel import fold
from skspend.study import paper_networks
from skspend.study._states import EachPeriod, TenMeans, complete, mean_so_far


def test_the_networks_are_the_four_of_the_paper_and_one_with_noise():
    networks = paper_networks(4)
    found = {name: (type(one), one.objective, one.n_units) for name, one in networks.items()}
    assert found == {
        "feed-forward predictor": (FeedForwardExtractor, "type", 4),
        "recurrent predictor": (LSTMStateExtractor, "type", 4),
        "feed-forward autoencoder": (FeedForwardExtractor, "reconstruct", 4),
        "recurrent autoencoder": (LSTMStateExtractor, "reconstruct", 4),
        "recurrent predictor with noise": (LSTMStateExtractor, "type", 4),
    }


def test_only_the_fifth_network_has_noise_and_a_penalty():
    networks = paper_networks()
    assert networks["feed-forward predictor"].state_noise == 0
    assert networks["recurrent predictor"].state_noise == 0
    assert networks["recurrent predictor"].step_penalty == 0
    with_noise = networks["recurrent predictor with noise"]
    assert with_noise.get_params() == LSTMStateExtractor().get_params()


def test_a_seed_and_a_scorer_are_set_only_where_there_is_none(scorer):
    own = make_pipeline(
        FunctionTransformer(), LSTMStateExtractor(random_state=5), FeedForwardExtractor()
    )
    completed = complete(own, scorer, 7)
    assert completed[1].random_state == 5
    assert completed[2].random_state == 7
    assert completed[1].scorer.coefficients == scorer.coefficients
    assert own[2].random_state is None


def test_ten_means_are_those_of_the_last_state():
    states = np.random.default_rng(0).normal(size=(200, 3, 2))
    kmeans = KMeans(10, n_init=10, random_state=1).fit(states[:, -1])
    clusterer = TenMeans(1).fit(states)
    np.testing.assert_array_equal(clusterer.predict_levels(states)[:, 0], kmeans.labels_)
    np.testing.assert_array_equal(
        clusterer.predict(states, period=0), kmeans.predict(np.ascontiguousarray(states[:, 0]))
    )


def test_each_period_is_transformed_alike_and_keeps_its_name(bank):
    components = make_pipeline(StandardScaler(), PCA(2, random_state=0))
    found = EachPeriod(components).fit(bank.data).transform(bank.data)
    assert found.columns[:3].tolist() == ["year1|state0", "year1|state1", "year2|state0"]
    by_period = fold(bank.data.to_numpy(), 3).reshape(900, 24)
    np.testing.assert_array_equal(
        found.to_numpy().reshape(900, 2), components.fit(by_period).transform(by_period)
    )


def test_means_so_far_end_at_the_mean_of_all_periods(bank):
    cube = fold(bank.data.to_numpy(np.float64), 3)
    means = fold(mean_so_far(cube), 3)
    np.testing.assert_array_equal(means[:, 0], cube[:, 0])
    np.testing.assert_allclose(means[:, -1], cube.mean(axis=1))


def test_means_over_periods_without_names_are_refused():
    with pytest.raises(ValueError, match="periods of X are unknown"):
        mean_so_far(np.zeros((3, 6)))
