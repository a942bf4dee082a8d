"""``apply``: run a Python function, or one that this node exports, by its name.

Tasks and agents run either. Locally that is any callable, plain or ``async``. From the
wire it is a module, a function and arguments, and only what the program has exported
is there; the rest ends as on a BEAM, with ``undef``. A fun of a BEAM is code that only
a BEAM can run, unless it is ``fun Module:Function/Arity``.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, TypeAlias

from etf import Atom, Export, Fun

from ..errors import Exit, Throw
from ..node.exports import Undefined
from ..process.atoms import APPLY, ERLANG, UNDEF

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..process.process import Process

Function: TypeAlias = "Callable[..., Any] | tuple[str, str]"
"""A callable, or ``(module, function)`` of an exported one."""

Mfa: TypeAlias = "tuple[Atom, Atom, list[Any]]"

BADARG = Atom("badarg")
NOCATCH = Atom("nocatch")


async def apply(process: Process, function: Any, args: Any) -> Any:
    """Run ``function(*args)`` in *process* and return its value.

    Raises:
        Exit: It is not exported (``undef``), or it threw (``{nocatch, Term}``).
        Exception: Whatever else it raises.
    """
    try:
        if callable(function):
            value = function(*args)
            return await value if inspect.isawaitable(value) else value
        module, name = function
        return await process.node.exports.call(module, name, list(args))
    except Undefined as missing:
        raise undefined(missing.module, missing.function, missing.arguments) from None
    except Throw as thrown:
        raise Exit(((NOCATCH, thrown.term), [])) from thrown


def named(function: Function, args: tuple[Any, ...]) -> Mfa:
    """Return a function and its arguments as they are named on the wire."""
    if callable(function):
        module = getattr(function, "__module__", None) or "python"
        name = getattr(function, "__qualname__", None) or repr(function)
        return Atom(module[:255]), Atom(name[:255]), list(args)
    module, name = function
    return Atom(module), Atom(name), list(args)


def check(function: Any) -> None:
    """Raise TypeError for what :func:`apply` could not run."""
    match function:
        case (str(), str()):
            return
    if not callable(function):
        raise TypeError(
            f"a function is a callable or (module, function), not {function!r}"
        )


def called(module: Any, function: Any, arguments: Any) -> tuple[tuple[str, str], Any]:
    """Return the function and the arguments that a BEAM means.

    ``erlang:apply`` is what it makes of a fun.

    Raises:
        Exit: ``badarg``, or ``undef`` for a fun.
    """
    while module == ERLANG and function == APPLY and isinstance(arguments, list):
        match arguments:
            case [Fun() as fun, args]:
                raise Exit((UNDEF, [(fun, args, [])]))
            case [Export(module=module, function=function), arguments]:
                continue
            case [module, function, arguments]:
                continue
        break
    names = isinstance(module, Atom) and isinstance(function, Atom)
    if not (names and isinstance(arguments, list)):
        raise Exit((BADARG, [(ERLANG, APPLY, [module, function, arguments], [])]))
    return (module, function), arguments


def undefined(module: Any, function: Any, arguments: list[Any]) -> Exit:
    """Make the end of who calls a function that is not there."""
    return Exit((UNDEF, [(Atom(module), Atom(function), arguments, [])]))
