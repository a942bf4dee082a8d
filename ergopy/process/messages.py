"""Messages that the system itself puts into a mailbox.

Each *is* the Erlang tuple, so it can be matched and sent on as one, and has its
parts as attributes, so it can be matched by class::

    match await proc.receive():
        case Down(ref=ref, reason=reason): ...
        case (Atom("EXIT"), pid, reason): ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, final

from .atoms import DOWN, EXIT, PROCESS

if TYPE_CHECKING:
    from etf import Pid, Reference


@final
class Down(tuple[Any, ...]):
    """``{'DOWN', Ref, process, Pid | {Name, Node}, Reason}``: a monitor fired."""

    __slots__ = ()
    __match_args__ = ("ref", "pid", "reason")

    def __new__(cls, ref: Reference, pid: object, reason: object) -> Self:
        return tuple.__new__(cls, (DOWN, ref, PROCESS, pid, reason))

    @property
    def ref(self) -> Reference:
        """What ``monitor`` returned."""
        return self[1]  # type: ignore[no-any-return]

    @property
    def pid(self) -> Any:
        """The monitored pid, or ``(name, node)`` if a name was monitored."""
        return self[3]

    @property
    def reason(self) -> Any:
        """The exit reason, or ``noproc`` or ``noconnection``."""
        return self[4]


@final
class ExitMessage(tuple[Any, ...]):
    """``{'EXIT', Pid, Reason}``: an exit signal, as a trapping process sees it."""

    __slots__ = ()
    __match_args__ = ("pid", "reason")

    def __new__(cls, pid: Pid, reason: object) -> Self:
        return tuple.__new__(cls, (EXIT, pid, reason))

    @property
    def pid(self) -> Pid:
        """Who sent the signal."""
        return self[1]  # type: ignore[no-any-return]

    @property
    def reason(self) -> Any:
        """Why."""
        return self[2]
