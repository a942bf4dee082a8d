"""The error of a term that is not what an annotation says."""

from __future__ import annotations

from typing import Any, Final, final

from .._errors import EtfError
from .._format import format as format_term

SHOWN: Final = 80
"""Characters of an unfit term in the text of the error."""

MAX_PATH: Final = 1000
"""Characters of a path; further out it is cut."""


@final
class _Nothing:
    """The type of ``NOTHING``."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "nothing"

    def __reduce__(self) -> str:
        return "NOTHING"


NOTHING: Final = _Nothing()
"""What a field got that is missing."""


@final
class MappingError(EtfError):
    """A term does not fit the type that was asked for.

    Attributes:
        expected: What would have fitted, in words: ``an atom``; ``nothing`` for a key
            that is too many.
        got: The term that was there, or ``NOTHING`` for a missing field.
        path: Where, from the outermost value: ``lines[0].sku``. Empty for that value
            itself. ``.keys()[2]`` is the third key of a map.
    """

    def __init__(self, expected: str, got: Any = NOTHING, path: str = "") -> None:
        super().__init__(expected, got, path)
        self.expected = expected
        self.got = got
        self.path = path

    def __str__(self) -> str:
        got = "nothing" if self.got is NOTHING else format_term(self.got, limit=SHOWN)
        text = f"expected {self.expected}, got {got}"
        return f"{self.path}: {text}" if self.path else text

    def __reduce__(self) -> tuple[type[MappingError], tuple[str, Any, str]]:
        return MappingError, (self.expected, self.got, self.path)

    def under(self, step: str) -> MappingError:
        """Say that this happened inside of *step*: ``lines`` or ``[0]``."""
        dot = "." if self.path and not self.path.startswith(("[", ".")) else ""
        self.path = f"{step}{dot}{self.path}"
        if len(self.path) > MAX_PATH:
            self.path = f"{self.path[: MAX_PATH - 3]}..."
        return self
