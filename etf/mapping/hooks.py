"""Classes that say themselves what they are: ``__etf__`` and ``__from_etf__``.

``__etf__(self)`` gives what to send instead of a value, and is asked by the encoder.
``__from_etf__(cls, term)``, a class method, gives the value of a term; whatever it
raises means that the term does not fit.
"""

from __future__ import annotations

from typing import Any

from .codec import Codec
from .errors import MappingError


def has_hooks(cls: type) -> bool:
    """Tell if a class can make its values of terms."""
    return hasattr(cls, "__from_etf__")


def hooked(cls: Any) -> Codec:
    """Make the codec of such a class."""
    expected = f"what becomes {cls.__name__}"

    def load(term: Any) -> Any:
        if isinstance(term, cls):
            return term
        try:
            return cls.__from_etf__(term)
        except MappingError:
            raise
        except Exception as error:
            raise MappingError(expected, term) from error

    return Codec(load, expected, exact=frozenset({cls}), takes=None, quiet=False)
