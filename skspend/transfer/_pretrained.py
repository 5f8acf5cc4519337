"""The pretrained extractor that a transfer model reads, and what it may be."""

from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from ._head import check_head


def find_pretrained(transfer):
    """Return the fitted extractor of a transfer model, out of its FrozenEstimator, or None.

    Parameters that contradict each other are a ValueError.
    """
    pretrained = transfer.extractor
    if transfer.head is not None:
        check_head(transfer)
    if transfer.alpha == "cv" and transfer.engine == "scikeras":
        raise ValueError("alpha='cv' needs engine='native'. Pass a number as alpha.")
    if transfer.model is not None:
        if transfer.engine != "scikeras":
            raise ValueError("model= is trained by Keras: pass engine='scikeras' with it.")
        if pretrained is not None:
            raise ValueError("Pass model= or extractor=, not both: each of them is a network.")
        if transfer.trainable is not None or transfer.initialization != "pretrained":
            raise ValueError(
                "trainable= and initialization= are for the network of an extractor. For a "
                "model of your own, set its weights and the attribute trainable of its layers."
            )
    if pretrained is None:
        if transfer.initialization == "random" or transfer.trainable == "all":
            raise ValueError(
                f"initialization={transfer.initialization!r}, trainable={transfer.trainable!r} "
                f"train the network of an extractor, but extractor=None. Pass a fitted extractor."
            )
        return None
    if isinstance(pretrained, FrozenEstimator):
        pretrained = pretrained.estimator
    if not hasattr(pretrained, "pool_states"):
        raise ValueError(
            f"extractor must be an LSTMStateExtractor or a FeedForwardExtractor, got a "
            f"{type(pretrained).__name__}. Put other transformers before this step of a "
            f"Pipeline, and leave extractor=None."
        )
    remedy = (
        "The extractor is not fitted. Fit it and pass FrozenEstimator(extractor), which keeps "
        "it fitted when a pipeline or a search clones it."
    )
    check_is_fitted(pretrained, msg=remedy)
    return pretrained
