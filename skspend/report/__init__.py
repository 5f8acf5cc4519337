"""What to show of a fitted pipeline: an interactive page for people, and a model card."""

from ._report import SegmentReport

__all__ = ["SegmentReport"]
