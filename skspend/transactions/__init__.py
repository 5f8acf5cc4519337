"""Transactions: who spent what, when, read from any frame, engine or file."""

from ._log import TransactionLog

__all__ = ["TransactionLog"]
