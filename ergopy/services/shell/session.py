"""The process that is a shell: it asks a terminal for lines and has them run.

Its group leader is the BEAM's group process, which edits lines, keeps their history and
passes Ctrl-C on: as an error in the place of a line, or as an exit signal while
something runs. The two are linked, so when the terminal or the connection is gone the
shell ends, and with it the process that runs what was typed.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, final

from etf import Atom, Pid, Reference

from ...process.messages import ExitMessage
from ...process.slot import Slot
from ..io.chars import text
from .evaluator import LEAVE, LOST, Evaluator
from .history import History
from .names import Names, banner
from .output import Output
from .showing import cut
from .source import Source

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ...process.process import Process

logger = logging.getLogger("ergopy.services")

_BEGIN, _DONE = Atom("begin"), Atom("done")
_EXPAND_FUN = Atom("expand_fun")
_INTERRUPT = Atom("interrupt")
_IO_REPLY = Atom("io_reply")
_IO_REQUEST = Atom("io_request")
_GET_LINE, _PUT_CHARS, _SETOPTS = Atom("get_line"), Atom("put_chars"), Atom("setopts")
_UNICODE = Atom("unicode")
_OPTIONS = [(Atom("binary"), True), (Atom("encoding"), _UNICODE)]
_KILL = Atom("kill")
_LEFT = object()


@final
class Session:
    """One shell, on the terminal behind *leader*.

    Args:
        leader: The group process.
        expander: Finds out the function that completes words here, if the terminal
            has to be told.
        handshake: ``(Parent, Ref)`` of IEx, which wants to do something first.
    """

    def __init__(
        self,
        leader: Pid,
        *,
        expander: Callable[[Process], Awaitable[Any]] | None = None,
        handshake: tuple[Pid, Reference] | None = None,
    ) -> None:
        self.leader = leader
        self._expander = expander
        self._handshake = handshake
        self._asked: dict[Reference, Slot] = {}
        self._synchronised = Slot()
        self._output = Output(leader)
        self._names = Names(self._output)
        self._runner: Pid | None = None
        self._evaluator: Evaluator | None = None

    @property
    def scope(self) -> dict[str, Any]:
        """The names that can be completed."""
        return self._names.scope

    async def body(self, process: Process) -> None:
        """Be the process."""
        process.trap_exit = True
        self._source = Source(f"shell {process.pid.id}")
        logger.warning("%s has opened a shell", self.leader, extra=_extra(process))
        try:
            with self._output:
                await process.link(self.leader)
                process.start_soon(self._put_out, process)
                process.start_soon(self._talk, process)
                await self._hear(process)
        finally:
            if self._runner is not None:
                process.exit_nowait(self._runner, _KILL)
            self._source.close()
            logger.info("the shell of %s is over", self.leader, extra=_extra(process))

    async def _hear(self, process: Process) -> None:
        """Take replies and signals until the shell is over."""
        while True:
            message = await process.receive()
            match message:
                case (Atom("io_reply"), Reference() as ref, reply):
                    if (slot := self._asked.pop(ref, None)) is not None:
                        slot.resolve(reply)
                case ExitMessage(pid, reason) if pid == self.leader:
                    if reason is not _INTERRUPT:
                        return
                    if self._evaluator is not None:
                        self._evaluator.interrupt()
                case ExitMessage(pid, reason) if pid == self._runner:
                    self._output.write(cut(f"** the process has ended: {reason!r}\n"))
                    self._runner = None
                    if self._evaluator is not None:
                        self._evaluator.ended()
                case ExitMessage(_, "normal"):
                    pass
                case ExitMessage():
                    return
                case (Atom("done"), Reference() as ref):
                    if self._handshake is not None and ref == self._handshake[1]:
                        self._synchronised.resolve(None)
                case _ if message is _LEFT:
                    return

    async def _talk(self, process: Process) -> None:
        """Ask for lines and have them run, until the end of either."""
        if self._handshake is not None:
            parent, ref = self._handshake
            await process.send(parent, (_BEGIN, ref, process.pid))
            await self._synchronised.wait()
        options: list[Any] = list(_OPTIONS)
        if self._expander is not None:
            function = await self._expander(process)
            if function is not None:
                options.append((_EXPAND_FUN, function))
        await self._ask(process, (_SETOPTS, options))
        history = History(self._ask)
        await history.begin(process, self.leader)
        # Tab knows the names of the evaluator before the first line.
        self._begin(process)
        self._output.write(banner(process.runtime.name))
        prompt = f"{process.runtime.name}>>> "
        more = f"{'...':>{len(prompt) - 1}} "
        while True:
            await self._output.drained()
            asking = (more if self._source.begun else prompt).encode()
            reply = await self._ask(process, (_GET_LINE, _UNICODE, asking))
            if reply == (Atom("error"), Atom("interrupted")):
                self._source.forget()
                self._output.write("\nKeyboardInterrupt\n")
                continue
            line = text(reply) if isinstance(reply, bytes | str | list) else None
            # An atom is the end: eof; and so is an error.
            if line is None or isinstance(reply, Atom):
                break
            await history.add(process, line)
            if await self._take(process, line) == LEAVE:
                break
        await self._output.drained()
        process.deliver(_LEFT)

    async def _take(self, process: Process, line: str) -> str | None:
        """Take a line; return how the statement ended, if it completes one."""
        try:
            code = self._source.push(line)
        except (SyntaxError, ValueError, OverflowError, RecursionError) as error:
            self._output.write(self._source.explain(error))
            return None
        except MemoryError:
            self._output.write("MemoryError: it is nested too deep\n")
            return None
        if code is None:
            return None
        if self._evaluator is None or self._runner is None:
            self._begin(process)
        assert self._evaluator is not None
        outcome = await self._evaluator.run(code)
        if outcome == LOST:
            self._evaluator = None
        return outcome

    def _begin(self, process: Process) -> None:
        """Start the process that runs what is typed."""
        evaluator = Evaluator(self._source, self._output, self._names)
        runner = process.runtime.spawn(
            evaluator.body, (), parent=process, label="shell evaluator"
        )
        process.link_nowait(runner.pid)
        self._evaluator, self._runner = evaluator, runner.pid

    async def _put_out(self, process: Process) -> None:
        """Send what is written to the terminal, piece by piece."""
        while True:
            data = (await self._output.next()).encode("utf-8", "replace")
            await self._ask(process, (_PUT_CHARS, _UNICODE, data))

    async def _ask(self, process: Process, request: Any) -> Any:
        """Ask the terminal, and wait for as long as it takes."""
        ref = process.runtime.new_reference()
        slot = self._asked[ref] = Slot()
        await process.send(self.leader, (_IO_REQUEST, process.pid, ref, request))
        return await slot.wait()


def _extra(process: Process) -> dict[str, Any]:
    return {"node": process.runtime.name}
