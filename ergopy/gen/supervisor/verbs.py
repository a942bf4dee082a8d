"""``supervisor:which_children`` and the others: what can be asked of any supervisor.

It may be one of ergopy, of OTP, or a dynamic supervisor; here or on another node. As in
OTP they wait for the answer for as long as it takes: a child may need time to start or
stop. A Trio cancel scope ends the waiting, not what the supervisor does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from etf import Atom, Pid

from ...errors import AlreadyStarted, ChildError, StartError
from ...process.reasons import as_reason
from ..caller import acting
from . import checks
from .group import by_id
from .reading import as_spec, from_term

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .spec import ChildSpec

_T = TypeVar("_T")

_COUNT_CHILDREN = Atom("count_children")
_DELETE_CHILD = Atom("delete_child")
_GET_CHILDSPEC = Atom("get_childspec")
_RESTART_CHILD = Atom("restart_child")
_START_CHILD = Atom("start_child")
_TERMINATE_CHILD = Atom("terminate_child")
_WHICH_CHILD = Atom("which_child")
_WHICH_CHILDREN = Atom("which_children")


class ChildInfo(NamedTuple):
    """A child, as ``which_children`` tells of it."""

    id: Any
    """Its id; the atom ``undefined`` if it is one of many of one specification."""
    pid: Pid | None
    """Its process, if there is one."""
    restarting: bool
    """Whether there is none because it is being restarted."""
    type: str
    """``worker`` or ``supervisor``."""
    modules: Sequence[str] | str
    """Its modules, or ``dynamic``."""


class ChildCounts(NamedTuple):
    """What ``count_children`` tells."""

    specs: int
    """Specifications, of running children or not."""
    active: int
    """Children that run."""
    supervisors: int
    """Children that are supervisors, running or not."""
    workers: int
    """Children that are not, running or not."""


async def start_child(
    dest: Any, child: Any, *extra: Any, caller: Any = None
) -> Pid | None:
    """Start a child under a supervisor; return its pid, or None if it was ignored.

    Args:
        dest: The supervisor: whatever can be called.
        child: A specification, or what a supervisor takes for one. If it is
            ``simple_one_for_one`` a list of further arguments instead; ``start_child
            (dest, [])`` is that.
        extra: With a class or a function as *child*: its arguments.
        caller: Who asks: a process, a behaviour or a node. By default the process that
            runs this.

    Raises:
        AlreadyStarted: A child of that id runs; ``pid`` is that one.
        ChildError: It was refused; ``reason`` is the word, or what is wrong with it.
        StartError: It did not come up; ``reason`` says why.
        SpecError: *child* is no specification.
        CallError, NodeDown: As for ``Process.call``.
    """
    wanted = child
    if not isinstance(child, list):
        wanted = as_spec((child, *extra) if extra else child)
    identity = getattr(wanted, "id", None)
    answer = await _call(dest, (_START_CHILD, wanted), caller)
    return pid_in(answer, dest, identity)


async def restart_child(dest: Any, id: Any, *, caller: Any = None) -> Pid | None:
    """Start a child again that was terminated, or ended and was not restarted.

    It returns the pid, or None if it was ignored.

    Raises:
        ChildError: It is ``running``, ``restarting`` or ``not_found``.
        AlreadyStarted, StartError: It did not come up.
        CallError, NodeDown: As for ``Process.call``.
    """
    answer = await _call(dest, (_RESTART_CHILD, as_reason(id)), caller)
    return pid_in(answer, dest, id, refusals=_NOT_RESTARTED)


async def terminate_child(dest: Any, id: Any, *, caller: Any = None) -> None:
    """Stop a child, and wait until it has ended.

    Its specification stays, unless it is temporary. Of ``simple_one_for_one`` and of a
    dynamic supervisor the *id* is the pid.

    Raises:
        ChildError: ``not_found``, or ``simple_one_for_one`` for an id that is no pid.
        CallError, NodeDown: As for ``Process.call``.
    """
    answer = await _call(dest, (_TERMINATE_CHILD, as_reason(id)), caller)
    _expect_ok(answer, dest, id)


async def delete_child(dest: Any, id: Any, *, caller: Any = None) -> None:
    """Forget the specification of a child that does not run.

    Raises:
        ChildError: It is ``running``, ``restarting`` or ``not_found``.
        CallError, NodeDown: As for ``Process.call``.
    """
    answer = await _call(dest, (_DELETE_CHILD, as_reason(id)), caller)
    _expect_ok(answer, dest, id)


async def which_children(dest: Any, *, caller: Any = None) -> list[ChildInfo]:
    """Return all children, the one that was started last first, as in OTP.

    Raises:
        ChildError: *dest* is no supervisor, and answered ``reason``.
        CallError, NodeDown: As for ``Process.call``.
    """
    return rows_in(await _call(dest, _WHICH_CHILDREN, caller), dest)


async def which_child(dest: Any, id: Any, *, caller: Any = None) -> ChildInfo:
    """Return one child; OTP has that since release 28.

    Raises:
        ChildError: ``not_found``.
        CallError, NodeDown: As for ``Process.call``. An older supervisor ends of it.
    """
    answer = await _call(dest, (_WHICH_CHILD, as_reason(id)), caller)
    return _read(_info_of, _value_in(answer, dest, id), dest, id)


async def count_children(dest: Any, *, caller: Any = None) -> ChildCounts:
    """Count specifications and children.

    Raises:
        ChildError: *dest* is no supervisor, and answered ``reason``.
        CallError, NodeDown: As for ``Process.call``. A supervisor of OTP ends of it if
            it has a child on another node.
    """
    answer = await _call(dest, _COUNT_CHILDREN, caller)
    pairs = list(answer.items()) if isinstance(answer, dict) else answer
    return _read(_counts_of, pairs, dest)


async def get_childspec(dest: Any, id: Any, *, caller: Any = None) -> ChildSpec:
    """Return the specification of a child.

    Its start is ``(module, function)``, also if that stands for a Python object.

    Raises:
        ChildError: ``not_found``.
        CallError, NodeDown: As for ``Process.call``.
    """
    answer = await _call(dest, (_GET_CHILDSPEC, as_reason(id)), caller)
    term = dict(_value_in(answer, dest, id))
    module, function, args = term[Atom("start")]
    if not isinstance(args, list):
        term[Atom("start")] = (module, function, [])
        return from_term(term).without_args()
    return from_term(term)


def check_childspecs(children: Iterable[Any], auto_shutdown: str | None = None) -> None:
    """Check specifications; with *auto_shutdown* for a supervisor that has that.

    Raises:
        SpecError: One makes no sense, or two have the same id.
    """
    ending = None if auto_shutdown is None else checks.auto_shutdown(auto_shutdown)
    specs = [as_spec(child, ending) for child in children]
    for spec in by_id(specs).values():
        checks.significant(spec.significant, spec.restart, ending)


async def _call(dest: Any, request: Any, caller: Any) -> Any:
    return await acting(caller).call(dest, request, None)


def _read(read: Callable[[Any], _T], answer: Any, dest: Any, id: Any = None) -> _T:
    """Read an answer; who gives another one than a supervisor does is none."""
    try:
        return read(answer)
    except (TypeError, ValueError):
        raise ChildError(dest, id, answer) from None


def _counts_of(pairs: Any) -> ChildCounts:
    return ChildCounts(**{str(key): value for key, value in pairs})


def rows_in(answer: Any, dest: Any) -> list[ChildInfo]:
    """Read what *dest* answers to ``which_children``."""
    return _read(lambda rows: [_info_of(row) for row in rows], answer, dest)


def _info_of(row: Any) -> ChildInfo:
    identity, child, kind, modules = row
    pid = child if isinstance(child, Pid) else None
    return ChildInfo(identity, pid, child == "restarting", kind, modules)


_NOT_STARTED = ("already_present", "max_children", "missing_id", "missing_start")
_NOT_RESTARTED = ("running", "restarting", "not_found", "simple_one_for_one")


def pid_in(
    answer: Any, dest: Any, identity: Any, refusals: tuple[str, ...] = _NOT_STARTED
) -> Pid | None:
    """Return the pid of a child that was started, or raise why it was not."""
    match answer:
        case (Atom("ok"), Pid() as pid, *_):
            return pid
        case (Atom("ok"), Atom("undefined"), *_) | Atom("ignore"):
            return None
        case (Atom("error"), (Atom("already_started"), Pid() as pid)):
            raise AlreadyStarted(str(identity), pid)
        case (Atom("error"), (reason, (Atom("child"), *_))):
            # OTP 25 wraps the one above as well.
            raise _start_error(identity, reason)
        case (Atom("error"), Atom() as reason) if reason in refusals:
            raise ChildError(dest, identity, reason)
        case (Atom("error"), (Atom() as word, _) as reason) if _is_about_spec(word):
            raise ChildError(dest, identity, reason)
        case (Atom("error"), reason):
            raise StartError(identity, reason)
    raise ChildError(dest, identity, answer)


def _start_error(identity: Any, reason: Any) -> StartError:
    match reason:
        case (Atom("already_started"), Pid() as pid):
            return AlreadyStarted(str(identity), pid)
    return StartError(identity, reason)


def _is_about_spec(word: Atom) -> bool:
    return word.startswith("invalid_") or word == "bad_combination"


def _value_in(answer: Any, dest: Any, identity: Any) -> Any:
    match answer:
        case (Atom("ok"), value):
            return value
    raise ChildError(dest, identity, _reason_in(answer))


def _expect_ok(answer: Any, dest: Any, identity: Any) -> None:
    if answer != "ok":
        raise ChildError(dest, identity, _reason_in(answer))


def _reason_in(answer: Any) -> Any:
    match answer:
        case (Atom("error"), reason):
            return reason
    return answer
