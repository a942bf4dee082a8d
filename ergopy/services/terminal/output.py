"""What is to be put out: characters, or a call that gives them.

The call is run on the node that asks, which formats exactly as it does for itself.
Where that is not possible it is formatted here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom

from ...errors import RpcError
from ...process.atoms import ERROR, OK
from ..io.chars import text
from ..io.formatting import render

if TYPE_CHECKING:
    from etf import Pid, Reference

    from ...process.process import Process
    from .device import Terminal
    from .requests import Call, Put

SECONDS = 5.0
"""How long a node may take to format what it wants to have put out."""


async def put(
    process: Process, terminal: Terminal, wanted: Put, sender: Pid | Reference
) -> Any:
    """Put it out; return the reply.

    Raises:
        OSError, ValueError: Nobody sees it any more.
    """
    characters = wanted.characters
    refusal: Any = (ERROR, (Atom("put_chars"), Atom(wanted.encoding), characters))
    if wanted.call is not None:
        refusal = (ERROR, wanted.call[1])
        characters = await _called(process, wanted.call, sender)
    shown = text(characters, wanted.codec)
    if shown is None:
        return refusal
    await terminal.write(shown)
    return OK


async def _called(process: Process, call: Call, sender: Pid | Reference) -> Any:
    module, function, arguments = call
    try:
        return await process.rpc(sender.node, module, function, arguments, SECONDS)
    except RpcError:
        match module, function, arguments:
            case Atom("io_lib"), Atom("format" | "fwrite"), [form, list(values)]:
                return render(form, values)
    return None
