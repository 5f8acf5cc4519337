"""Spending personality, state trajectories and micro-segments from bank transactions.

Names are imported at their first use, so that the command line answers at once.
"""

import lazy_loader

# The names are those of __init__.pyi.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__version__ = "0.1.0"
