"""Small networks that read a panel, recurrent or feed-forward, on plain arrays and in Keras.

``_keras`` and ``_keras_training`` alone import Keras, and with it TensorFlow.
"""

from ._specification import Network

__all__ = ["Network"]
