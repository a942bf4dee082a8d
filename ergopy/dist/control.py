"""The control operations of an established link, by number, as one table.

A packet carries a control tuple ``{Op, ...}``, and for some operations a message
(or an exit reason) behind it. Control tuples stay plain tuples: building an object
per packet costs more than the work it announces, so dispatch is on the number.

A BEAM closes the link on an unknown operation or a tuple of the wrong size, and so
do we: a message may follow that nobody could tell apart. ``ALTACT_SIG_SEND`` may
grow, by its own definition. The ``_TT`` forms carry a trace token; accept them,
never send them.
"""

from __future__ import annotations

import reprlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

LINK: Final = 1
SEND: Final = 2
EXIT: Final = 3
UNLINK: Final = 4
NODE_LINK: Final = 5
REG_SEND: Final = 6
GROUP_LEADER: Final = 7
EXIT2: Final = 8
SEND_TT: Final = 12
EXIT_TT: Final = 13
REG_SEND_TT: Final = 16
EXIT2_TT: Final = 18
MONITOR_P: Final = 19
DEMONITOR_P: Final = 20
MONITOR_P_EXIT: Final = 21
SEND_SENDER: Final = 22
SEND_SENDER_TT: Final = 23
PAYLOAD_EXIT: Final = 24
PAYLOAD_EXIT_TT: Final = 25
PAYLOAD_EXIT2: Final = 26
PAYLOAD_EXIT2_TT: Final = 27
PAYLOAD_MONITOR_P_EXIT: Final = 28
SPAWN_REQUEST: Final = 29
SPAWN_REQUEST_TT: Final = 30
SPAWN_REPLY: Final = 31
SPAWN_REPLY_TT: Final = 32
ALIAS_SEND: Final = 33
ALIAS_SEND_TT: Final = 34
UNLINK_ID: Final = 35
UNLINK_ID_ACK: Final = 36
ALTACT_SIG_SEND: Final = 37

# The first element of ALTACT_SIG_SEND is a set of these; unknown bits are ignored.
# Neither ALIAS nor NAME: the receiver is a pid. Both at once are invalid.
ALTACT_PRIORITY: Final = 1
ALTACT_TOKEN: Final = 2
ALTACT_ALIAS: Final = 4
ALTACT_NAME: Final = 8
ALTACT_EXIT: Final = 16

# What SPAWN_REPLY says was set up together with the process.
SPAWN_LINKED: Final = 1
SPAWN_MONITORED: Final = 2


class Operation(NamedTuple):
    """One control operation: what follows its number, and whether a message does."""

    number: int
    name: str
    fields: tuple[str, ...]
    payload: bool = False

    @property
    def size(self) -> int:
        """The elements of the tuple, its number included."""
        return 1 + len(self.fields)


def _operation(
    number: int, name: str, fields: str = "", payload: bool = False
) -> Operation:
    return Operation(number, name, tuple(fields.split()), payload)


OPERATIONS: Mapping[int, Operation] = MappingProxyType(
    {
        operation.number: operation
        for operation in (
            _operation(LINK, "LINK", "from to"),
            _operation(SEND, "SEND", "unused to", payload=True),
            _operation(EXIT, "EXIT", "from to reason"),
            _operation(UNLINK, "UNLINK", "from to"),
            _operation(NODE_LINK, "NODE_LINK"),
            _operation(REG_SEND, "REG_SEND", "from unused name", payload=True),
            _operation(GROUP_LEADER, "GROUP_LEADER", "leader pid"),
            _operation(EXIT2, "EXIT2", "from to reason"),
            _operation(SEND_TT, "SEND_TT", "unused to token", payload=True),
            _operation(EXIT_TT, "EXIT_TT", "from to token reason"),
            _operation(
                REG_SEND_TT, "REG_SEND_TT", "from unused name token", payload=True
            ),
            _operation(EXIT2_TT, "EXIT2_TT", "from to token reason"),
            _operation(MONITOR_P, "MONITOR_P", "watcher target ref"),
            _operation(DEMONITOR_P, "DEMONITOR_P", "watcher target ref"),
            _operation(MONITOR_P_EXIT, "MONITOR_P_EXIT", "target watcher ref reason"),
            _operation(SEND_SENDER, "SEND_SENDER", "from to", payload=True),
            _operation(SEND_SENDER_TT, "SEND_SENDER_TT", "from to token", payload=True),
            _operation(PAYLOAD_EXIT, "PAYLOAD_EXIT", "from to", payload=True),
            _operation(
                PAYLOAD_EXIT_TT, "PAYLOAD_EXIT_TT", "from to token", payload=True
            ),
            _operation(PAYLOAD_EXIT2, "PAYLOAD_EXIT2", "from to", payload=True),
            _operation(
                PAYLOAD_EXIT2_TT, "PAYLOAD_EXIT2_TT", "from to token", payload=True
            ),
            _operation(
                PAYLOAD_MONITOR_P_EXIT,
                "PAYLOAD_MONITOR_P_EXIT",
                "target watcher ref",
                payload=True,
            ),
            _operation(
                SPAWN_REQUEST,
                "SPAWN_REQUEST",
                "request from leader mfa options",
                payload=True,
            ),
            _operation(
                SPAWN_REQUEST_TT,
                "SPAWN_REQUEST_TT",
                "request from leader mfa options token",
                payload=True,
            ),
            _operation(SPAWN_REPLY, "SPAWN_REPLY", "request to flags result"),
            _operation(
                SPAWN_REPLY_TT, "SPAWN_REPLY_TT", "request to flags result token"
            ),
            _operation(ALIAS_SEND, "ALIAS_SEND", "from alias", payload=True),
            _operation(
                ALIAS_SEND_TT, "ALIAS_SEND_TT", "from alias token", payload=True
            ),
            _operation(UNLINK_ID, "UNLINK_ID", "id from to"),
            _operation(UNLINK_ID_ACK, "UNLINK_ID_ACK", "id from to"),
            _operation(
                ALTACT_SIG_SEND, "ALTACT_SIG_SEND", "flags from to", payload=True
            ),
        )
    }
)
"""Every operation that is defined, by its number."""

WITH_PAYLOAD = frozenset(op.number for op in OPERATIONS.values() if op.payload)
"""The operations behind whose control tuple a message must follow."""

_MAX_EXTRA = 2

# What is logged is chosen by a peer: a reason in a control tuple may have megabytes.
_REPR = reprlib.Repr()
_REPR.maxother = 80
_repr = _REPR.repr


def problem(control: tuple[object, ...]) -> str | None:
    """Say why a link must close on this control tuple; None if its form is right.

    Looks at the number and the size only, not at what the elements are.
    """
    operation = _operation_of(control)
    if operation is None:
        return describe(control)
    size = len(control)
    grown = operation.number == ALTACT_SIG_SEND and size > operation.size
    if size != operation.size and not grown:
        return f"{operation.name} has {operation.size} elements, not {size}"
    if operation.number == ALTACT_SIG_SEND:
        return _altact_problem(control)
    return None


def describe(control: object) -> str:
    """Return one short line for logs; takes anything at all, of any size."""
    if not isinstance(control, tuple):
        return f"not a control tuple: {_repr(control)}"
    operation = _operation_of(control)
    if operation is None:
        return f"unknown operation {_repr(control)}"
    named = zip(operation.fields, control[1:], strict=False)
    parts = [f"{name}={_repr(value)}" for name, value in named if name != "unused"]
    parts += map(_repr, control[operation.size : operation.size + _MAX_EXTRA])
    return " ".join([operation.name, *parts])


def _operation_of(control: tuple[object, ...]) -> Operation | None:
    number = control[0] if control else None
    return OPERATIONS.get(number) if type(number) is int else None


def _altact_problem(control: tuple[object, ...]) -> str | None:
    flags = control[1]
    if type(flags) is not int or flags < 0:
        return f"the flags of ALTACT_SIG_SEND are {_repr(flags)}"
    if flags & ALTACT_ALIAS and flags & ALTACT_NAME:
        return "ALTACT_SIG_SEND goes to an alias and to a name at once"
    if flags & ALTACT_TOKEN and len(control) < 5:
        return "ALTACT_SIG_SEND announces a trace token, and has none"
    return None
