"""The network of an extractor: its layers, and its training from scaled panels and targets."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from numbers import Integral

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.extmath import svd_flip

from ..networks import Network
from ..networks._training import NativeTrainer, keep_best, train


def make_network(extractor, recurrent, fitted, panel, target):
    """Lay out the network of an extractor for a fitted target, a panel and the encoded target."""
    units = (*extractor.hidden_units, extractor.n_units)
    if not all(isinstance(n, Integral) and n > 0 for n in units):
        raise ValueError(
            f"hidden_units must be whole numbers of units from 1, got {extractor.hidden_units!r}."
        )
    classifies = extractor.classes_ is not None
    network = Network(
        recurrent=recurrent,
        n_periods=panel.shape[1],
        n_features=panel.shape[2],
        encoder=units,
        n_outputs=len(extractor.classes_) * fitted.n_ranks if classifies else target.shape[-1],
        decoder=units[-2::-1] if extractor.objective_ == "reconstruct" and not recurrent else (),
        reads="every",
        classifies=classifies,
        state_noise=float(extractor.state_noise) if classifies else 0.0,
        step_penalty=float(extractor.step_penalty) if classifies and recurrent else 0.0,
        l2=float(extractor.l2),
        task_weights=tuple(0.5**rank for rank in range(fitted.n_ranks)),
        n_networks=extractor.n_networks,
    )
    return network if fitted.by_period else network._replace(reads=network.pooling)


def train_by_epoch(extractor, panel, target, random_state, n_epochs, n_init=1, weights=None):
    """Train the network of an extractor, and pause after every epoch.

    `panel` is standardised and has only the features that the network reads. Training starts anew,
    or continues from `weights` without customers held out. Yields the weights for standardised
    values, the losses so far as in ``losses_``, and whether training has converged.
    """
    network = extractor.network_._replace(n_features=panel.shape[2])
    held_out = None
    if extractor.early_stopping and weights is None and n_epochs > 1:
        panel, held_panel, target, held_target = train_test_split(
            panel, target, test_size=extractor.validation_fraction, random_state=random_state
        )
        held_out = held_panel, held_target
    class_weights = _weigh_classes(extractor, target)
    batch_size = extractor.batch_size
    if batch_size == "auto":  # smaller steps are slow, and larger ones learn no faster
        batch_size = int(np.clip(len(panel) // 25, 64, 1024))
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
        learning_rate=extractor.learning_rate,
        random_state=random_state,
        class_weights=class_weights,
        n_init=n_init,
        weights=weights,
        decay=n_epochs > 1,
        trainer=_choose_trainer(extractor),
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


def _choose_trainer(extractor):
    optimizer = extractor.optimizer
    if extractor.engine == "keras":
        from ..networks._keras_training import KerasTrainer

        return partial(KerasTrainer, optimizer=optimizer)
    if not (isinstance(optimizer, str) and optimizer.lower() == "adam"):
        raise ValueError(
            f"optimizer={optimizer!r} needs engine='keras', because engine='native' has 'adam' "
            f"alone."
        )
    return NativeTrainer


def find_components(states, network):
    """Return the map from the states of all networks to their n_units principal components.

    It is an array (n_networks * n_units, n_units). Dividing by the root of the number of networks
    keeps the distances of a single network.
    """
    states = states.reshape(-1, states.shape[-1]).astype(np.float64)
    states -= states.mean(axis=0)
    _, vectors = np.linalg.eigh(states.T @ states)  # from the smallest variance to the largest
    _, components = svd_flip(None, vectors.T[: -network.n_units - 1 : -1], u_based_decision=False)
    return components.T / np.sqrt(network.n_networks)


def _weigh_classes(extractor, target):
    """Return the weight of a customer of each class, by task; that of absent classes is 1."""
    if extractor.class_weight is None:
        return None
    if extractor.classes_ is None:
        raise ValueError(
            f"class_weight={extractor.class_weight!r} needs classes, but the target of "
            f"objective={extractor.objective_!r} is values. Set class_weight=None."
        )
    n_tasks = len(extractor.network_.task_weights)
    weights = np.ones((n_tasks, len(extractor.classes_)))
    for own, positions in zip(weights, target.reshape(-1, n_tasks).T, strict=True):
        present = np.unique(positions)
        own[present] = compute_class_weight(extractor.class_weight, classes=present, y=positions)
    return weights
