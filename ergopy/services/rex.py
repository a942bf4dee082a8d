"""``rex``: the older way to run functions on a node (protocol 6.6).

C nodes, ``erl_call`` and ``rpc:block_call`` still use it. Requests run side by side,
as tasks of this process, except ``block_call``, which is there to block. What they
print with ``ergopy.io`` goes to the group leader that the request names.
"""

from __future__ import annotations

from typing import Any

from etf import Atom, Pid

from ..errors import MailboxFull, NotRegistered
from ..gen.returns import NOREPLY
from ..gen.server import GenServer
from . import outcome
from .io.leader import ToCaller, led_by

BADRPC = Atom("badrpc")
EXIT = Atom("EXIT")
REX = Atom("rex")
STDOUT_TO_CALLER = Atom("send_stdout_to_caller")


class Rex(GenServer):
    """Runs exported functions, by name."""

    async def handle_call(self, request: Any, from_: Any) -> Any:
        match request:
            case (Atom("call"), module, function, arguments, leader):
                mfa = module, function, arguments
                self.start_soon(self._answer, from_, leader, *mfa)
                return NOREPLY
            case (Atom("block_call"), module, function, arguments, leader):
                return await self._run(leader, module, function, arguments)
            case _:
                return (BADRPC, (EXIT, Atom("badarg")))

    async def handle_cast(self, request: Any) -> None:
        match request:
            case (Atom("cast"), module, function, arguments, leader):
                self.start_soon(self._run, leader, module, function, arguments)

    async def handle_info(self, message: Any) -> None:
        match message:
            case (Pid() as asker, (Atom("call"), module, function, arguments, leader)):
                mfa = module, function, arguments
                self.start_soon(self._tell, asker, leader, *mfa)
            case (Pid() as asker, Atom("features_request")):
                features = (Atom("features_reply"), self.node.name, [Atom("erpc")])
                await self.send(asker, features)
            case (Pid() as asker, (Atom("sbcast"), Atom() as name, text)):
                await self.send(asker, (REX, self.node.name, self._pass_on(name, text)))
            case (Pid() as asker, (Atom("send"), Atom() as name, text)):
                answer = self._pass_on(name, (asker, text))
                if answer != self.node.name:
                    await self.send(asker, (REX, self.node.name, answer))

    def _pass_on(self, name: str, message: Any) -> Any:
        try:
            self.send_nowait(name, message)
        except NotRegistered:
            return (Atom("nonexisting_name"), Atom(name))
        except MailboxFull:
            # Sent, and lost, as for any other sender on another node.
            pass
        return self.node.name

    async def _answer(self, from_: Any, leader: Any, *mfa: Any) -> None:
        await self.reply(from_, await self._run(leader, *mfa))

    async def _tell(self, asker: Pid, leader: Any, *mfa: Any) -> None:
        if leader is not STDOUT_TO_CALLER:
            answer = await self._run(leader, *mfa)
        else:
            # The device is done with all that was printed before it ends.
            device = await self.start(ToCaller, asker, link=True)
            answer = await self._run(device, *mfa)
            await self.stop(device, timeout=None)
        await self.send(asker, (REX, answer))

    async def _run(self, leader: Any, *mfa: Any) -> Any:
        with led_by(self.process, leader):
            return await self._outcome(*mfa)

    async def _outcome(self, *mfa: Any) -> Any:
        answer = await outcome.run(self.node.exports, *mfa)
        match answer:
            case ("return" | "throw", value):
                return value
            case ("exit", reason):
                return (BADRPC, (EXIT, reason))
            case (_, reason, stack):
                return (BADRPC, (EXIT, (reason, stack)))
