"""What a session needs of a terminal; ``ergopy.cli`` has two that are real."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Protocol


class Pressed(enum.Enum):
    """What was pressed instead of a line."""

    INTERRUPT = "Ctrl-C"
    END = "Ctrl-D"


@dataclass(slots=True, eq=False)
class Line:
    """One line that is wanted from the terminal."""

    prompt: str
    echo: bool = True
    """Whether what is typed can be seen."""
    history: bool = True
    """Whether it is for the history."""
    draft: str = ""
    """What stands in it at first; after a cancelled read, what was typed so far."""
    answer: str | Pressed | None = None
    """What was entered just when the read was cancelled."""
    stays: bool = False
    """Whether a cancelled read leaves it on the screen: nobody asks for it again."""


class Terminal(Protocol):
    """Where a session writes to and reads from."""

    async def write(self, text: str) -> None:
        """Put text out, above the line that is being typed.

        Raises:
            OSError, ValueError: Nobody sees it any more.
        """

    async def read_line(self, line: Line) -> str | Pressed:
        r"""Read a line; with its ``\n``, unless the input ended in the middle of one.

        If it is cancelled nothing is lost: see `Line`.
        """

    async def finish(self) -> None:
        """Leave the cursor at the start of a line: the session is over.

        Raises:
            OSError, ValueError: Nobody sees it any more.
        """

    def size(self) -> tuple[int, int] | None:
        """Columns and rows, if it has any."""
