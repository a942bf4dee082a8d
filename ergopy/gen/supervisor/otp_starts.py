"""The start functions of OTP that a supervisor here understands.

``{gen_server, start_link, [Mod, Arg, Options]}`` cannot be called from another node:
it would link the child to whoever calls. But what such a function spawns is known, so
it can be spawned from here: :attr:`OtpStart.call` says what. On this node it comes to
the behaviour that was provided as *Mod*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from etf import Atom

from ...node.checks import as_atom

if TYPE_CHECKING:
    from etf import Pid

_GEN = Atom("gen")
_INIT = Atom("init")
_INIT_IT = Atom("init_it")
_LOCAL = Atom("local")
_SELF = Atom("self")
_GEN_SERVER = Atom("gen_server")
_SUPERVISOR = Atom("supervisor")

_BEHAVIOURS = {
    "gen_server": _GEN_SERVER,
    "gen_statem": Atom("gen_statem"),
    "Elixir.GenServer": _GEN_SERVER,
}
_START_LINK = "start_link"


class OtpStart(NamedTuple):
    """A start that is understood."""

    module: Atom
    function: Atom
    args: list[Any]
    """What it comes to: ``Mod:init(Arg)``, or the function given to ``proc_lib``."""
    gen: Atom | None = None
    """The behaviour, ``gen_server`` or ``gen_statem``; None with ``proc_lib`` alone."""
    name: Atom | None = None
    """What it is to be registered as."""
    options: Any = ()

    def call(self, parent: Pid) -> tuple[Atom, Atom, list[Any]]:
        """Return what ``proc_lib`` is to run, for a child of *parent*."""
        if self.gen is None:
            return self.module, self.function, self.args
        module, (arg,) = self.module, self.args
        if module is _SUPERVISOR:
            module, arg = _SUPERVISOR, self._named(arg)
        name = [] if self.name is None else [(_LOCAL, self.name)]
        options = list(self.options)
        return _GEN, _INIT_IT, [self.gen, parent, parent, *name, module, arg, options]

    def _named(self, arg: Any) -> Any:
        # supervisor:init/1 is given its own name besides.
        name = _SELF if self.name is None else (_LOCAL, self.name)
        return (name, *arg)


def recognised(module: Any, function: Any, args: list[Any]) -> OtpStart | None:
    """Return what a start function of OTP comes to, or None if it is none."""
    if function != _START_LINK:
        return None
    if module == "proc_lib":
        return _proc_lib(args)
    name, args = _local_name(args)
    if module == "supervisor" and len(args) == 2:
        child, arg = args
        return OtpStart(_SUPERVISOR, _INIT, [(as_atom(child), arg)], _GEN_SERVER, name)
    gen = _BEHAVIOURS.get(module)
    if gen is None or not 2 <= len(args) <= 3:
        return None
    child, arg, *options = args
    given = options[0] if options else []
    if module == "Elixir.GenServer":
        name, given = _elixir(given)
    return OtpStart(as_atom(_atomic(child)), _INIT, [arg], gen, name, given)


def _local_name(args: list[Any]) -> tuple[Atom | None, list[Any]]:
    """Part ``{local, Name}``, if it is the first argument, from the others."""
    match args:
        case [(Atom("local"), Atom() as name), *others]:
            return name, others
    return None, args


def _proc_lib(args: list[Any]) -> OtpStart | None:
    match args:
        case [child, function, list() as arguments, *_]:
            child, function = as_atom(_atomic(child)), as_atom(_atomic(function))
            return OtpStart(child, function, arguments)
    return None


def _elixir(options: Any) -> tuple[Atom | None, list[Any]]:
    """Part the name from what else ``GenServer.start_link/3`` was given."""
    name, rest = None, []
    for option in options if isinstance(options, list) else ():
        match option:
            case ("name", Atom() as given):
                name = given
            case _:
                rest.append(option)
    return name, rest


def _atomic(name: Any) -> Any:
    """Take a plain ``str``, as a Python program writes it, for the atom."""
    return Atom(name) if type(name) is str else name
