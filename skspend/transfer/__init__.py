"""Predict a label from the features of a pretrained network and a hundred examples."""

from ._models import TransferClassifier, TransferRegressor

__all__ = ["TransferClassifier", "TransferRegressor"]
