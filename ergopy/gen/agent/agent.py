"""Agent: a process around one value (Elixir's ``Agent``).

Its messages are those of Elixir's ``Agent.Server``: ``{get, F}``, ``{update, F}``,
``{get_and_update, F}`` and the cast ``{cast, F}``, where *F* runs in the agent and is
called with the value. From this node it is any callable; from other nodes ``{Module,
Function, Args}`` of one that is exported, which is called with the value and *Args*.

What a peer asks for and cannot be done (a fun of a BEAM, a function that is not
exported, a value that is no term, another request) fails its call, and leaves the agent
alone. A function that raises ends the agent, as it does in Elixir.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import etf
from etf import Atom

from ...errors import Exit
from ...node.exports import Undefined
from ...node.questions import Refused
from ...process import reasons
from ...process.atoms import BADARG, OK
from ...process.refusals import refuse
from ..apply import apply, ended, told, undefined
from ..returns import NOREPLY, Stop
from ..server import GenServer, logger

if TYPE_CHECKING:
    from ..apply import Work
    from ..server import From

BAD_RETURN = Atom("bad_return_value")
CAST = Atom("cast")
GET = Atom("get")
GET_AND_UPDATE = Atom("get_and_update")
UPDATE = Atom("update")
_CALLS = (GET, UPDATE, GET_AND_UPDATE)


class Agent(GenServer):
    """A process that keeps one value, for others to read and change.

    ::

        await node.start(ergopy.Agent, dict, name="settings")
        await agent.update("settings", operator.setitem, ...)

    Args of its start: the value, or a callable (plain or ``async``, with its arguments
    behind it) that makes it in the agent. ``sys:get_state`` shows the value.

    A callable gets the value itself, not a copy: what changes it in place has changed
    it for all, also if it comes from ``get``.
    """

    value: Any
    """What it keeps."""

    async def init(self, start: Any = None, *args: Any) -> Any:
        if callable(start):
            start = await apply(self.process, start, args)
        elif args:
            raise TypeError(f"an agent starts with one value, and arguments: {args!r}")
        self.value = start

    def format_state(self) -> Any:
        return self.value

    async def handle_call(self, request: Any, from_: From) -> Any:
        try:
            what, work = self._understood(request, _CALLS)
        except Exit as problem:
            refuse(self.process, from_, problem.reason)
            return NOREPLY
        result = await self._run(work)
        if what == GET:
            return self._answer(from_, result)
        if what == UPDATE:
            self.value = result
            return OK
        if not (isinstance(result, tuple) and len(result) == 2):
            return Stop((BAD_RETURN, result))
        answer, self.value = result
        return self._answer(from_, answer)

    async def handle_cast(self, request: Any) -> None:
        try:
            _, work = self._understood(request, (CAST,))
        except Exit as problem:
            why = reasons.shown(problem.reason)
            logger.error("%s cannot do what was cast: %s", self.process.label, why)
        else:
            self.value = await self._run(work)

    def _understood(self, request: Any, verbs: tuple[Atom, ...]) -> tuple[Atom, Work]:
        """Return what is wanted, and what is to run; raise Exit if it cannot be."""
        match request:
            case (Atom() as what, term) if what in verbs:
                work = told(term)
            case _:
                raise Exit((BADARG, request))
        if not callable(work.function):
            args = [self.value, *work.args]
            try:
                self.process.node.exports.find(*work.function, args)
            except Undefined:
                raise undefined(*work.function, args) from None
            except Refused as refused:
                raise ended(refused.reason, *work.function, args) from None
        return what, work

    async def _run(self, work: Work) -> Any:
        return await apply(self.process, work.function, (self.value, *work.args))

    def _answer(self, from_: From, value: Any) -> Any:
        """Answer; what another node cannot be sent fails the call instead."""
        try:
            self.process.reply_nowait(from_, value)
        except etf.EncodeError as error:
            refuse(self.process, from_, reasons.from_exception(error))
        return NOREPLY
