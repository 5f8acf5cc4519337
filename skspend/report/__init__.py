"""What to show of a fitted pipeline: an interactive page for people, and a model card."""

from .segment_report import SegmentReport

__all__ = ["SegmentReport"]
