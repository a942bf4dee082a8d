"""Messages that the system itself puts into a mailbox.

Each *is* the Erlang tuple, so it can be matched and sent on as one, and has its
parts as attributes, so it can be matched by class::

    match await proc.receive():
        case Down(ref=ref, reason=reason): ...
        case (Atom("EXIT"), pid, reason): ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, final

from .atoms import DOWN, EXIT, NODE_TYPE, NODEDOWN, NODEDOWN_REASON, NODEUP, PROCESS

if TYPE_CHECKING:
    from etf import Atom, Pid, Reference


class SystemMessage(tuple[Any, ...]):
    """What the system puts into a mailbox: no limit of a mailbox keeps it out."""

    __slots__ = ()


@final
class Down(SystemMessage):
    """``{'DOWN', Ref, process, Pid | {Name, Node}, Reason}``: a monitor fired.

    A monitor with a tag has that in the place of ``'DOWN'``.
    """

    __slots__ = ()
    __match_args__ = ("ref", "pid", "reason")

    def __new__(
        cls, ref: Reference, pid: object, reason: object, tag: object = DOWN
    ) -> Self:
        return tuple.__new__(cls, (tag, ref, PROCESS, pid, reason))

    @property
    def tag(self) -> Any:
        """``'DOWN'``, or the tag of the monitor."""
        return self[0]

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
class ExitMessage(SystemMessage):
    """``{'EXIT', Pid, Reason}``: an exit signal, as a trapping process sees it."""

    # No __slots__: what is made from a tuple has its further attributes in a dict.
    __match_args__ = ("pid", "reason")

    tag: Any = None
    """The tag of the link it came over: see ``Process.link``. No part of the tuple."""

    def __new__(cls, pid: Pid, reason: object, tag: object = None) -> Self:
        message = tuple.__new__(cls, (EXIT, pid, reason))
        if tag is not None:
            message.tag = tag
        return message

    @property
    def pid(self) -> Pid:
        """Who sent the signal."""
        return self[1]  # type: ignore[no-any-return]

    @property
    def reason(self) -> Any:
        """Why."""
        return self[2]


class _NodeMessage(SystemMessage):
    __slots__ = ()

    @property
    def node(self) -> Atom:
        """Which node."""
        return self[1]  # type: ignore[no-any-return]

    @property
    def info(self) -> dict[Atom, Any]:
        """What was asked for besides: ``node_type`` and ``nodedown_reason``."""
        return dict(self[2]) if len(self) > 2 else {}

    @property
    def node_type(self) -> Atom | None:
        """``visible`` or ``hidden``, if that was asked for."""
        return self.info.get(NODE_TYPE)


@final
class NodeUpMessage(_NodeMessage):
    """``{nodeup, Node}`` or ``{nodeup, Node, Info}``: a node is connected."""

    __slots__ = ()
    __match_args__ = ("node",)

    def __new__(cls, node: Atom, info: list[Any] | None = None) -> Self:
        parts = (NODEUP, node) if info is None else (NODEUP, node, info)
        return tuple.__new__(cls, parts)


@final
class NodeDownMessage(_NodeMessage):
    """``{nodedown, Node}`` or ``{nodedown, Node, Info}``: a node was lost.

    As the answer to ``monitor_node`` also: it cannot be reached.
    """

    __slots__ = ()
    __match_args__ = ("node", "reason")

    def __new__(cls, node: Atom, info: list[Any] | None = None) -> Self:
        parts = (NODEDOWN, node) if info is None else (NODEDOWN, node, info)
        return tuple.__new__(cls, parts)

    @property
    def reason(self) -> Any:
        """Why, if that was asked for; ``connection_closed``, ``disconnect``, ..."""
        return self.info.get(NODEDOWN_REASON)
