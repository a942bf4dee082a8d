"""``application``: what runs on the node; ``application_controller`` has the same.

The shapes are OTP's, text is a charlist. An environment may hold what is not for
everybody: ``node.unexport("application", "get_env")``, and ``get_all_env``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom, Pid

from ...errors import ApplicationError, ApplicationStartError
from ...gen.application import descriptions
from ...gen.portable import portable
from ...node.questions import Room, atom
from ...process.atoms import ERROR, OK, UNDEFINED

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEMPORARY = Atom("temporary")

ROOM = Room("application", "application_controller")
APPLICATION = Room("application")
CONTROLLER = Room("application_controller")


@ROOM.reads
def which_applications(node: Any, timeout: Any = None) -> list[Any]:
    """The applications that run, the youngest first."""
    return descriptions(node.applications.which())


@ROOM.reads
def loaded_applications(node: Any) -> list[Any]:
    """Those that are known."""
    return descriptions(node.applications.loaded())


@ROOM.reads
def get_all_key(node: Any, name: Atom) -> Any:
    """What the specification of one says, but its environment."""
    told = node.applications.keys(name)
    return UNDEFINED if told is None else (OK, _properties(told))


@ROOM.reads
def get_key(node: Any, name: Atom, key: Atom) -> Any:
    """One item of that."""
    told = node.applications.keys(name) or {}
    return (OK, told[key]) if key in told else UNDEFINED


@ROOM.reads
def get_application(node: Any, what: Any) -> Any:
    """Of which application a process, or a module, is."""
    applications = node.applications
    if isinstance(what, Pid):
        name = applications.application_of(what)
    else:
        name = applications.application_with(atom(what))
    return UNDEFINED if name is None else (OK, Atom(name))


@APPLICATION.reads
def get_supervisor(node: Any, name: Atom) -> Any:
    """Its top process."""
    info = node.applications.find(name)
    return UNDEFINED if info is None or info.top is None else (OK, info.top)


@CONTROLLER.reads
def get_master(node: Any, name: Atom) -> Any:
    """The group leader of its processes."""
    info = node.applications.find(name)
    return UNDEFINED if info is None or info.pid is None else info.pid


@APPLICATION.reads
def get_all_env(node: Any, name: Atom) -> list[tuple[Atom, Any]]:
    """Its environment."""
    if node.applications.find(name) is None:
        return []
    return _properties(node.applications.get_all_env(name))


_NO_DEFAULT: Any = object()


@APPLICATION.reads
def get_env(node: Any, name: Atom, key: Atom, default: Any = _NO_DEFAULT) -> Any:
    """One variable of that."""
    told: Mapping[str, Any] = {}
    if node.applications.find(name) is not None:
        told = node.applications.get_all_env(name)
    if atom(key) not in told:
        return UNDEFINED if default is _NO_DEFAULT else default
    value = portable(told[key])
    return (OK, value) if default is _NO_DEFAULT else value


@APPLICATION.acts
def set_env(node: Any, name: Atom, key: Atom, value: Any, options: Any = None) -> Any:
    """Set one."""
    try:
        node.applications.set_env(atom(name), atom(key), value)
    except ApplicationError as error:
        raise ValueError from error
    return OK


@APPLICATION.acts
async def start(node: Any, name: Atom, start_type: Atom = _TEMPORARY) -> Any:
    """Start one that is known, if those run that it needs."""
    return await _start(node, name, start_type, strict=True)


@APPLICATION.acts
async def ensure_all_started(
    node: Any, name: Atom, start_type: Atom = _TEMPORARY
) -> Any:
    """Start one that is known, and what it needs."""
    return await _start(node, name, start_type, strict=False)


async def _start(node: Any, name: Any, kind: Any, *, strict: bool) -> Any:
    try:
        started = await node.applications.start(
            atom(name), start_type=atom(kind), strict=strict
        )
    except ApplicationStartError as error:
        return ERROR, error.reason
    except ApplicationError as error:
        return ERROR, _why(error)
    return OK if strict else (OK, [Atom(one) for one in started])


@APPLICATION.acts
async def stop(node: Any, name: Atom) -> Any:
    """Stop one."""
    try:
        await node.applications.stop(atom(name))
    except ApplicationError as error:
        return ERROR, _why(error)
    return OK


_WORDS = {
    "ApplicationNotStarted": "not_started",
    "ApplicationNotLoaded": "not_loaded",
    "ApplicationRunning": "already_started",
    "DependencyCycle": "circular_dependencies",
}


def _why(error: ApplicationError) -> tuple[Atom, Atom]:
    word = _WORDS.get(type(error).__name__, "bad_application")
    return Atom(word), Atom(error.application)


def _properties(told: Mapping[str, Any]) -> list[tuple[Atom, Any]]:
    return [(Atom(key), portable(value)) for key, value in told.items()]
