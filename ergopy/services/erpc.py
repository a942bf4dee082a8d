"""The serving side of ``erpc``, and of ``rpc`` since OTP 23 (protocol 6.7).

A call is a process that was spawned with a monitor; its exit reason is the answer.
Only exported functions run; everything else is ``undef``.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from etf import Atom

from ..errors import Exit
from ..process.reasons import shown
from . import outcome

if TYPE_CHECKING:
    from ..node.node import Node
    from ..process.process import Process

logger = logging.getLogger("ergopy.services")


def _text(name: Any) -> str:
    return str(name) if isinstance(name, Atom) else shown(name)


async def start(node: Node) -> None:
    """Provide ``erpc:execute_call/3,4`` and ``erpc:execute_cast/3`` for spawning."""

    async def execute_call(process: Process, *args: Any) -> None:
        if len(args) != 4:
            return
        result, module, function, arguments = args
        process.log_crash = False
        answer = await outcome.run(node.exports, module, function, arguments)
        raise Exit((result, *answer))

    async def execute_cast(_: Process, *args: Any) -> None:
        if len(args) == 3:
            answer = await outcome.run(node.exports, *args)
            if answer[0] is not outcome.RETURN:
                # The names may be no atoms at all.
                text = "erpc cast of %s:%s failed: %s"
                logger.warning(text, *map(_text, args[:2]), shown(answer))

    node.exports.provide("erpc", execute_call, "execute_call")
    node.exports.provide("erpc", execute_cast, "execute_cast")
