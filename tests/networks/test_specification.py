"""Numbers of weights are those of the paper and of Keras."""


def test_weights_are_counted_as_keras_counts_them(network, build):
    one = build(network._replace(n_networks=1)).count_params()
    assert network.n_weights == network.n_networks * one


def test_the_weights_of_tables_1_and_2(networks):
    predictors = networks["LSTM predictor"], networks["feed-forward predictor"]
    assert [network.n_weights for network in predictors] == [1637, 506]
    heads = [network.n_weights - network.n_body_weights for network in predictors]
    assert heads == [5, 6]


def test_recurrent_networks_pool_the_last_state_and_others_the_mean(network):
    assert network.pooling == ("last" if network.recurrent else "mean")
