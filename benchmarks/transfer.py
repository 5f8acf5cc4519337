"""Time of the paper's transfer study, compared with the same protocol written with Keras.

Tables 1 and 2 have two labels, two networks (1,637 and 506 weights), two initialisations and 20
repetitions of 100 labels. They are evaluated on 5,000 other customers of a synthetic bank of
26,000. skspend runs `transfer_study` with two jobs. Keras builds a model for every fit and trains
it with `keras.Model.fit` for the same number of epochs and with the same batches. A pretrained body
is not trainable. Pretraining and imports are not counted for either.

The script then measures a single fit of a pretrained model on 100 rows, and of its head alone.

    python benchmarks/transfer.py [--repetitions 20]
"""

import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import click
import keras
import numpy as np
import pandas as pd
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split

from skspend import (
    BigFivePersonalityScorer,
    FeedForwardExtractor,
    LSTMStateExtractor,
    TransferRegressor,
)
from skspend.datasets import make_spending
from skspend.panel import fold
from skspend.study import transfer_models, transfer_study, transfer_table
from skspend.study._experiments import PAPER_CATEGORIES

LABELLED, FEW, VALIDATION, EPOCHS, BATCH = 7200, 100, 5000, 100, 32
NETWORKS = {
    "recurrent": LSTMStateExtractor.paper(4, random_state=0),
    "feed-forward": FeedForwardExtractor(5, state_noise=0, random_state=0),
}


def pretrain(customers):
    """Network to fitted body, customers with labels, and labels."""
    found = {}
    for name, body in NETWORKS.items():
        bank = make_spending(customers, n_categories=PAPER_CATEGORIES[name], random_state=0)
        body.set_params(scorer=BigFivePersonalityScorer(bank.coefficients))
        body.fit(bank.data[LABELLED:])
        labels = {"liquidity": bank.liquidity[:LABELLED], "default": bank.default[:LABELLED]}
        found[name] = body, bank.data[:LABELLED], labels
    return found


def by_skspend(banks, repetitions, jobs):
    """The study, a frame for each network."""
    studies = []
    for name, (body, panel, labels) in banks.items():
        models = transfer_models({name: body}, kinds=["pretrained", "random"])
        # The paper tells both labels as numbers.
        models = {kind: (regressor, None) for kind, (regressor, _) in models.items()}
        studies.append(
            transfer_study(
                panel,
                labels,
                models,
                sizes=[FEW],
                repetitions=repetitions,
                test_size=VALIDATION,
                n_jobs=jobs,
            )
        )
    return studies


def keras_network(name, body, is_pretrained):
    """One of the paper's networks, as one writes it down."""
    n_features = PAPER_CATEGORIES[name]
    layers = [keras.Input((6, n_features))]
    if name == "recurrent":
        layers.append(keras.layers.LSTM(4))
    else:
        layers.append(keras.layers.Dense(5, activation="tanh"))
        layers.append(keras.layers.GlobalAveragePooling1D())
    model = keras.Sequential([*layers, keras.layers.Dense(1)])
    if is_pretrained:
        n_arrays = 3 if name == "recurrent" else 2
        model.layers[0].set_weights(body.weights_[:n_arrays])
        model.layers[0].trainable = False
    model.compile(keras.optimizers.Adam(0.01), "mse")
    return model


def by_keras(banks, repetitions):
    """The same protocol; returns mean squared errors."""
    errors = []
    for name, (body, panel, labels) in banks.items():
        panel = fold(panel.to_numpy(), 6)
        scaled = (panel - panel.mean((0, 1))) / panel.std((0, 1))
        for label, values in labels.items():
            y = np.asarray(values, np.float32)
            for is_pretrained in (True, False):
                X = panel if is_pretrained else scaled
                for repetition in range(repetitions):
                    rows, test = train_test_split(
                        np.arange(len(y)),
                        train_size=FEW,
                        test_size=VALIDATION,
                        random_state=repetition,
                    )
                    model = keras_network(name, body, is_pretrained)
                    model.fit(X[rows], y[rows], batch_size=BATCH, epochs=EPOCHS, verbose=0)
                    told = model.predict(X[test], verbose=0)[:, 0]
                    kind = "pretrained" if is_pretrained else "random"
                    errors.append((name, label, kind, np.mean((told - y[test]) ** 2)))
    return pd.DataFrame(errors, columns=["network", "label", "weights", "mse"])


def single_fits(banks, repeats=50):
    """Median milliseconds of a pretrained fit on 100 rows, and of its head."""
    rows = []
    for name, (body, panel, labels) in banks.items():
        model = TransferRegressor(FrozenEstimator(body))
        X, y = panel[:FEW], labels["liquidity"][:FEW]
        whole, heads = [], []
        for _ in range(repeats):
            start = time.perf_counter()
            model.fit(X, y)
            whole.append(time.perf_counter() - start)
            features, target = body.pool_states(X), y.to_numpy()[:, None]
            start = time.perf_counter()
            model._solve_head(features, target, None)
            heads.append(time.perf_counter() - start)
        rows.append({"network": name, "fit, ms": np.median(whole), "head, ms": np.median(heads)})
    return pd.DataFrame(rows).set_index("network") * 1000


@click.command()
@click.option("--customers", default=26_000, show_default=True)
@click.option("--repetitions", default=20, show_default=True)
@click.option("--jobs", default=2, show_default=True)
def main(customers, repetitions, jobs):
    """Print seconds, their ratio, and the tables."""
    banks = pretrain(customers)
    start = time.perf_counter()
    studies = by_skspend(banks, repetitions, jobs)
    ours = time.perf_counter() - start
    columns = ["label", "model", "n_weights", "n_trainable_weights", "mse", "mse_interval"]
    for study in studies:
        click.echo(transfer_table(study)[columns].round(4).to_string(index=False))
    click.echo(f"skspend: {ours:.1f} s")
    start = time.perf_counter()
    errors = by_keras(banks, repetitions)
    theirs = time.perf_counter() - start
    click.echo(errors.groupby(["network", "label", "weights"])["mse"].mean().round(4).to_string())
    click.echo(f"keras: {theirs:.1f} s, ratio {theirs / ours:.1f}")
    click.echo(f"\n{single_fits(banks).round(2).to_string()}")


if __name__ == "__main__":
    main()
