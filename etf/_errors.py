"""The errors of the external term format.

Encoding and decoding raise these and nothing else, whatever the term or the bytes.
Both derive from ``EtfError``, a ``ValueError``.
"""

from __future__ import annotations

from typing import final


class EtfError(ValueError):
    """A term that cannot be written, or bytes that are not a term."""


@final
class EncodeError(EtfError):
    """A term that the BEAM could not take, found before a byte was sent.

    Attributes:
        problem: What is wrong.
        path: Where, from the outermost term: ``[1]["price"]`` is the value of the
            key ``"price"`` in element 1. ``.keys()[2]`` is the third key of a map,
            ``.tail`` the tail of an improper list, ``.free[0]`` a captured variable.
            Empty for the term itself.
    """

    def __init__(self, problem: str, path: str = "") -> None:
        super().__init__(problem, path)
        self.problem = problem
        self.path = path

    def __str__(self) -> str:
        return f"{self.problem} (at {self.path})" if self.path else self.problem

    def __reduce__(self) -> tuple[type[EncodeError], tuple[str, str]]:
        return EncodeError, (self.problem, self.path)


@final
class DecodeError(EtfError):
    """Bytes that are not an external term, or one that a limit forbids.

    Attributes:
        problem: What is wrong.
        offset: The byte where the offending term starts (its tag), counted from the
            start of the input with its version byte. Where the input ends before a
            tag, the length of the input. For a compressed term, whatever is wrong
            inside, the offset of the tag 80.
    """

    def __init__(self, problem: str, offset: int) -> None:
        super().__init__(problem, offset)
        self.problem = problem
        self.offset = offset

    def __str__(self) -> str:
        return f"{self.problem} (at byte {self.offset})"


def step(key: object) -> str:
    """One step of ``EncodeError.path``: the index or the key of a value."""
    if isinstance(key, str):
        text = str(key).replace("\\", "\\\\").replace('"', '\\"')
        text = f'"{text}"'
    else:
        try:
            text = repr(key)
        except RecursionError:
            text = "..."
    return f"[{text}]" if len(text) <= 80 else f"[{text[:77]}...]"
