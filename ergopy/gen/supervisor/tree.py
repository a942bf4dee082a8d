"""The supervision tree of a node as data: who runs below whom, for how long, how often.

A snapshot is a frozen value and asks no process: it shows what the supervisors know at
that moment. An ``id`` stays the same when the child is restarted; children without one
are numbered.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, final

import trio

import etf
from etf import Atom, Pid

from ...errors.text import shown
from ..caller import acting
from .checks import SUPERVISOR
from .children import State
from .crowd import Crowd

if TYPE_CHECKING:
    from ...process.process import Process
    from ...process.runtime import Runtime
    from .children import Child

_STATES = {
    State.RUNNING: "running",
    State.RESTARTING: "restarting",
    State.STOPPED: "undefined",
}


@final
@dataclass(frozen=True, slots=True)
class TreeNode:
    """One process of a supervision tree, with what is below it.

    What is not known is None: a supervisor on a BEAM does not tell how often it has
    restarted a child, and who is at the top has no supervisor that could.
    """

    id: Any
    """Its id; at the top its name, or its class. A child without an id is ``(word,
    number)``, and keeps that number when it is restarted."""
    pid: Pid | None
    """Its pid now; None if it does not run."""
    kind: str = "worker"
    """``worker`` or ``supervisor``."""
    state: str = "running"
    """``running``, ``restarting`` or ``undefined``: there is no process."""
    name: str | None = None
    """What it is registered as."""
    restart: str | None = None
    """``permanent``, ``transient`` or ``temporary``."""
    significant: bool | None = None
    """Whether its end may end the supervisor."""
    uptime: float | None = None
    """Seconds since it came up last."""
    restarts: int | None = None
    """How often it has come up again."""
    strategy: str | None = None
    """Of a supervisor: its strategy."""
    intensity: int | None = None
    """Of a supervisor: how many restarts are fine within ``period``."""
    period: float | None = None
    """Of a supervisor: seconds."""
    restarts_in_period: int | None = None
    """Of a supervisor: how many of those there were within ``period``."""
    forced_kills: int | None = None
    """Of a supervisor: how many processes below had to be killed."""
    children: tuple[TreeNode, ...] = ()
    """Of a supervisor: its children in the order of their start."""

    def as_json(self) -> dict[str, Any]:
        """Return it as ``json.dumps`` takes it; ids and pids as text."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        plain["id"] = self.shown_id
        plain["pid"] = None if self.pid is None else str(self.pid)
        plain["children"] = [child.as_json() for child in self.children]
        return plain

    def json(self) -> str:
        """Return it as JSON, several lines of it."""
        return json.dumps(self.as_json(), indent=2)

    def __etf__(self) -> Any:
        told = {Atom(field.name): getattr(self, field.name) for field in fields(self)}
        return {**told, Atom("children"): list(self.children)}

    @staticmethod
    def from_term(term: Any) -> TreeNode:
        """Read what ``ergopy:supervision_tree/0`` of another node has returned.

        Raises:
            ValueError: It is nothing of that sort.
        """
        try:
            told = {str(key): _text(value) for key, value in term.items()}
            below = tuple(map(TreeNode.from_term, told["children"]))
            # A later release may tell more.
            known = {name: told[name] for name in _TYPES if name in told}
            for name, value in known.items():
                _check(name, value)
            return TreeNode(told["id"], children=below, **known)
        except (AttributeError, KeyError, RecursionError, TypeError) as error:
            raise ValueError(f"not a supervision tree: {error}") from error

    @property
    def shown_id(self) -> str:
        """The id as text."""
        match self.id:
            case str():
                return str(self.id)
            case (str() as word, int() as number):
                return f"{word}#{number}"
        return etf.format(self.id)

    def __str__(self) -> str:
        from .tree_text import lines

        return "\n".join(lines(self))


def supervision_tree(root: Any = None, *, caller: Any = None) -> TreeNode:
    """Return the supervision tree below a supervisor of this node.

    Args:
        root: Its pid or name; None is the nearest supervisor above the caller.
        caller: A process, a behaviour or a node; see
            :func:`ergopy.supervisor.start_child`.

    Raises:
        ValueError: No supervisor of this node is there.
    """
    process = acting(caller)
    found = process.supervisor and process.supervisor.process
    if root is not None:
        found = process.runtime.find(root)
    if found is None or not _supervises(found):
        raise ValueError(f"no supervisor of this node: {root!r}")
    return _at_top(found)


def all_trees(runtime: Runtime) -> tuple[TreeNode, ...]:
    """Return the trees of all supervisors that no other one has started."""
    processes = list(runtime.processes.values())
    supervisors = [process for process in processes if _supervises(process)]
    below = {
        child.pid for process in supervisors for child in process.supervisor._children
    }
    return tuple(_at_top(top) for top in supervisors if top.pid not in below)


def _supervises(process: Process) -> bool:
    supervisor = process.supervisor
    # While its init runs it has no children yet.
    return (
        supervisor is not None
        and supervisor.process is process
        and hasattr(supervisor, "_children")
    )


def _at_top(process: Process) -> TreeNode:
    name = _name(process)
    label = process.label
    word = label if isinstance(label, str) else type(process.supervisor).__qualname__
    told = _of_supervisor(process)
    return TreeNode(Atom(name or word), process.pid, name=name, **told)


def _of_child(child: Child, identity: Any) -> TreeNode:
    spec, process = child.spec, child.process
    told: dict[str, Any] = {"kind": str(spec.type)}
    if process is not None:
        told["name"] = _name(process)
        if _supervises(process):
            told.update(_of_supervisor(process))
    running = child.is_running
    return TreeNode(
        identity,
        child.pid if running else None,
        state=_STATES[child.state],
        restart=str(spec.restart),
        significant=spec.significant,
        uptime=round(child.uptime, 3) if running else None,
        restarts=child.restarts,
        **told,
    )


def _of_supervisor(process: Process) -> dict[str, Any]:
    supervisor = process.supervisor
    children = supervisor._children
    numbered = isinstance(children, Crowd)
    in_order = sorted(children, key=lambda child: child.number)
    return {
        "kind": str(SUPERVISOR),
        "strategy": str(supervisor.strategy),
        "intensity": supervisor.intensity,
        "period": float(supervisor.period),
        "restarts_in_period": children.window.count(trio.current_time()),
        "forced_kills": supervisor.forced_kills,
        "children": tuple(
            _of_child(
                child, (child.spec.id, child.number) if numbered else child.spec.id
            )
            for child in in_order
        ),
    }


def _name(process: Process) -> str | None:
    return str(process.names[0]) if process.names else None


_TYPES: dict[str, Any] = {
    **dict.fromkeys(("kind", "state", "name", "restart", "strategy"), str),
    **dict.fromkeys(("intensity", "restarts", "restarts_in_period"), int),
    **dict.fromkeys(("uptime", "period"), float | int),
    "forced_kills": int,
    "pid": Pid,
    "significant": bool,
}
"""What another node tells of a process, besides its id and what is below it."""


def _check(name: str, value: Any) -> None:
    if value is not None and not isinstance(value, _TYPES[name]):
        raise TypeError(f"{name} is {shown(value)}")


def _text(value: Any) -> Any:
    """Undo what the wire does to texts; ids stay what they are."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
