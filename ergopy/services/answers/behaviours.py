"""``sys``, ``supervisor``, ``gen_event`` and ``proc_lib``: processes that can be asked.

They ask processes of this node only, as whoever runs the question: with no pid of a
third node is anybody made to write to that.
"""

from __future__ import annotations

from typing import Any

from etf import Atom, Pid

from ...errors import CallError, CallExit, CallTimeout, Exit, NoProcess
from ...gen.caller import acting
from ...node.questions import Room
from ...process.atoms import INITIAL_CALL, NOPROC, SYSTEM, TIMEOUT, UNDEFINED
from ...process.calls import call
from ...process.info import process_info
from ...process.reasons import as_reason

SYS = Room("sys")
SUPERVISOR = Room("supervisor")
ELIXIR = Room("Elixir.Supervisor", "Elixir.DynamicSupervisor")
GEN_EVENT = Room("gen_event")
PROC_LIB = Room("proc_lib")

_INFINITY = Atom("infinity")
_GEN_SERVER = Atom("gen_server")
_SECONDS = 5000


def _here(node: Any, dest: Any) -> Any:
    """Return *dest* if it is a process of this node, or may be."""
    match dest:
        case Pid(node=name) | (Atom(), Atom() as name) if name == node.name:
            return dest if isinstance(dest, Pid) else dest[0]
        case Atom():
            return dest
    raise ValueError(dest)


def _limit(timeout: Any) -> float | None:
    if timeout is _INFINITY:
        return None
    if not isinstance(timeout, int) or not 0 <= timeout < 2**32:
        raise ValueError(timeout)
    return timeout / 1000


async def _ask(dest: Any, request: Any, about: Any, timeout: Any, **how: Any) -> Any:
    """Ask, and exit as the function that *about* names does if nobody answers."""
    try:
        return await call(acting(), dest, request, _limit(timeout), **how)
    except NoProcess:
        raise Exit((NOPROC, about)) from None
    except CallTimeout:
        raise Exit((TIMEOUT, about)) from None
    except CallExit as error:
        raise Exit((error.reason, about)) from None
    except CallError as error:
        raise Exit((as_reason(str(error)), about)) from None


async def _system(
    node: Any, function: str, dest: Any, request: Any, timeout: Any = _SECONDS
) -> Any:
    about = (Atom("sys"), Atom(function), [dest])
    return await _ask(_here(node, dest), request, about, timeout, kind=SYSTEM)


@SYS.reads
async def get_state(node: Any, dest: Any, timeout: Any = _SECONDS) -> Any:
    """The state of a behaviour."""
    match await _system(node, "get_state", dest, Atom("get_state"), timeout):
        case (Atom("ok"), state):
            return state
        case failed:
            return failed


@SYS.reads
async def get_status(node: Any, dest: Any, timeout: Any = _SECONDS) -> Any:
    """What is known of it, and its state."""
    return await _system(node, "get_status", dest, Atom("get_status"), timeout)


async def _debug(node: Any, function: str, dest: Any, what: Any, timeout: Any) -> Any:
    request = (Atom("debug"), what)
    return await _system(node, function, dest, request, timeout)


@SYS.acts
async def statistics(node: Any, dest: Any, flag: Any, timeout: Any = _SECONDS) -> Any:
    """Count its messages, or tell what was counted."""
    return await _debug(node, "statistics", dest, (Atom("statistics"), flag), timeout)


@SYS.acts
async def log(node: Any, dest: Any, flag: Any, timeout: Any = _SECONDS) -> Any:
    """Keep its last events, or tell them."""
    return await _debug(node, "log", dest, (Atom("log"), flag), timeout)


@SYS.acts
async def trace(node: Any, dest: Any, flag: Any, timeout: Any = _SECONDS) -> Any:
    """Log each of its events, or no more."""
    return await _debug(node, "trace", dest, (Atom("trace"), flag), timeout)


@SYS.acts
async def no_debug(node: Any, dest: Any, timeout: Any = _SECONDS) -> Any:
    """End all of these."""
    return await _debug(node, "no_debug", dest, Atom("no_debug"), timeout)


@SYS.acts
async def suspend(node: Any, dest: Any, timeout: Any = _SECONDS) -> Any:
    """Let it serve nobody."""
    return await _system(node, "suspend", dest, Atom("suspend"), timeout)


@SYS.acts
async def resume(node: Any, dest: Any, timeout: Any = _SECONDS) -> Any:
    """Let it go on."""
    return await _system(node, "resume", dest, Atom("resume"), timeout)


async def _supervisor(node: Any, dest: Any, request: Any) -> Any:
    about = (_GEN_SERVER, Atom("call"), [dest, request, _INFINITY])
    return await _ask(_here(node, dest), request, about, _INFINITY)


@SUPERVISOR.reads
async def which_children(node: Any, dest: Any) -> Any:
    """The children of a supervisor."""
    return await _supervisor(node, dest, Atom("which_children"))


@SUPERVISOR.reads
async def count_children(node: Any, dest: Any) -> Any:
    """How many there are."""
    return await _supervisor(node, dest, Atom("count_children"))


@SUPERVISOR.reads
async def get_childspec(node: Any, dest: Any, identity: Any) -> Any:
    """The specification of one."""
    return await _supervisor(node, dest, (Atom("get_childspec"), identity))


@SUPERVISOR.acts
async def start_child(node: Any, dest: Any, spec: Any) -> Any:
    """Start one more, of what was provided with ``node.provide_spawn``."""
    return await _supervisor(node, dest, (Atom("start_child"), spec))


@SUPERVISOR.acts
async def terminate_child(node: Any, dest: Any, identity: Any) -> Any:
    """Stop one."""
    return await _supervisor(node, dest, (Atom("terminate_child"), identity))


@SUPERVISOR.acts
async def restart_child(node: Any, dest: Any, identity: Any) -> Any:
    """Start one again that was stopped."""
    return await _supervisor(node, dest, (Atom("restart_child"), identity))


@SUPERVISOR.acts
async def delete_child(node: Any, dest: Any, identity: Any) -> Any:
    """Forget one that was stopped."""
    return await _supervisor(node, dest, (Atom("delete_child"), identity))


ELIXIR.reads(which_children)


async def counted(node: Any, dest: Any) -> Any:
    """How many there are, as a map."""
    return dict(await count_children(node, dest))


counted.__name__ = "count_children"
ELIXIR.reads(counted)


@GEN_EVENT.reads
async def which_handlers(node: Any, dest: Any) -> Any:
    """The handlers of an event manager."""
    request = Atom("which_handlers")
    about = (Atom("gen_event"), request, [dest])
    return await _ask(_here(node, dest), request, about, _INFINITY)


@PROC_LIB.reads
def translate_initial_call(node: Any, what: Any) -> tuple[Any, Any, Any]:
    """With what a process began, of a pid or of what ``process_info`` tells."""
    found = _initial_call(node, what)
    # What is no behaviour: the observer asks such a one for no state.
    return (Atom("proc_lib"), Atom("init_p"), 5) if found is None else found


@PROC_LIB.reads
def initial_call(node: Any, what: Any) -> Any:
    """The same with its arguments, which are not told; or false."""
    found = _initial_call(node, what)
    if found is None:
        return False
    module, function, arity = found
    return module, function, [Atom(f"Argument__{n}") for n in range(1, arity + 1)]


@PROC_LIB.reads
def get_label(node: Any, pid: Pid) -> Any:
    """What a process is called."""
    process = node.runtime.find(pid) if isinstance(pid, Pid) else None
    if process is None:
        return UNDEFINED
    label = process_info(process, "label")[1]
    return label.encode() if type(label) is str else label


def _initial_call(node: Any, what: Any) -> tuple[Any, Any, int] | None:
    if isinstance(what, Pid):
        process = node.runtime.find(what)
        told = {} if process is None else dict(process_info(process, "dictionary")[1])
    else:
        told = {}
        for key, value in _pairs(what):
            if key == "dictionary" and isinstance(value, list):
                told = dict(_pairs(value))
    match told.get(INITIAL_CALL):
        case (module, function, int(arity)) if 0 <= arity <= 255:
            return module, function, arity
        case (module, function, list(arguments)):
            return module, function, len(arguments)
    return None


def _pairs(what: Any) -> list[tuple[Any, Any]]:
    """Return the pairs of a property list whose keys are atoms."""
    if not isinstance(what, list):
        raise TypeError(what)
    return [
        (one[0], one[1])
        for one in what
        if isinstance(one, tuple) and len(one) == 2 and isinstance(one[0], Atom)
    ]
