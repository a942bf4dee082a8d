"""How an exported function ended, in the words of erpc and rex."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom

from ..errors import Exit, Throw
from ..node.exports import Undefined
from ..process import reasons
from ..process.atoms import ERROR, UNDEF

if TYPE_CHECKING:
    from ..node.exports import Exports

RETURN = Atom("return")
THROW = Atom("throw")
EXIT = Atom("exit")
APPLY = Atom("apply")
BADARG = Atom("badarg")
ERLANG = Atom("erlang")


async def run(
    exports: Exports, module: Any, function: Any, arguments: Any
) -> tuple[Any, ...]:
    """Run an exported function.

    Returns ``(return, Value)``, ``(throw, Term)``, ``(exit, Reason)`` or
    ``(error, Reason, Stack)``.
    """
    if not (
        isinstance(module, Atom)
        and isinstance(function, Atom)
        and isinstance(arguments, list)
    ):
        return (ERROR, BADARG, [(ERLANG, APPLY, [module, function, arguments], [])])
    try:
        return (RETURN, await exports.call(module, function, arguments))
    except Undefined:
        return (ERROR, UNDEF, [(module, function, arguments, [])])
    except Throw as error:
        return (THROW, error.term)
    except Exit as error:
        return (EXIT, reasons.as_reason(error.reason))
    except BaseException as error:
        failure, rest = reasons.split(error)
        if rest is not None:
            raise
        stack: list[Any] = [(module, function, len(arguments), [])]
        return (ERROR, reasons.from_exception(failure), stack)
