"""The atoms of the protocol of ``global``, the forms of its messages, its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from etf import Atom, Export, Pid

from ...process.atoms import GLOBAL

if TYPE_CHECKING:
    from collections.abc import Iterable

SERVER: Final = Atom("global_name_server")

VERSION: Final = 8
"""Of the protocol: that of OTP 25 to 28."""

VERIFIES: Final = 8
"""From this version on the tags are checked, and a beginning can be taken back."""

PREVENTS: Final = 7
"""From this version on ``lost_connection`` is understood, and versions of others."""

MAX_NAMES: Final = 1_000_000
"""Names that are kept; more are refused to the programs here, and logged of others."""

MAX_LOCKS: Final = 100_000
"""Locks that are held at a time, and places for their holders; more are refused."""

MAX_KNOWN: Final = 10_000
"""Nodes of a cluster. What others tell beyond that is logged, and not believed."""

MAX_DIALS: Final = 100
"""Nodes that the name server connects to at a time; others wait for their turn."""

MAX_WAITING: Final = 10_000
"""Calls of ``sync`` that wait here at a time; of more the oldest goes on. And questions
for a name that wait while names change; more are answered with what is known."""

MAX_RESTARTS: Final = 10
"""How often two nodes begin anew to become one cluster, before they connect anew."""

MAX_LOST: Final = 10_000
"""Reports of lost connections that are kept, each for an hour; the oldest goes."""

LOST_SECONDS: Final = 3600.0
"""How long such a report is kept, to know it again."""

ACK = Atom("init_connect_ack")
CANCEL_CONNECT = Atom("cancel_connect")
DELETE = Atom("delete")
DEL_LOCK = Atom("del_lock")
EXCHANGE = Atom("exchange")
GET_KNOWN = Atom("get_known")
INIT_CONNECT = Atom("init_connect")
INSERT = Atom("insert")
IN_SYNC = Atom("in_sync")
LOCK = Atom("lock")
LOCKER = Atom("locker")
LOCK_SET = Atom("lock_set")
LOST_CONNECTION = Atom("lost_connection")
NEW_NODES = Atom("new_nodes")
NO = Atom("no")
NO_LONGER_A_PID = Atom("no_longer_a_pid")
OK = Atom("ok")
REGISTER = Atom("register")
REMOVE_CONNECTION = Atom("remove_connection")
RESOLVED = Atom("resolved")
SET_LOCK = Atom("set_lock")
UNREGISTER = Atom("unregister")
UNUSED = Atom("unused")
VSN = Atom("vsn")
YES = Atom("yes")

NamedPid = tuple[Any, Any, Any]
"""``{Name, Pid, Method}``."""

RANDOM_EXIT: Final = Export(GLOBAL, Atom("random_exit_name"), 3)
RANDOM_NOTIFY: Final = Export(GLOBAL, Atom("random_notify_name"), 3)
NOTIFY_ALL: Final = Export(GLOBAL, Atom("notify_all_name"), 3)


def is_node(term: Any) -> bool:
    """Tell whether *term* can be the name of a node."""
    return isinstance(term, Atom) and "@" in term and len(term) <= 255


def node_versions(term: Any) -> list[tuple[Atom, int]]:
    """Read a list of nodes, each with its version or without; skip what is none."""
    found = []
    for item in term if isinstance(term, list) else ():
        match item:
            case (node, int() as version) if is_node(node):
                found.append((node, version))
            case _ if is_node(item):
                found.append((item, 0))
    return found


def named_pids(term: Any) -> list[NamedPid]:
    """Read a list of ``{Name, Pid, Method}``; skip what is none."""
    if not isinstance(term, list):
        return []
    return [item for item in term if _is_named_pid(item)]


def operations(term: Any) -> list[tuple[Any, Any]]:
    """Read a list of ``{insert, {Name, Pid, Method}}`` and ``{delete, Name}``."""
    found: list[tuple[Any, Any]] = []
    for item in term if isinstance(term, list) else ():
        match item:
            case (Atom("insert"), named) if _is_named_pid(named):
                found.append((INSERT, named))
            case (Atom("delete"), name):
                found.append((DELETE, name))
    return found


def external(term: Any) -> list[tuple[Any, Pid, Atom]]:
    """Read a list of ``{Name, Pid, Node}``: names of what runs on no node."""
    found = []
    for item in term if isinstance(term, list) else ():
        match item:
            case (name, Pid() as pid, node) if is_node(node):
                found.append((name, pid, node))
    return found


def lock_of(extra: Any) -> Any:
    """Return the ``{global, Requester}`` in the extra information, or None."""
    for item in extra if isinstance(extra, list) else ():
        match item:
            case (Atom("lock"), (_, _) as lock):
                return lock
    return None


def _is_named_pid(term: Any) -> bool:
    return isinstance(term, tuple) and len(term) == 3 and term[1].__class__ is Pid


def boss_of(nodes: Iterable[Atom]) -> Atom:
    """Return the node whose lock is taken first, and given back last."""
    return max(nodes)
