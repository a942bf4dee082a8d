"""``self()``: which process is running this code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import LocalProtocolError
from .runner import current_process

if TYPE_CHECKING:
    from .process import Process


def self() -> Process:
    """Return the process whose body or helper task calls this; ``erlang:self/0``.

    Raises:
        LocalProtocolError: No process does.
    """
    try:
        return current_process.get()
    except LookupError:
        raise LocalProtocolError("self() outside of a process") from None
