"""``simple_one_for_one``: one specification, any number of children made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom, Pid, same

from ...errors import SpecError
from ...process.atoms import BADARG, ERROR, OK, UNDEFINED
from .checks import SUPERVISOR
from .children import Child
from .crowd import Crowd
from .requests import (
    NOT_FOUND_ERROR,
    UNKNOWN_REQUEST,
    counts,
    row,
)
from .terms import to_map

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...process.process import Process
    from .flags import Flags
    from .spec import ChildSpec

_NOT_FOR_SIMPLE = (ERROR, Atom("simple_one_for_one"))
_BADARG = (ERROR, BADARG)


class SimpleCrowd(Crowd):
    """The children of a supervisor that is ``simple_one_for_one``."""

    def __init__(self, process: Process, flags: Flags, spec: ChildSpec) -> None:
        super().__init__(process, flags)
        self.spec = spec

    def new_child(self, extra: Iterable[Any]) -> Child:
        """Make a child with further arguments; it is not started yet."""
        return Child(self.spec, (*(self.spec.args or ()), *extra))

    def renew(self, flags: Flags, specs: list[ChildSpec]) -> None:
        if len(specs) != 1:
            raise SpecError((Atom("bad_start_spec"), [spec.id for spec in specs]))
        super().renew(flags, specs)
        (self.spec,) = specs
        for child in self:
            child.spec = self.spec


async def answer(crowd: SimpleCrowd, request: Any) -> Any:
    """Do what is asked, in the words of OTP; see :mod:`.requests`."""
    match request:
        case Atom("which_children"):
            return [row(UNDEFINED, child) for child in crowd]
        case Atom("count_children"):
            everybody, spec = len(crowd), crowd.spec
            supervisors = everybody if spec.type is SUPERVISOR else 0
            return counts(1, len(crowd.running), supervisors, everybody)
        case (Atom("which_child"), pid):
            return _which_child(crowd, pid)
        case (Atom("get_childspec"), identity):
            return _get_childspec(crowd, identity)
        case (Atom("start_child"), extra):
            return await _start_child(crowd, extra)
        case (Atom("terminate_child"), pid):
            return await _terminate_child(crowd, pid)
        case (Atom("restart_child" | "delete_child"), _):
            return _NOT_FOR_SIMPLE
    return (ERROR, (UNKNOWN_REQUEST, request))


async def _start_child(crowd: SimpleCrowd, extra: Any) -> Any:
    if not isinstance(extra, list):
        # 'Args ++ Extra' would end a supervisor of OTP.
        return _BADARG
    return await crowd.answer_start(crowd.new_child(extra))


async def _terminate_child(crowd: SimpleCrowd, pid: Any) -> Any:
    if not isinstance(pid, Pid):
        return _NOT_FOR_SIMPLE
    child = crowd.find(pid)
    if child is not None:
        await crowd.stop_one(child)
        return OK
    return NOT_FOUND_ERROR if _may_live(crowd, pid) else OK


def _get_childspec(crowd: SimpleCrowd, identity: Any) -> Any:
    spec = crowd.spec
    if isinstance(identity, Pid):
        found = crowd.find(identity) is not None or not _may_live(crowd, identity)
    else:
        found = same(identity, spec.id)
    return (OK, to_map(spec)) if found else NOT_FOUND_ERROR


def _which_child(crowd: SimpleCrowd, pid: Any) -> Any:
    child = crowd.find(pid) if isinstance(pid, Pid) else None
    return NOT_FOUND_ERROR if child is None else (OK, row(UNDEFINED, child))


def _may_live(crowd: SimpleCrowd, pid: Pid) -> bool:
    """Tell whether a process that is no child here lives; of another node's it may.

    OTP takes a dead pid for that of a child that has just ended.
    """
    runtime = crowd.process.runtime
    if pid.node != runtime.name:
        return True
    process = runtime.find(pid)
    return process is not None and process.alive
