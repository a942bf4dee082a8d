"""``apply``: run a Python function, or one that this node exports, by its name.

Tasks and agents run either. Inside of a node that is any callable, plain or ``async``,
as :class:`Work`. From the wire it is a module, a function and arguments, and only what
the program has exported is there; the rest ends as on a BEAM, with ``undef``. A fun of
a BEAM is code that only a BEAM can run, unless it is ``fun Module:Function/Arity``.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from etf import Atom, Export, Fun

from ..errors import Exit, Throw
from ..node.exports import Undefined
from ..node.questions import Refused
from ..process.atoms import APPLY, BADARG, ERLANG, UNDEF

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..process.process import Process

Function: TypeAlias = "Callable[..., Any] | tuple[str, str]"
"""A callable, or ``(module, function)`` of an exported one."""

Mfa: TypeAlias = "tuple[Atom, Atom, list[Any]]"

BEAM_FUN = Atom("a_beam_fun_cannot_run_here")
NOCATCH = Atom("nocatch")


class Work(NamedTuple):
    """What to run: what a process of this node is sent in the place of an MFA."""

    function: Function
    args: tuple[Any, ...]


async def apply(process: Process, function: Function, args: Any) -> Any:
    """Run ``function(*args)`` in *process* and return its value.

    Raises:
        Exit: It is not exported (``undef``), it threw (``{nocatch, Term}``), or it is a
            standard question that is not answered like this (``badarg``).
        Exception: Whatever else it raises.
    """
    try:
        if callable(function):
            value = function(*args)
            return await value if inspect.isawaitable(value) else value
        module, name = function
        try:
            return await process.node.exports.call(module, name, list(args))
        except Refused as refused:
            raise ended(refused.reason, module, name, list(args)) from None
    except Undefined as missing:
        raise undefined(missing.module, missing.function, missing.arguments) from None
    except Throw as thrown:
        raise Exit(((NOCATCH, thrown.term), [])) from thrown


def check(function: Any) -> None:
    """Raise TypeError for what :func:`apply` could not run."""
    match function:
        case (str(), str()):
            return
    if not callable(function):
        raise TypeError(
            f"a function is a callable or (module, function), not {function!r}"
        )


def as_told(
    caller: Process, dest: Any, function: Function, args: tuple[Any, ...]
) -> Work | Mfa:
    """Return how a process is told to run a function; a callable stays in this node.

    Raises:
        TypeError: It is no function, or one that the node of *dest* cannot have.
    """
    check(function)
    if not callable(function):
        return named(function, args)
    if caller.runtime.locate(dest)[0] is not None:
        raise TypeError(
            f"another node cannot run {function!r}; name what it has, as in "
            "('Elixir.String', 'upcase')"
        )
    return Work(function, args)


def named(function: Function, args: tuple[Any, ...]) -> Mfa:
    """Return a function and its arguments as they are named on the wire."""
    if callable(function):
        module = getattr(function, "__module__", None) or "python"
        name = getattr(function, "__qualname__", None) or repr(function)
        return Atom(module[:255]), Atom(name[:255]), list(args)
    module, name = function
    return Atom(module), Atom(name), list(args)


def told(term: Any) -> Work:
    """Return what a process was told to run, by us or by a BEAM.

    ``erlang:apply`` is what a BEAM makes of a fun that takes no arguments.

    Raises:
        Exit: It is a fun, or nothing that can be run (``badarg``).
    """
    match term:
        case Work():
            return term
        case Fun() | (Atom("erlang"), Atom("apply"), [Fun(), _]):
            raise Exit(BEAM_FUN)
        case (Atom("erlang"), Atom("apply"), [Export() as fun, list(args)]):
            return Work((fun.module, fun.function), tuple(args))
        case (Atom("erlang"), Atom("apply"), [Atom(), Atom(), list()] as mfa):
            return told(tuple(mfa))
        case Export():
            return Work((term.module, term.function), ())
        case (Atom() as module, Atom() as function, list(args)):
            return Work((module, function), tuple(args))
    raise Exit((BADARG, [(ERLANG, APPLY, [term], [])]))


def undefined(module: Any, function: Any, arguments: list[Any]) -> Exit:
    """Make the end of who calls a function that is not there."""
    return ended(UNDEF, module, function, arguments)


def ended(reason: Any, module: Any, function: Any, arguments: list[Any]) -> Exit:
    """Make the end of who calls a function that raises ``error:Reason``."""
    return Exit((reason, [(Atom(module), Atom(function), arguments, [])]))
