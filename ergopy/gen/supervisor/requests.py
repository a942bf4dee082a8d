"""What supervisors are asked: ``supervisor:start_child`` and the others, as calls.

Each answer is what a supervisor of OTP says. What OTP's would crash of, because it is
no request at all, is answered with an error here: who can send to a supervisor is not
to end it by a slip.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom

from ...errors import SpecError, StartError
from ...process.atoms import ERROR, OK, UNDEFINED
from . import checks
from .checks import Restart
from .children import State
from .reading import as_spec
from .terms import to_map, to_record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .children import Child
    from .flags import Flags
    from .group import Group
    from .spec import ChildSpec

ALREADY_PRESENT = Atom("already_present")
ALREADY_STARTED = Atom("already_started")
NOT_FOUND = Atom("not_found")
NOT_FOUND_ERROR = (ERROR, NOT_FOUND)
UNKNOWN_REQUEST = Atom("unknown_request")

_WHY_NOT = {
    State.RUNNING: Atom("running"),
    State.RESTARTING: Atom("restarting"),
}


async def answer(group: Group, request: Any) -> Any:
    """Do what is asked of a supervisor whose children have ids."""
    match request:
        case Atom("which_children"):
            # Those of OTP are in the order of their stop.
            return [row(child.spec.id, child) for child in reversed(list(group))]
        case Atom("count_children"):
            return count(group, len(list(group)))
        case (Atom("which_child"), identity):
            child = group.find(identity)
            return NOT_FOUND_ERROR if child is None else (OK, row(identity, child))
        case (Atom("get_childspec"), identity):
            child = group.find(identity)
            return NOT_FOUND_ERROR if child is None else (OK, to_map(child.spec))
        case (Atom("start_child"), spec):
            return await _start_child(group, spec)
        case (Atom("terminate_child"), identity):
            child = group.find(identity)
            if child is None:
                return NOT_FOUND_ERROR
            await group.stop_one(child)
            return OK
        case (Atom("restart_child"), identity):
            return await _restart_child(group, identity)
        case (Atom("delete_child"), identity):
            return _delete_child(group, identity)
    return (ERROR, (UNKNOWN_REQUEST, request))


async def _start_child(group: Group, term: Any) -> Any:
    try:
        spec = read(term, group.flags)
    except SpecError as error:
        return (ERROR, error.reason)
    present = group.find(spec.id)
    if present is not None:
        if present.is_running:
            return (ERROR, (ALREADY_STARTED, present.pid))
        return (ERROR, ALREADY_PRESENT)
    child = group.add(spec)
    try:
        pid = await group.start(child)
    except StartError as error:
        group.remove(child)
        return (ERROR, _start_failure(error.reason, spec))
    if spec.restart is Restart.TEMPORARY:
        if pid is None:
            group.remove(child)
        # As in OTP: they are never needed again.
        child.spec = spec.without_args()
    return started(pid)


def _start_failure(reason: Any, spec: ChildSpec) -> Any:
    match reason:
        case (Atom("already_started"), _):
            # So since OTP 26; OTP 25 wraps it as the others.
            return reason
    return (reason, to_record(spec))


async def _restart_child(group: Group, identity: Any) -> Any:
    child = group.find(identity)
    if child is None:
        return NOT_FOUND_ERROR
    if child.state is not State.STOPPED:
        return (ERROR, _WHY_NOT[child.state])
    try:
        return started(await group.start(child))
    except StartError as error:
        return (ERROR, error.reason)


def _delete_child(group: Group, identity: Any) -> Any:
    child = group.find(identity)
    if child is None:
        return NOT_FOUND_ERROR
    if child.state is not State.STOPPED:
        return (ERROR, _WHY_NOT[child.state])
    group.remove(child)
    return OK


def read(term: Any, flags: Flags) -> ChildSpec:
    """Read the specification in a request, from here or from another node.

    Raises:
        SpecError: It is none, or not one for that supervisor.
    """
    spec = as_spec(term, flags.auto_shutdown)
    checks.significant(spec.significant, spec.restart, flags.auto_shutdown)
    return spec


def started(pid: Any) -> Any:
    """Return the answer to a start that went well; None is one that was ignored."""
    return (OK, UNDEFINED if pid is None else pid)


def row(identity: Any, child: Child) -> tuple[Any, ...]:
    """Return a child as ``which_children`` shows it."""
    spec = child.spec
    return (identity, child.shown, spec.type, spec.modules)


def count(children: Iterable[Child], specs: int) -> list[tuple[Atom, int]]:
    """Return what ``count_children`` says."""
    children = list(children)
    supervisors = sum(child.spec.is_supervisor for child in children)
    return counts(
        specs, sum(child.is_alive for child in children), supervisors, len(children)
    )


def counts(
    specs: int, active: int, supervisors: int, children: int
) -> list[tuple[Atom, int]]:
    """Make the property list of ``count_children``."""
    return [
        (Atom("specs"), specs),
        (Atom("active"), active),
        (Atom("supervisors"), supervisors),
        (Atom("workers"), children - supervisors),
    ]
