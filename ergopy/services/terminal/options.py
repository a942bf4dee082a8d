"""The options of the device: ``io:getopts`` and ``io:setopts``.

What OTP 26 and later tell about the terminal may be set to what it is: a shell gives
back all it was told, with one option changed.
"""

from __future__ import annotations

from typing import Any

from etf import Atom

_SAID = ("terminal", "stdin", "stdout", "stderr")
_SWITCHES = ("binary", "echo", "line_history")


class Options:
    """What a shell has set."""

    def __init__(self, *, real: bool) -> None:
        self.binary = False
        self.echo = True
        self.line_history = True
        self.unicode = True
        self.expand: Any = False
        """The function that a shell completes words with; False is the usual one."""
        self._real = real

    def get(self) -> list[Any]:
        """Return them as ``io:getopts`` does."""
        encoding = Atom("unicode" if self.unicode else "latin1")
        switches = [(Atom(name), getattr(self, name)) for name in _SWITCHES]
        said = [(Atom(name), self._real) for name in _SAID]
        expand = (Atom("expand_fun"), self.expand)
        return [expand, *switches, (Atom("encoding"), encoding), *said]

    def set(self, options: list[Any]) -> bool:
        """Set some; False, and nothing is set, if one of them is unknown."""
        wanted: dict[str, Any] = {}
        for option in options:
            match option:
                case Atom("list"):
                    wanted["binary"] = False
                case Atom("binary" | "echo"):
                    wanted[str(option)] = True
                case Atom("unicode" | "utf8") | (
                    Atom("encoding"),
                    Atom("unicode" | "utf8"),
                ):
                    wanted["unicode"] = True
                case Atom("latin1") | (Atom("encoding"), Atom("latin1")):
                    wanted["unicode"] = False
                case (Atom("list"), bool(flag)):
                    wanted["binary"] = not flag
                case (Atom(name), bool(flag)) if name in _SWITCHES:
                    wanted[str(name)] = flag
                case (Atom("expand_fun"), function):
                    wanted["expand"] = function
                case (Atom(name), _) if name in _SAID:
                    continue
                case _:
                    return False
        for wish, value in wanted.items():
            setattr(self, wish, value)
        return True
