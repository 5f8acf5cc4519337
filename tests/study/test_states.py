"""The networks of the paper, and the baselines without a network."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skspend import FeedForwardExtractor, LSTMStateExtractor
from skspend.panel import fold
from skspend.personality import encode_types
from skspend.study import paper_networks
from skspend.study._states import (
    DEFAULT,
    WITH_NOISE,
    EachPeriod,
    MeanScores,
    TypeSegments,
    compared_networks,
    complete,
    mean_so_far,
)


def test_the_networks_are_the_four_of_the_paper():
    networks = paper_networks(4)
    found = {name: (type(one), one.objective, one.n_units) for name, one in networks.items()}
    assert found == {
        "feed-forward predictor": (FeedForwardExtractor, "type", 4),
        "recurrent predictor": (LSTMStateExtractor, "type", 4),
        "feed-forward autoencoder": (FeedForwardExtractor, "reconstruct", 4),
        "recurrent autoencoder": (LSTMStateExtractor, "reconstruct", 4),
    }


def test_only_networks_beyond_the_paper_have_noise_and_a_penalty():
    networks = compared_networks(4)
    plain = {
        name
        for name, one in networks.items()
        if one.objective == "type"
        and one.state_noise == getattr(one, "step_penalty", 0) == 0
        and one.n_networks == 1
    }
    assert plain == {"feed-forward predictor", "recurrent predictor"}
    assert networks[WITH_NOISE].n_units == 4
    assert networks[DEFAULT].get_params() == LSTMStateExtractor().get_params()


def test_a_seed_and_a_scorer_are_set_only_where_there_is_none(scorer):
    own = make_pipeline(
        FunctionTransformer(), LSTMStateExtractor(random_state=5), FeedForwardExtractor()
    )
    completed = complete(own, scorer, 7)
    assert completed[1].random_state == 5
    assert completed[2].random_state == 7
    assert completed[1].scorer.coefficients == scorer.coefficients
    assert own[2].random_state is None


@pytest.mark.parametrize("standardize", [True, False])
def test_mean_scores_end_at_the_scores_of_all_periods_and_segments_are_their_types(
    bank, scorer, standardize
):
    scorer = clone(scorer).set_params(standardize=standardize)
    states = MeanScores(scorer).fit_transform(bank.data)
    assert states.columns[:2].tolist() == ["year1|openness", "year1|conscientiousness"]
    overall = scorer.fit_transform(bank.data)
    np.testing.assert_allclose(fold(states.to_numpy(), 3)[:, -1], overall, atol=1e-5)
    segments = TypeSegments().fit(states)
    np.testing.assert_array_equal(segments.predict_levels(states)[:, 0], encode_types(overall))
    only_first = np.tile(bank.data.to_numpy()[:, :24], 3)
    first = scorer.transform(pd.DataFrame(only_first, columns=bank.data.columns))
    np.testing.assert_array_equal(segments.predict(states, period=0), encode_types(first))


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
