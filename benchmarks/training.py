"""Training time, compared with keras.Model.fit and PyTorch in the same run.

The same network, LSTM(3) with a dense head that predicts ten types, is trained for 40 epochs with
Adam on the same 80 % of 26,000 x 6 x 97. Its loss is measured on the other 20 %. Every fit starts
from scratch: models are built and traced again. Only the imports are not counted. Each engine has a
process of its own: TensorFlow and PyTorch do not work together in one.

The same network is then fitted to values on 100 rows, with a new Keras model for each fit.

    pip install ".[benchmark]"
    python benchmarks/training.py
"""

import os
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from importlib.util import find_spec
from itertools import product
from multiprocessing import get_context

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import click
import numpy as np
import pandas as pd
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

from skspend import BigFivePersonalityScorer, LSTMStateExtractor
from skspend.datasets import make_spending
from skspend.networks._forward import decode, encode
from skspend.panel import fold
from skspend.personality import encode_types

BATCH_SIZES = 32, 256, 1024, 4096
KERAS_DEFAULT = 32
LEARNING_RATE = 0.01
SAME_LOSS = 1.05
"""Losses up to this factor above the lowest one of all runs count as the same."""


def timed(function):
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def keras_model(n_outputs, loss):
    import keras

    model = keras.Sequential(
        [keras.Input((6, 97)), keras.layers.LSTM(3), keras.layers.Dense(n_outputs)]
    )
    model.compile(keras.optimizers.Adam(LEARNING_RATE), loss)
    return model


def fit_keras(X, y, batch_size, epochs):
    import keras

    model = keras_model(10, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(X, y, batch_size=batch_size, epochs=epochs, verbose=0)
    return lambda X: model.predict(X, batch_size=4096, verbose=0)


def fit_torch(X, y, batch_size, epochs):
    import torch

    torch.set_num_threads(1)  # in a network this small, more only wait for each other
    X, y = torch.from_numpy(X), torch.from_numpy(y)
    lstm, head = torch.nn.LSTM(97, 3, batch_first=True), torch.nn.Linear(3, 10)
    with torch.no_grad():  # the forget bias that Keras starts from
        lstm.bias_ih_l0[3:6] = 1
    optimizer = torch.optim.Adam([*lstm.parameters(), *head.parameters()], LEARNING_RATE)
    loss = torch.nn.CrossEntropyLoss()

    def predict(X):
        return head(lstm(X)[0][:, -1])

    for _ in range(epochs):
        for rows in torch.randperm(len(X)).split(batch_size):
            optimizer.zero_grad()
            loss(predict(X[rows]), y[rows]).backward()
            optimizer.step()
    return lambda X: predict(torch.from_numpy(X)).detach().numpy()


def fit_skspend(X, y, batch_size, epochs):
    extractor = LSTMStateExtractor.paper(
        objective="y", n_init=1, epochs=epochs, batch_size=batch_size, learning_rate=LEARNING_RATE
    ).fit(X, y)

    def predict(X):
        states = encode(extractor.network_, X, extractor.weights_)
        return decode(extractor.network_, states[:, -1], extractor.weights_)

    return predict


ENGINES = {"keras": fit_keras, "torch": fit_torch, "skspend": fit_skspend}
if find_spec("torch") is None:
    del ENGINES["torch"]


def large_fit(engine, X, y, n_train, batch_size, epochs):
    """Seconds of the fit, and the log odds of the other rows; the imports come before."""
    fit = ENGINES[engine]
    fit(X[:100], y[:100], 100, 1)
    seconds, predict = timed(lambda: fit(X[:n_train], y[:n_train], batch_size, epochs))
    return seconds, predict(X[n_train:]).astype(float)


def large_fits(n_customers, epochs, batch_sizes):
    """Seconds and validation losses, one row per engine and batch size."""
    bank = make_spending(n_customers, random_state=0)
    y = encode_types(BigFivePersonalityScorer(bank.coefficients).fit_transform(bank.data))
    X = fold(bank.data.to_numpy(), 6)
    X = StandardScaler().fit_transform(X.reshape(-1, 97)).reshape(X.shape).astype(np.float32)
    n_train = int(0.8 * n_customers)
    rows = []
    with ExitStack() as stack:
        pools = {
            engine: stack.enter_context(ProcessPoolExecutor(1, get_context("spawn")))
            for engine in ENGINES
        }
        for batch_size, (engine, pool) in product(batch_sizes, pools.items()):
            job = pool.submit(large_fit, engine, X, y, n_train, batch_size, epochs)
            seconds, log_odds = job.result()
            told = np.exp(log_odds - np.logaddexp.reduce(log_odds, axis=1, keepdims=True))
            loss = log_loss(y[n_train:], told, labels=np.arange(10))
            rows.append((engine, batch_size, seconds, loss))
            click.echo(f"{engine:8} batch {batch_size:5}  {seconds:7.1f} s  loss {loss:.4f}")
    return pd.DataFrame(rows, columns=["engine", "batch_size", "seconds", "loss"])


def small_fits(epochs, repeats):
    """Median seconds of a fit of 100 rows, by Keras and by skspend."""
    bank = make_spending(100, random_state=0)
    X = fold(bank.data.to_numpy(), 6)
    y = bank.liquidity.to_numpy(dtype=float)

    def by_keras():
        keras_model(1, "mse").fit(X, y, batch_size=32, epochs=epochs, verbose=0)

    def by_skspend():
        extractor = LSTMStateExtractor.paper(objective="y", n_init=1, epochs=epochs, batch_size=32)
        extractor.fit(X, y)

    by_keras(), by_skspend()
    return [np.median([timed(fit)[0] for _ in range(repeats)]) for fit in (by_keras, by_skspend)]


@click.command()
@click.option("--customers", default=26000, show_default=True)
@click.option("--epochs", default=40, show_default=True)
@click.option("--fast", is_flag=True, help="Leave out the batch size of 32.")
def main(customers, epochs, fast):
    """Print seconds, losses and ratios."""
    if "torch" not in ENGINES:
        click.echo("PyTorch is not installed, so it is left out.")
    fits = large_fits(customers, epochs, BATCH_SIZES[1:] if fast else BATCH_SIZES)
    best = fits.loss.min()
    same = fits[fits.loss <= SAME_LOSS * best]
    fastest = same.loc[same.groupby("engine").seconds.idxmin()].set_index("engine")
    missing = set(ENGINES) - set(fastest.index)
    if missing:
        raise click.ClickException(f"{missing} did not reach {SAME_LOSS} times the best loss.")
    click.echo(f"\nThe fastest fit of each engine whose loss is up to {SAME_LOSS} x {best:.4f}:")
    click.echo(fastest.round(4).to_string())
    mine = fastest.seconds["skspend"]
    ratios = fastest.seconds.drop("skspend") / mine
    for engine in ratios.index:
        click.echo(f"figure: time of {engine}, in that of skspend = {ratios[engine]:.1f}")
    table = fits.pivot(index="batch_size", columns="engine", values="seconds")
    by_size = table[ratios.index].div(table["skspend"], axis=0)
    click.echo("At the same batch size:\n" + by_size.round(1).to_string())
    if not fast:
        default = fits.query("engine == 'keras' and batch_size == @KERAS_DEFAULT").seconds.item()
        click.echo(f"keras at its default batch size / skspend: {default / mine:.1f}")
    click.echo("\n100 rows, median of 7 fits:")
    for n_epochs in (20, epochs, 100):
        keras_seconds, seconds = small_fits(n_epochs, 7)
        click.echo(
            f"{n_epochs:3} epochs: keras {keras_seconds:.2f} s, skspend {seconds:.3f} s, "
            f"ratio {keras_seconds / seconds:.1f}"
        )
    click.echo(
        f"figure: time of Keras for 100 rows, in that of skspend = {keras_seconds / seconds:.0f}"
    )


if __name__ == "__main__":
    main()
