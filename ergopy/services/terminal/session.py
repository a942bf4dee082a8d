"""The group leader of a shell on another node, and the keys that are for it.

End of input is a trap: Erlang's shell answers it with ``halt()``, and the node is gone.
So only a program that reads gets an ``eof``. A shell is told that its terminal went
away, which ends the shell and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from etf import Atom, Pid, Reference

from ...errors import RpcError
from ...process.atoms import ERROR, OK
from ...process.messages import Down, ExitMessage
from ..io.protocol import (
    Geometry,
    GetOptions,
    Put,
    PutCall,
    Read,
    SetOptions,
    Several,
    parse,
)
from ..io.requests import (
    MAX_NESTING,
    NOT_SUPPORTED,
    REQUEST,
    SYSTEM_LIMIT,
    TERMINATED,
)
from . import attach, completion
from .device import Pressed, Terminal
from .input import Input
from .options import Options
from .output import put
from .reading import Reading

if TYPE_CHECKING:
    from ...process.process import Process

GRACE = 1.0
"""Seconds that a shell has to end in, each time that it is told to."""

_IO_REPLY = Atom("io_reply")
_INTERRUPT = Atom("interrupt")
_KILL = Atom("kill")
_INTERRUPTED = (ERROR, Atom("interrupted"))
_HINT = "(Ctrl-D leaves the shell; Ctrl-C once more asks)\n"
_QUESTION = "Leave the shell? [y/N] "


class Session:
    """A shell of *peer* at *terminal*; ``run`` is the body of its process.

    Attributes:
        shell: Its pid on the other node; None before it runs.
        language: Which shell it is.
        ended: Set when it is over.
        reason: Why the shell ended, an exit reason; None if it did not.
        error: What kept it from starting, or the terminal from being used.
        left: Whether somebody here wanted it to end.
    """

    def __init__(
        self,
        peer: str,
        terminal: Terminal,
        language: str | None = None,
        timeout: float = 5.0,
    ) -> None:
        self.peer = peer
        self.terminal = terminal
        self.language = language
        self.shell: Pid | None = None
        self.ended = trio.Event()
        self.reason: Any = None
        self.error: Exception | None = None
        self.left = False
        self.options = Options(real=terminal.size() is not None)
        self._timeout = timeout
        self._over = False
        self._asking: trio.CancelScope | None = None

    async def run(self, process: Process) -> None:
        """Start the shell and serve it until it ends."""
        process.trap_exit = True
        process.group_leader = process.pid
        self._process = process
        self._input = Input(process, self.terminal, self.options, self._key)
        try:
            self.shell, self.language = await attach.start(
                process, self.peer, self.language, self._timeout
            )
            await process.link(self.shell)
            process.start_soon(self._input.serve)
            while not self._over:
                await self._handle(await process.receive())
            if self._asking is not None:
                self._asking.cancel()
            await self._input.finish()
        except (attach.NoPrompt, RpcError, OSError, ValueError) as error:
            self.error = error
            if self.shell is not None:
                process.exit_nowait(self.shell, _KILL)
        finally:
            self.ended.set()

    async def _handle(self, message: Any) -> None:
        match message:
            case (
                Atom("io_request"),
                (Pid() | Reference()) as sender,
                reply_as,
                request,
            ):
                reply = await self._answer(request, sender, reply_as, MAX_NESTING)
                if reply is not None:
                    await self._process.send(sender, (_IO_REPLY, reply_as, reply))
            case ExitMessage(pid=pid, reason=reason) if pid == self.shell:
                self.reason, self._over = reason, True
            case ExitMessage(reason=Atom("shutdown")) if self.shell is not None:
                # This node stops.
                self._process.exit_nowait(self.shell, _KILL)
                self._over = True
            case Down(ref=ref):
                self._input.gone(ref)

    async def _answer(
        self, request: Any, sender: Pid | Reference, reply_as: Any, nesting: int
    ) -> Any:
        """Carry out one request; return the reply, None if that comes later."""
        match parse(request):
            case Put() | PutCall() as wanted:
                return await put(self._process, self.terminal, wanted, sender)
            case Read() as read:
                if self.left:
                    return self._refusal(read)
                added = self._input.add(Reading(read, sender, reply_as))
                return None if added else SYSTEM_LIMIT
            case GetOptions():
                return self.options.get()
            case SetOptions(options):
                return OK if self.options.set(options) else NOT_SUPPORTED
            case Geometry(what):
                size = self.terminal.size()
                return NOT_SUPPORTED if size is None else size[what == "rows"]
            case Several(requests) if nesting:
                reply: Any = OK
                for place, one in enumerate(requests, 1):
                    if place < len(requests) and isinstance(parse(one), Read):
                        return REQUEST
                    reply = await self._answer(one, sender, reply_as, nesting - 1)
                    if isinstance(reply, tuple) and reply[:1] == (ERROR,):
                        break
                return reply
        return REQUEST

    async def _key(self, reading: Reading, key: Pressed) -> None:
        if key is Pressed.INTERRUPT:
            await self._interrupt(reading)
            return
        assert self.shell is not None
        runner = await attach.evaluator(self._process, self.shell, self._timeout)
        if runner is not None and reading.sender == runner:
            reading.end()
        else:
            self.leave()

    async def _interrupt(self, reading: Reading) -> None:
        self._input.pressed += 1
        if self._input.pressed > 1:
            await self._ask()
        elif self.language != attach.ELIXIR and _is_empty(reading):
            # Nothing to interrupt. IEx may have kept lines before this one.
            await self._input.tell(_HINT)
        else:
            self._input.discard()
            reading.give(_INTERRUPTED)

    async def interrupt(self) -> None:
        """Do what Ctrl-C does outside of a line; a second one offers to leave."""
        if self.shell is None or self.left:
            return
        # The terminal has shown ^C.
        await self.terminal.write("\n")
        if self._asking is not None:
            self.leave()
        elif (newest := self._input.newest) is not None:
            # First, so that it gives way to the question.
            self._input.give_way()
            await self._interrupt(newest)
        elif self._input.pressed:
            await self._ask()
        else:
            self._input.pressed += 1
            self._process.exit_nowait(self.shell, _INTERRUPT)

    async def _ask(self) -> None:
        with trio.CancelScope() as self._asking:
            answer = await self._input.ask(_QUESTION)
            if isinstance(answer, Pressed) or answer.strip().lower() in ("y", "yes"):
                self.leave()
        self._asking = None

    def leave(self) -> None:
        """End the shell, in order if it listens; nothing else ends over there."""
        if self.left or self.shell is None:
            return
        self.left = True
        if self._asking is not None:
            self._asking.cancel()
        if not self._input.refuse(self._refusal):
            # It evaluates something; after that it wants to read, and is told.
            self._process.exit_nowait(self.shell, _INTERRUPT)
        self._process.start_soon(self._see_it_end)

    def _refusal(self, read: Read) -> Any:
        """Return the reply to one who wants to read after the end, if there is one."""
        match read.call:
            case (Atom("Elixir.IEx.Server"), _, _):
                # It would ask again, for ever. It leaves when its terminal ends.
                assert self.shell is not None
                self._process.exit_nowait(self.shell, TERMINATED[1])
                return None
        return TERMINATED

    async def _see_it_end(self) -> None:
        assert self.shell is not None
        for reason in (_INTERRUPT, _KILL):
            await trio.sleep(GRACE)
            self._process.exit_nowait(self.shell, reason)

    async def complete(self, before: str) -> completion.Completion:
        """Ask the other node how the word before the cursor goes on."""
        if self.shell is None or self.language is None:
            return completion.NOTHING
        return await completion.ask(
            self._process, self.shell, self.language, self.options.expand, before
        )


def _is_empty(reading: Reading) -> bool:
    """Tell whether a shell waits there with nothing typed so far."""
    return reading.wanted.what == "until" and not reading.text
