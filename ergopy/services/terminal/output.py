"""What is to be put out: characters, or a call that gives them.

The call is run on the node that asks, which formats exactly as it does for itself.
Where that is not possible it is formatted here.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from etf import Atom

from ...errors import RpcError
from ...process.atoms import ERROR, OK
from ..io.chars import text
from ..io.formatting import render
from ..io.protocol import Call, Put, PutCall, codec

if TYPE_CHECKING:
    from etf import Pid, Reference

    from ...process.process import Process
    from .device import Terminal

SECONDS = 5.0
"""How long a node may take to format what it wants to have put out."""


async def put(
    process: Process, terminal: Terminal, wanted: Put | PutCall, sender: Pid | Reference
) -> Any:
    """Put it out; return the reply.

    Raises:
        OSError, ValueError: Nobody sees it any more.
    """
    if isinstance(wanted, Put):
        characters = wanted.characters
        refusal: Any = (ERROR, (Atom("put_chars"), wanted.encoding, characters))
    else:
        characters = await _called(process, wanted.call, sender)
        refusal = (ERROR, wanted.call[1])
    shown = text(characters, codec(wanted.encoding))
    if shown is None:
        return refusal
    await terminal.write(shown)
    return OK


async def _called(process: Process, call: Call, sender: Pid | Reference) -> Any:
    match call:
        case (Atom() as module, Atom() as function, list(arguments)):
            with suppress(RpcError):
                return await process.rpc(
                    sender.node, module, function, arguments, SECONDS
                )
    match call:
        case (Atom("io_lib"), Atom("format" | "fwrite"), [form, list(values)]):
            return render(form, values)
    return None
