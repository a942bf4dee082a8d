"""What a supervisor is given: specifications of children, and of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from etf import Atom, EncodeError

from ...node.checks import is_atom
from ...process.reasons import as_reason
from . import checks
from .checks import SHUTDOWN_SECONDS, SUPERVISOR, WORKER, Shutdown
from .terms import to_map

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ...process.configured import ProcessConfig
    from ...process.limits import MailboxLimit
    from .checks import Restart


@final
@dataclass(frozen=True, init=False)
class ChildSpec:
    """How a supervisor starts one child, and what it does when that ends.

    It is OTP's ``child_spec()`` with Python's words: all times are in seconds, and
    what is not said has OTP's default. A class may say otherwise for itself, with
    ``child_defaults``: a dict of options of this constructor.

    On the wire it is the map that a BEAM supervisor takes. Only one whose *start* is
    ``(module, function)`` can travel: Erlang has no Python classes.

    Args:
        start: A behaviour, whose ``init`` gets *args*; ``async def start(proc,
            *args)``; or ``(module, function)``: a program that was provided with
            ``node.provide_spawn``, or, with *node*, what is to run over there.
        args: Its arguments.
        id: Any term that no other child of the supervisor has; by default the local
            name, or that of the class or function. A plain ``str`` is taken for an
            atom.
        name: What it is to be registered as.
        restart: ``"permanent"``, ``"transient"`` or ``"temporary"``.
        shutdown: Seconds between ``shutdown`` and ``kill``, ``"brutal_kill"`` or
            ``"infinity"``; by default 5 seconds, and ``"infinity"`` for a supervisor.
        type: ``"worker"`` or ``"supervisor"``.
        significant: Whether its end may end the supervisor; see ``auto_shutdown``.
        modules: For ``supervisor:which_children``: a list of names, or ``"dynamic"``.
        node: Start it on that node, and keep it there; see the page on supervisors.
        mailbox: How many messages may wait for it.
        config: What it may do, and for how long; see the page on spawning.
        init_timeout: Seconds that its ``init`` may take; past it the start fails.
        options: Go to the constructor of the behaviour.

    Raises:
        SpecError: It makes no sense; ``reason`` is what OTP says of it.
    """

    handed_over = True  # see process/configured/copying.py

    start: Any
    args: tuple[Any, ...] | None
    """None if they were forgotten: those of a temporary child, as in OTP."""
    id: Any
    name: Any
    restart: Restart
    shutdown: float | Shutdown
    type: Atom
    significant: bool
    modules: Sequence[Any] | Atom
    node: str | None
    mailbox: MailboxLimit | None
    config: ProcessConfig | None
    init_timeout: float | None
    options: Mapping[str, Any]

    def __init__(
        self,
        start: Any,
        /,
        *args: Any,
        id: Any = None,
        name: Any = None,
        restart: str | None = None,
        shutdown: float | str | None = None,
        type: str | None = None,
        significant: bool | None = None,
        modules: Iterable[str] | str | None = None,
        node: str | None = None,
        mailbox: MailboxLimit | None = None,
        config: ProcessConfig | None = None,
        init_timeout: float | None = None,
        **options: Any,
    ) -> None:
        start, args = _start(start, args, node)
        given = {
            "id": id,
            "name": name,
            "restart": restart,
            "shutdown": shutdown,
            "type": type,
            "significant": significant,
            "modules": modules,
            "mailbox": mailbox,
            "config": config,
            "init_timeout": init_timeout,
        }
        told = {**_DEFAULTS, **getattr(start, "child_defaults", {})}
        if told.keys() - given.keys():
            raise TypeError(f"child_defaults of {start!r} says more than a ChildSpec")
        told.update((key, value) for key, value in given.items() if value is not None)
        self.__dict__.update(
            _checked(start, told), start=start, args=args, node=node, options=options
        )

    def replace(self, **changes: Any) -> ChildSpec:
        """Return a copy with other options; ``args=`` replaces the arguments."""
        fields = dict(vars(self))
        start, args, options = (fields.pop(key) for key in ("start", "args", "options"))
        args = changes.pop("args", args or ())
        return ChildSpec(start, *args, **{**fields, **options, **changes})

    def without_args(self) -> ChildSpec:
        """Return a copy that has forgotten the arguments."""
        copy = object.__new__(ChildSpec)
        copy.__dict__.update(vars(self), args=None)
        return copy

    @property
    def is_supervisor(self) -> bool:
        """Whether it is of type ``supervisor``."""
        return self.type is SUPERVISOR

    @property
    def is_mfa(self) -> bool:
        """Whether it is started by module and function, and not by a Python object."""
        return isinstance(self.start, tuple)

    @property
    def mfa(self) -> tuple[Any, Any, Any]:
        """The start as ``{Module, Function, Arguments}``."""
        if self.args is None:
            return (*mfa_names(self.start), Atom("undefined"))
        return (*mfa_names(self.start), list(self.args))

    def __etf__(self) -> Any:
        if not self.is_mfa or self.node is not None:
            what = f"the specification of {self.id!r} names a Python object or a node"
            raise EncodeError(f"{what}; give (module, function)")
        return to_map(self)


@final
@dataclass(frozen=True)
class SupervisorSpec:
    """What ``init`` of a supervisor may return: children, and flags of its own.

    A flag that is None is what the constructor or the class says.
    """

    children: Iterable[Any]
    """Specifications, classes, tuples ``(Class, *args)``, or maps as OTP has them."""
    strategy: str | None = None
    intensity: int | None = None
    period: float | None = None
    auto_shutdown: str | None = None
    backoff: Any = None
    drain: str | None = None
    budget: float | None = None

    @property
    def flags(self) -> dict[str, Any]:
        """The flags that are given."""
        told = {key: value for key, value in vars(self).items() if value is not None}
        del told["children"]
        return told


_DEFAULTS: dict[str, Any] = {
    "id": None,
    "name": None,
    "restart": "permanent",
    "shutdown": None,
    "type": WORKER,
    "significant": False,
    "modules": None,
    "mailbox": None,
    "config": None,
    "init_timeout": None,
}


def _start(
    start: Any, args: tuple[Any, ...], node: str | None
) -> tuple[Any, tuple[Any, ...]]:
    """Return what is to be started in the form in which it is kept, and its arguments.

    Any class with ``enter`` will do: what ``Node.start`` starts.
    """
    if isinstance(start, tuple) and len(start) > 1 and all(map(_may_name, start[:2])):
        names = tuple(map(as_reason, start[:2]))
        match start[2:]:
            case ():
                return names, args
            case (list(first),):
                return names, (*first, *args)
    good = hasattr(start, "enter") if isinstance(start, type) else callable(start)
    if node is not None or not good:
        raise checks.refused("invalid_mfa", start)
    return start, args


def _may_name(name: Any) -> bool:
    """Tell whether it may name a module or function: an atom, or a plain str."""
    return isinstance(name, str) or is_atom(name)


def _checked(start: Any, told: dict[str, Any]) -> dict[str, Any]:
    """Check the options in OTP's order, and fill in those that depend on others."""
    module = mfa_names(start)[0]
    restart = checks.restart(told["restart"])
    significant = checks.significant(told["significant"], restart)
    kind = checks.child_type(told["type"])
    usual = Shutdown.INFINITY if kind is SUPERVISOR else SHUTDOWN_SECONDS
    shutdown = checks.shutdown(usual if told["shutdown"] is None else told["shutdown"])
    modules = checks.modules([module] if told["modules"] is None else told["modules"])
    return {
        "id": checks.identity(_id(start, told)),
        "name": told["name"],
        "restart": restart,
        "significant": significant,
        "type": kind,
        "shutdown": shutdown,
        "modules": modules,
        "mailbox": told["mailbox"],
        "config": told["config"],
        "init_timeout": told["init_timeout"],
    }


def _id(start: Any, told: dict[str, Any]) -> Any:
    if told["id"] is not None:
        return told["id"]
    if isinstance(told["name"], str):
        return told["name"]
    return start[0] if isinstance(start, tuple) else Atom(_own_name(start))


def _own_name(start: Any) -> str:
    return str(getattr(start, "__qualname__", type(start).__qualname__))[:255]


def mfa_names(start: Any) -> tuple[Any, Any]:
    """Return the module and the function; a class is its own module, as in Elixir."""
    if isinstance(start, tuple):
        return start
    module = getattr(start, "__module__", None) or type(start).__module__
    name = _own_name(start)
    if isinstance(start, type):
        return Atom(f"{module}.{name}"[:255]), Atom("start_link")
    return Atom(module[:255]), Atom(name)
