"""Display objects, as in scikit-learn: the choice of a model, its segments, and their meaning.

A display is imported at its first use, and matplotlib with it: a report needs the colours alone.
"""

import lazy_loader

# The names are those of __init__.pyi.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
