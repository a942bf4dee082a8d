"""``IoDevice``: a process that does input and output for others, as a behaviour."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar

import trio

from etf import Atom, Pid, Reference

from ...errors import MailboxFull
from ...gen.server import GenServer
from ...process.atoms import BADARG, ERROR, OK
from ...process.messages import Down
from .protocol import UNICODE, Geometry, GetOptions
from .reading import EOF, MAX_INPUT, encoded
from .requests import (
    NOT_SUPPORTED,
    SYSTEM_LIMIT,
    TERMINATED,
    Answer,
    Password,
    Put,
    Read,
    SetOptions,
    Several,
    Wish,
    reads,
    wish,
)

if TYPE_CHECKING:
    from ...gen.server import Handler

MAX_READS = 100
"""Requests for input that may wait; more are answered with an error."""

MAX_LATE = 1000
"""Replies that wait until those who asked read again; more are dropped."""

_IO_REPLY = Atom("io_reply")


class _Asked:
    """A request for input that waits for its turn, or for the input."""

    __slots__ = ("monitor", "reply_as", "scope", "sender", "wish")

    def __init__(self, sender: Any, reply_as: Any, wanted: Wish) -> None:
        self.sender = sender
        self.reply_as = reply_as
        self.wish = wanted
        self.monitor: Reference | None = None
        self.scope = trio.CancelScope()


class IoDevice(GenServer):
    """A device that processes print to and read from, on this node or another one.

    ::

        class Lines(ergopy.IoDevice):
            async def init(self):
                self.lines = []

            async def put_chars(self, text):
                self.lines.append(text)

    It serves the I/O protocol: ``io:format(Pid, ...)`` and ``IO.puts(pid, ...)`` of a
    BEAM work on it, and it can be the group leader of a process. Formatting, encodings
    and the ways to read are done here; a subclass says where text goes and comes from.
    It is a GenServer as well, with all that one has.

    Requests for input are served one after the other, by a task of their own: output
    goes on meanwhile. When who asked for input ends, it does not take any more.
    An ``OSError`` or ``ValueError`` of a callback is the reply ``{error, terminated}``.
    """

    _callbacks: ClassVar[frozenset[str]] = GenServer._callbacks | {
        "put_chars",
        "get_line",
        "get_password",
        "setopts",
    }

    async def put_chars(self, text: str) -> None:
        """Put out some text, whatever it has in it; a line may come in pieces."""
        raise NotImplementedError(f"{type(self).__name__} has no put_chars")

    async def get_line(self, prompt: str) -> str | None:
        """Return the next line, with its newline, or None at the end of the input.

        It may return part of a line as well: it is called again, until it is enough.

        *prompt* is what to show before. It is cancelled when who asked ends: a line
        must not be lost by that.
        """
        return None

    async def get_password(self, prompt: str) -> str | None:
        """Return a line that was not shown, or None at the end of the input.

        A device without this says that it is not supported.
        """
        raise NotImplementedError

    def geometry(self) -> tuple[int, int] | None:
        """Return the columns and rows, or None if there are none: the default."""
        return None

    async def setopts(self, changed: dict[str, Any]) -> None:
        """Hear that ``options`` were changed."""

    @property
    def options(self) -> dict[str, Any]:
        """How it is set: ``binary``, ``encoding`` (of output that is read), ``echo``.

        ``binary`` says that input is given out as binaries, not as strings.
        """
        return self._own_desk().options

    async def handle_call(self, request: Any, from_: Any) -> Any:
        """Refuse any call. On a BEAM a device leaves who calls it without an answer."""
        return (ERROR, BADARG)

    async def handle_cast(self, request: Any) -> Any:
        """Take any cast; as on a BEAM they are dropped."""

    async def handle_info(self, message: Any) -> Any:
        """Take any other message; as on a BEAM they are dropped."""

    _desk: _Desk | None = None

    def _own_desk(self) -> _Desk:
        if self._desk is None:
            self._desk = _Desk(self)
        return self._desk

    def _handlers(self) -> tuple[Handler, Handler, Handler]:
        call, cast, info = super()._handlers()
        desk = self._own_desk()

        async def take(message: Any) -> Any:
            match message:
                case (
                    Atom("io_request"),
                    (Pid() | Reference()) as sender,
                    reply_as,
                    request,
                ):
                    return await desk.request(sender, reply_as, request)
                case Down() if desk.gone(message.ref):
                    return None
            return await info(message)

        return call, cast, take


class _Desk:
    """The protocol of a device: what has to be answered, and by which callback."""

    def __init__(self, device: IoDevice) -> None:
        self._device = device
        self.options: dict[str, Any] = {
            "binary": False,
            "echo": True,
            "encoding": UNICODE,
        }
        self._waiting: deque[_Asked] = deque()
        self._now: _Asked | None = None
        self._buffer = ""
        self._late = 0

    async def request(self, sender: Any, reply_as: Any, request: Any) -> None:
        wanted = wish(request)
        if not reads(wanted):
            self._reply(sender, reply_as, await self._done(wanted))
            return
        if len(self._waiting) >= MAX_READS:
            self._reply(sender, reply_as, SYSTEM_LIMIT)
            return
        asked = _Asked(sender, reply_as, wanted)
        if sender.__class__ is Pid:
            asked.monitor = self._device.process.monitor_nowait(sender)
        self._waiting.append(asked)
        if self._now is None:
            self._now = asked
            self._device.start_soon(self._read_all)

    def gone(self, monitor: Reference) -> bool:
        """Forget what one has asked for that has ended; tell whether it was one."""
        if self._now is not None and self._now.monitor == monitor:
            self._now.scope.cancel()
            return True
        for asked in self._waiting:
            if asked.monitor == monitor:
                self._waiting.remove(asked)
                return True
        return False

    async def _read_all(self) -> None:
        try:
            while self._waiting:
                self._now = asked = self._waiting.popleft()
                reply = None
                with asked.scope:
                    reply = await self._done(asked.wish)
                if asked.monitor is not None:
                    self._device.demonitor(asked.monitor)
                if reply is not None:
                    self._reply(asked.sender, asked.reply_as, reply)
        finally:
            self._now = None

    def _reply(self, sender: Any, reply_as: Any, reply: Any) -> None:
        process = self._device.process
        message = (_IO_REPLY, reply_as, reply)
        try:
            process.send_nowait(sender, message)
        except trio.WouldBlock:
            # Nobody else waits because this one does not read.
            if self._late < MAX_LATE:
                self._late += 1
                process.start_soon(self._reply_late, sender, message)
        except MailboxFull:
            # Who takes no more messages has chosen to lose some.
            pass

    async def _reply_late(self, sender: Any, message: Any) -> None:
        try:
            await self._device.process.send(sender, message)
        finally:
            self._late -= 1

    async def _done(self, wanted: Wish) -> Any:
        try:
            return await self._perform(wanted)
        except (OSError, ValueError):
            # Closed, or nobody is there any more.
            return TERMINATED

    async def _perform(self, wanted: Wish) -> Any:
        device = self._device
        match wanted:
            case Put(text):
                await device.put_chars(text)
                return OK
            case Answer(reply):
                return reply
            case Read(prompt, reader, encoding):
                return await self._read(prompt, reader, encoding)
            case Password(encoding):
                return await self._password(encoding)
            case GetOptions():
                return [(Atom(name), value) for name, value in self.options.items()]
            case SetOptions(options):
                self.options.update(options)
                await device.setopts(options)
                return OK
            case Geometry(what):
                size = device.geometry()
                return NOT_SUPPORTED if size is None else size[what == "rows"]
            case Several(wishes):
                return await self._several(wishes)
        raise AssertionError(wanted)

    async def _several(self, wishes: tuple[Wish, ...]) -> Any:
        reply: Any = OK
        for one in wishes:
            reply = await self._perform(one)
            if isinstance(reply, tuple) and reply and reply[0] is ERROR:
                break
        return reply

    async def _read(self, prompt: str, reader: Any, encoding: str) -> Any:
        at_end = False
        while (taken := reader(self._buffer, at_end)) is None:
            if len(self._buffer) > MAX_INPUT:
                self._buffer = ""
                return SYSTEM_LIMIT
            line = await self._device.get_line(prompt)
            if line is None:
                at_end = True
            else:
                self._buffer += line
        reply, self._buffer = taken
        return encoded(reply, encoding=encoding, binary=self.options["binary"])

    async def _password(self, encoding: str) -> Any:
        try:
            line = await self._device.get_password("")
        except NotImplementedError:
            return NOT_SUPPORTED
        if line is None:
            return EOF
        binary = self.options["binary"]
        return encoded(line.rstrip("\r\n"), encoding=encoding, binary=binary)
