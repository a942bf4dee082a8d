"""The way out of one connection: frames that wait to leave, and who waits for room.

Frames are collected by :meth:`Outbox.write` and leave with the next
:meth:`Outbox.flush`, joined into one ``send``. Who runs a step in which frames are
written flushes after it (``hub.current`` says that somebody will); otherwise the writer
task is woken to do it. It also sees to what the socket refuses.

Frames leave in the order in which they were written, exit signals too: that is the
order in which a BEAM takes them. Only large messages leave in pieces, which take turns
with each other and with everything else; see :mod:`ergopy.dist.fragmenting`.

Room is counted in bytes, those of large messages apart: they keep nobody waiting but
who sent them, until they are gone. In one turn of the scheduler about a megabyte
leaves at most, however much there is.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, final

import trio

from .fragmenting import FRAGMENT_SIZE, LargeFrame, LargeMessages

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    from .network import Socket

FLUSH_SIZE = 64 * 1024
JOIN_SIZE = 1024 * 1024
MIX_SIZE = 256 * 1024
MAX_PARTS = 256
TURN_SIZE = 1280 * 1024
HIGH_WATER = 1024 * 1024


class Hub(Protocol):
    """What the connections of one node share."""

    current: object
    dirty: list[Any]
    starting: bool


@final
class _Parts:
    """Bytes in several places, to be sent one after another without a copy."""

    __slots__ = ("parts", "size")

    def __init__(self, parts: list[bytes | memoryview], size: int) -> None:
        self.parts = parts
        self.size = size

    def __len__(self) -> int:
        return self.size

    def after(self, sent: int) -> _Parts:
        """Return what is left when so many bytes are gone."""
        left = self.size - sent
        for at, part in enumerate(self.parts):
            if sent < len(part):
                return _Parts([memoryview(part)[sent:], *self.parts[at + 1 :]], left)
            sent -= len(part)
        return _Parts([], 0)


def _after(data: bytes | memoryview | _Parts, sent: int) -> memoryview | _Parts:
    return data.after(sent) if isinstance(data, _Parts) else memoryview(data)[sent:]


class Outbox:
    """The sending half of a connection."""

    def __init__(self, sock: Socket, hub: Hub, high_water: int) -> None:
        self._sock = sock
        self._send = sock.send
        self._sendmsg: Callable[[Sequence[Any]], int] | None
        self._sendmsg = getattr(sock, "sendmsg", None)
        self._hub = hub
        self.high_water = high_water
        self.queued = 0
        """Bytes that wait to leave, without those of large messages."""
        self.large = LargeMessages(self._finished)
        self.unfinished = self.large.senders
        """Whose large message has not left; they have no room until it has."""
        self.closed: str | None = None
        """Why the connection ended; None while it is up."""
        self.bytes_out = 0
        self.waits = 0
        """How often somebody had to wait for room."""
        self.waiting = 0
        """How many wait now."""
        self._out: list[bytes | tuple[Hashable, LargeFrame]] = []
        self._rest: memoryview | _Parts | None = None
        self._rest_counted = 0
        self._allowance = TURN_SIZE
        # What the socket refuses has to leave before all else: little of that, but
        # large batches for who takes them.
        self._mix_size = MIX_SIZE
        self._dirty = False
        self._blocked = False
        self._wrote = True
        self._writer: trio.lowlevel.Task | None = None
        self._room: trio.Event | None = None
        self._ends: dict[Hashable, trio.Event] = {}

    def write(self, frame: bytes | LargeFrame, sender: Hashable = None) -> None:
        """Queue *frame*; it leaves at the next flush. Never waits or raises.

        *sender* is the process whose signals it has to stay in order with; None is
        nobody's. If its last large message has not left, :meth:`post` is for it.
        """
        if self.closed is not None:
            # It vanishes. Who goes on sending has to let the loss become known.
            self.queued += len(frame)
            return
        self.queued = queued = self.queued + len(frame)
        if queued > FLUSH_SIZE:
            self._write_much(frame, sender)
            return
        self._out.append(frame)  # type: ignore[arg-type]  # a large one is longer
        if not self._dirty:
            self._announce()

    def post(self, frame: bytes | LargeFrame, sender: Hashable) -> None:
        """Queue *frame*, in order with what *sender* has sent before.

        Behind a large message of the same sender it leaves later than what others
        write now, so it must have no cached atoms.
        """
        if self.unfinished and sender in self.unfinished:
            self.large.put_behind(sender, frame)
        else:
            self.write(frame, sender)

    def flush(self) -> None:
        """Hand what is queued to the kernel; the writer sees to what it refuses."""
        self._dirty = False
        if not self._blocked:
            self._push()

    def drain(self) -> None:
        """Hand over all that the kernel takes now, because the end is near."""
        while self.pending() and not self._blocked:
            self._allowance = TURN_SIZE
            self.flush()

    def pending(self) -> bool:
        """Tell whether anything waits to leave."""
        return bool(self._out or self._rest is not None or self.unfinished)

    def has_room(self, sender: Hashable = None) -> bool:
        """Tell whether less than the high-water mark is queued, for *sender*."""
        return self.queued < self.high_water and not (
            self.unfinished and sender in self.unfinished
        )

    async def room(self, sender: Hashable = None) -> None:
        """Wait until there is room, or the connection is gone. Cancel it freely."""
        if self.closed is None and not self.has_room(sender):
            with self._counted():
                while self.closed is None and not self.has_room(sender):
                    await self._change(sender).wait()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self.waits += 1
        self.waiting += 1
        try:
            yield
        finally:
            self.waiting -= 1

    def _change(self, sender: Hashable) -> trio.Event:
        """Return what happens before *sender* can have room."""
        if sender in self.unfinished:
            return self._ends.setdefault(sender, trio.Event())
        if self._room is None:
            self._room = trio.Event()
        return self._room

    def _finished(self, sender: Hashable) -> None:
        end = self._ends.pop(sender, None)
        if end is not None:
            end.set()

    def _let_in(self) -> None:
        room, self._room = self._room, None
        if room is not None:
            room.set()

    def close(self, reason: str) -> None:
        """End the connection; the first reason given is the one reported."""
        if self.closed is None:
            self.closed = reason
            self._out.clear()
            self._rest = None
            self.large.clear()
            self.queued = 0
            self._let_in()

    def _announce(self) -> None:
        """Make sure that somebody flushes."""
        self._dirty = True
        if self._hub.current is not None:
            self._hub.dirty.append(self)
        else:
            self._wake_writer()

    def _write_much(self, frame: bytes | LargeFrame, sender: Hashable) -> None:
        if isinstance(frame, LargeFrame):
            self.queued -= len(frame)
            whose = object() if sender is None else sender
            self.large.hold(whose, frame)
            self._out.append((whose, frame))
        else:
            self._out.append(frame)
        if not self._dirty:
            self._announce()
        if not self._blocked:
            self._push()

    def _push(self) -> None:
        while self._allowance > 0:
            out = self._out
            data: bytes | memoryview | _Parts
            if self._rest is not None:
                data, counted = self._rest, self._rest_counted
            elif self.unfinished:
                data, counted = self._mix()
            elif out:
                data = out.pop() if len(out) == 1 else self._join()  # type: ignore[assignment]
                counted = len(data)
            else:
                break
            try:
                if data.__class__ is _Parts:
                    sent = self._sendmsg(data.parts)  # type: ignore[misc]
                    self._mix_size = min(2 * self._mix_size, JOIN_SIZE)
                else:
                    sent = self._send(data)
            except BlockingIOError:
                sent = 0
            except OSError as error:
                self.close(f"cannot send: {error}")
                return
            self._wrote = True
            self.bytes_out += sent
            self._allowance -= sent
            gone = sent if sent < counted else counted  # noqa: FURB136 (no call)
            self.queued -= gone
            if sent < len(data):
                self._rest = _after(data, sent)
                self._rest_counted = counted - gone
                self._mix_size = MIX_SIZE
                self._blocked = True
                self._wake_writer()
                break
            self._rest = None
            if not out and not self.unfinished:
                break
        else:
            # The others run first.
            self._wake_writer()
        if self._room is not None and self.queued * 2 <= self.high_water:
            self._let_in()

    def _join(self) -> bytes:
        """Take what is queued, about a megabyte at most; no large message is there."""
        out: Any = self._out
        if self.queued <= JOIN_SIZE:
            data = b"".join(out)
            out.clear()
            return data
        size = count = 0
        for frame in out:
            size += len(frame)
            if size > JOIN_SIZE:
                break
            count += 1
        if count <= 1:
            return out.pop(0)  # type: ignore[no-any-return]
        data = b"".join(out[:count])
        del out[:count]
        return data

    def _mix(self) -> tuple[bytes | _Parts, int]:
        """Take frames and pieces in turns; say how many bytes were frames."""
        parts: list[bytes | memoryview] = []
        size = counted = taken = 0
        limit = min(self._mix_size, self._allowance)
        while size < limit:
            before, frames = size, 0
            while taken < len(self._out) and frames < FRAGMENT_SIZE:
                frame = self._out[taken]
                taken += 1
                if isinstance(frame, tuple):
                    piece = self.large.start(*frame)
                    frames += sum(map(len, piece))
                    parts += piece
                else:
                    parts.append(frame)
                    frames += len(frame)
                    counted += len(frame)
            piece = self.large.take()
            parts += piece
            size += frames + sum(map(len, piece))
            if size == before:
                break
        del self._out[:taken]
        if self._sendmsg is None or len(parts) > MAX_PARTS:
            return b"".join(parts), counted
        return _Parts(parts, size), counted

    def _wake_writer(self) -> None:
        task = self._writer
        if task is not None:
            self._writer = None
            trio.lowlevel.reschedule(task)

    async def _write_blocked(self) -> None:
        while True:
            if self._blocked:
                await self._sock.wait_writable()
                self._blocked = False
            self._allowance = TURN_SIZE
            self.flush()
            if self._blocked:
                continue
            if self.pending():
                await trio.lowlevel.checkpoint()
            else:
                await self._sleep()

    async def _sleep(self) -> None:
        self._writer = trio.lowlevel.current_task()

        def abort(_: object) -> trio.lowlevel.Abort:
            self._writer = None
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)
