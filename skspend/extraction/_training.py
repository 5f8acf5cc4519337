"""The training of an extractor's network, with early stopping and class weights."""

from __future__ import annotations

from contextlib import closing

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils.class_weight import compute_class_weight

from ..networks._training import keep_best, train

STEPS_PER_EPOCH = 25
"""Steps of the optimizer per epoch that ``batch_size="auto"`` aims at."""
AUTO_BATCH_SIZES = 256, 1024
"""Bounds of ``batch_size="auto"``: smaller steps are slow, and larger ones learn no faster."""


def train_by_epoch(extractor, panel, target, random_state, n_epochs, n_init=1, weights=None):
    """Train the network of an extractor, and pause after every epoch.

    Parameters
    ----------
    extractor : extractor
        Its parameters and its ``network_`` are read.
    panel : ndarray, shape (n_customers, n_periods, n_features_read)
        Standardised, and only the features that the network reads.
    target : ndarray
        As :meth:`Target.encode` returns it.
    random_state : numpy.random.RandomState
    n_epochs, n_init : int
    weights : list of ndarray, default=None
        Where to go on, in which case no customers are held out.

    Yields
    ------
    weights : list of ndarray
        Those for standardised values.
    losses : dict from str to list of float
        As ``losses_``, up to now.
    has_converged : bool
    """
    network = extractor.network_._replace(n_features=panel.shape[2])
    held_out = None
    if extractor.early_stopping and weights is None and n_epochs > 1:
        rows, others = train_test_split(
            np.arange(len(panel)),
            test_size=extractor.validation_fraction,
            random_state=random_state,
        )
        held_out = panel[others], target[others]
        panel, target = panel[rows], target[rows]
    class_weights = _weigh_classes(extractor.class_weight, target, network.n_outputs)
    batch_size = extractor.batch_size
    if batch_size == "auto":
        batch_size = int(np.clip(len(panel) // STEPS_PER_EPOCH, *AUTO_BATCH_SIZES))
    trained = network
    if network.step_penalty and network.reads == "last":
        # With a class to predict at every period, states settle early and move little afterwards.
        trained = network._replace(reads="every")
        target = np.repeat(target[:, None], network.n_periods, axis=1)
    epochs = train(
        trained,
        panel,
        target,
        epochs=n_epochs,
        batch_size=batch_size,
        optimizer=extractor.optimizer,
        learning_rate=extractor.learning_rate,
        random_state=random_state,
        class_weights=class_weights,
        n_init=n_init,
        weights=weights,
    )
    epochs = keep_best(epochs, network, held_out, class_weights, extractor.n_iter_no_change)
    losses = {"loss": []} if held_out is None else {"loss": [], "validation_loss": []}
    with closing(epochs):
        for loss, validation_loss, best, has_converged in epochs:
            for name, value in zip(losses, (loss, validation_loss), strict=False):
                losses[name].append(value)
            if extractor.verbose:
                text = [f"{name.replace('_', ' ')} {losses[name][-1]:.4f}" for name in losses]
                epoch = f"{type(extractor).__name__}: epoch {len(losses['loss'])} of {n_epochs}"
                print(", ".join([epoch, *text]))
            yield best, losses, has_converged


def _weigh_classes(class_weight, target, n_classes):
    """Return the weight of a customer of each class; that of absent classes is 1."""
    weights = np.ones(n_classes)
    if class_weight is not None:
        present = np.unique(target)
        weights[present] = compute_class_weight(class_weight, classes=present, y=target.ravel())
    return weights
