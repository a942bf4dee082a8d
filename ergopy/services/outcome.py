"""How an exported function ended, in the words of erpc and rex."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import etf
from etf import Atom

from ..errors import Exit, Throw
from ..node.exports import Undefined
from ..node.questions import Refused
from ..process import reasons
from ..process.atoms import BADARG, ERROR, UNDEF

if TYPE_CHECKING:
    from ..node.exports import Exports

RETURN = Atom("return")
THROW = Atom("throw")
EXIT = Atom("exit")
APPLY = Atom("apply")
ERLANG = Atom("erlang")

# Values of these need no trial; a large binary would cost two encodings.
_PLAIN = frozenset({bytes, bool, Atom, type(None)})


async def run(
    exports: Exports, module: Any, function: Any, arguments: Any
) -> tuple[Any, ...]:
    """Run an exported function.

    Returns ``(return, Value)``, ``(throw, Term)``, ``(exit, Reason)`` or
    ``(error, Reason, Stack)``, all of which can be sent: what cannot is an error.
    """
    if not (
        isinstance(module, Atom)
        and isinstance(function, Atom)
        and isinstance(arguments, list)
    ):
        return (ERROR, BADARG, [(ERLANG, APPLY, [module, function, arguments], [])])
    stack: list[Any] = [(module, function, len(arguments), [])]
    answer = await _run(exports, module, function, arguments, stack)
    if answer[-1].__class__ in _PLAIN:
        return answer
    try:
        etf.encode(answer)
    except etf.EncodeError as error:
        return (ERROR, reasons.from_exception(error), stack)
    return answer


async def _run(
    exports: Exports,
    module: Atom,
    function: Atom,
    arguments: list[Any],
    stack: list[Any],
) -> tuple[Any, ...]:
    try:
        return (RETURN, await exports.call(module, function, arguments))
    except Undefined:
        return (ERROR, UNDEF, [(module, function, arguments, [])])
    except Refused as error:
        return (ERROR, error.reason, [(module, function, arguments, [])])
    except Throw as error:
        return (THROW, error.term)
    except Exit as error:
        return (EXIT, reasons.as_reason(error.reason))
    except BaseException as error:
        failure, rest = reasons.split(error)
        if rest is not None:
            raise
        return (ERROR, reasons.from_exception(failure), stack)
