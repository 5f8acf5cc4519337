"""Small networks that read a panel, recurrent or feed-forward, on plain arrays and in Keras.

``_keras`` alone imports Keras, and with it TensorFlow.
"""

from ._specification import Network

__all__ = ["Network"]
