"""Spending personality, state trajectories and micro-segments from bank transactions.

Names and subpackages are imported at their first use, so that the command line answers at once.
"""

import pkgutil

import lazy_loader

# The names are those of __init__.pyi.
__getattr__, __dir__, _names = lazy_loader.attach_stub(__name__, __file__)
# A star import takes the estimators and functions, and not every subpackage.
__all__ = sorted(set(_names) - {module.name for module in pkgutil.iter_modules(__path__)})
__version__ = "0.1.0"
