"""``proc_lib:init_ack`` and ``init_fail``: a start that another process waits for.

Who starts a process with ``proc_lib`` waits for ``{ack, Pid, Return}``. A start that
comes to nothing without being a failure is ``{nack, Pid, Return}`` since OTP 26, and
then the process ends; before it was ``ack`` as well. A failed ``init`` is told by the
exit signal alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, final

from etf import Atom, Pid, Reference

from ..errors import Exit
from .atoms import BADARG, OK

if TYPE_CHECKING:
    from .sending import Sender

FIRST_WITH_NACK = 26

ACK = Atom("ack")
NACK = Atom("nack")
IGNORED = Atom("ignore")


class Acknowledge(Protocol):
    """Whom a behaviour tells how its ``init`` went."""

    def up(self) -> None:
        """``init`` is done."""

    def ignore(self) -> None:
        """``init`` wants no process, and that is no failure."""


@final
class InitAck:
    """Tells a process, on whatever node, that waits for one to start."""

    __slots__ = ("_process", "_to", "ignored")

    def __init__(self, process: Sender, to: Any) -> None:
        self._process = process
        self._to = to
        self.ignored = False

    def up(self) -> None:
        tell(self._process, self._to, ACK, (OK, self._process.pid))

    def ignore(self) -> None:
        self.ignored = True

    async def refuse(self, answer: Any) -> None:
        """Say that there will be no process; the caller ends it after that."""
        await refuse(self._process, self._to, answer)


def tell(process: Sender, to: Any, kind: Atom, value: Any) -> None:
    """Send ``{Kind, Pid, Value}``. Never waits.

    Raises:
        Exit: *to* is nothing that can be sent to; as on a BEAM the start crashes.
    """
    message = (kind, process.pid, value)
    if not isinstance(to, Pid | Reference):
        raise Exit((BADARG, [(Atom("erlang"), Atom("send"), [to, message], [])]))
    process.send_one(to, message)


async def refuse(process: Sender, to: Any, value: Any) -> None:
    """Give the names back and say that the start came to nothing.

    The form depends on the release of who waits; it takes a call to find that out.
    """
    process.drop_names()
    kind = NACK
    if isinstance(to, Pid | Reference) and to.node != process.runtime.name:
        release = await process.runtime.release_of(to.node)
        if release is not None and release < FIRST_WITH_NACK:
            kind = ACK
    tell(process, to, kind, value)
