"""The start functions of OTP that a supervisor here understands.

``{gen_server, start_link, [Mod, Arg, Options]}`` cannot be called from another node:
it would link the child to whoever calls. But what such a function spawns is known, so
it can be spawned from here: :attr:`OtpStart.call` says what. On this node it comes to
the behaviour that was provided as *Mod*.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from etf import Atom

from ...node.checks import as_atom, is_atom
from ...process.atoms import GLOBAL
from ...process.reasons import as_reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from etf import Pid

Reader: TypeAlias = "Callable[..., OtpStart | None]"

_GEN = Atom("gen")
_INIT = Atom("init")
_INIT_IT = Atom("init_it")
_LOCAL = Atom("local")
_SELF = Atom("self")
_GEN_SERVER = Atom("gen_server")
_SUPERVISOR = Atom("supervisor")


class OtpStart(NamedTuple):
    """A start that is understood."""

    module: Atom
    function: Atom
    args: list[Any]
    """What it comes to: ``Mod:init(Arg)``, or the function given to ``proc_lib``."""
    gen: Atom | None = None
    """``gen_server``, ``gen_statem``, ``supervisor``; None with ``proc_lib`` alone."""
    name: Any = None
    """What it is to be registered as: an atom, or ``(global, Name)``."""
    options: Any = ()

    def call(self, parent: Pid) -> tuple[Atom, Atom, list[Any]]:
        """Return what ``proc_lib`` is to run, for a child of *parent*."""
        if self.gen is None:
            return self.module, self.function, self.args
        gen, module, (arg,) = self.gen, self.module, self.args
        name: list[Any] = [] if self.name is None else [self.name]
        if isinstance(self.name, Atom):
            name = [(_LOCAL, self.name)]
        if gen is _SUPERVISOR:
            # It is a gen_server, whose init is given the name besides.
            gen, arg = _GEN_SERVER, (*(name or [_SELF]), module, arg)
            module = _SUPERVISOR
        options = list(self.options)
        return _GEN, _INIT_IT, [gen, parent, parent, *name, module, arg, options]


def recognised(module: Any, function: Any, args: list[Any]) -> OtpStart | None:
    """Return what a start function of OTP comes to, or None if it is none."""
    read = _READERS.get((module, len(args))) if function == "start_link" else None
    return None if read is None else read(*args)


def _gen(gen: Atom, child: Any, arg: Any, options: Any) -> OtpStart | None:
    child = as_reason(child)
    if not (is_atom(child) and isinstance(options, list)):
        return None
    return OtpStart(as_atom(child), _INIT, [arg], gen, None, options)


def _supervisor(child: Any, arg: Any) -> OtpStart | None:
    return _gen(_SUPERVISOR, child, arg, [])


def _named(read: Reader, name: Any, *args: Any) -> OtpStart | None:
    """Read what has ``{local, Name}`` or ``{global, Name}`` before its arguments."""
    start = read(*args)
    match name:
        case (Atom("local"), Atom() as local) if start is not None:
            return start._replace(name=local)
        case (Atom("global"), term) if start is not None:
            return start._replace(name=(GLOBAL, term))
    return None


def _proc_lib(child: Any, function: Any, args: Any) -> OtpStart | None:
    child, function = as_reason(child), as_reason(function)
    if not (is_atom(child) and is_atom(function) and isinstance(args, list)):
        return None
    return OtpStart(as_atom(child), as_atom(function), args)


def _elixir(child: Any, arg: Any, options: Any = None) -> OtpStart | None:
    """Read ``GenServer.start_link/2,3``, which has the name among its options."""
    name: Any = None
    others = []
    for option in options if isinstance(options, list) else ():
        match option:
            case (Atom("name"), Atom() as given):
                name = given
            case (Atom("name"), (Atom("global"), term)):
                name = (GLOBAL, term)
            case _:
                others.append(option)
    start = _gen(_GEN_SERVER, child, arg, others)
    return None if start is None else start._replace(name=name)


_gen_server = partial(_gen, _GEN_SERVER)
_gen_statem = partial(_gen, Atom("gen_statem"))

_READERS: dict[Any, Reader] = {
    ("gen_server", 3): _gen_server,
    ("gen_server", 4): partial(_named, _gen_server),
    ("gen_statem", 3): _gen_statem,
    ("gen_statem", 4): partial(_named, _gen_statem),
    ("supervisor", 2): _supervisor,
    ("supervisor", 3): partial(_named, _supervisor),
    ("proc_lib", 3): _proc_lib,
    ("Elixir.GenServer", 2): _elixir,
    ("Elixir.GenServer", 3): _elixir,
}
"""The ``start_link`` of a module, by the number of its arguments."""
