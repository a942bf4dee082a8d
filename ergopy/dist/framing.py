"""Packets of an established link, and the operations in them; pure Python.

After the handshake everything is ``u32 length`` and that many bytes; length 0 is a
tick. What is in a packet depends on the negotiated flags, for the life of the link:

- *pass-through*: ``112 | 131 control [| 131 message]``
- *header*, if atom cache or fragments were negotiated::

      131 68 | atoms | control [| message]
      131 69 | sequence:64 | count:64 | atoms | control | start of message
      131 70 | sequence:64 | number:64 | more of message

The operation in the control tuple says whether a message follows. Bytes behind the
last term are ignored, as the BEAM does; compressed and local terms are not allowed.

This is the readable reference; :mod:`ergopy.dist.link` picks it or the compiled one.
The way out is in :mod:`ergopy.dist.frames`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, final

import etf
from ergopy.errors import RemoteProtocolError
from etf._decode import decode_term

from .atom_cache import NO_ATOMS, ReceivedAtoms
from .control import WITH_PAYLOAD
from .fragments import Assembled, Fragments
from .frames import LinkEncoder as LinkEncoder
from .limits import LinkLimits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LENGTH: Final = 4
_PASS_THROUGH: Final = 112
_HEADER: Final = 68
_FIRST_FRAGMENT: Final = 69
_NEXT_FRAGMENT: Final = 70
_FRAGMENT_HEAD: Final = 18  # 131, 69 or 70, sequence, count or number


@final
class PacketReader:
    """Cut a byte stream into packets. Only an incomplete one is kept, and copied.

    Args:
        max_packet: The largest packet, in bytes, that the peer may announce.
    """

    def __init__(self, max_packet: int) -> None:
        self.ticks = 0
        self._max_packet = max_packet
        self._partial = bytearray()
        self._wanted = _LENGTH

    def cut(self, data: memoryview) -> Iterator[bytes]:
        """Yield every packet that *data* completes, without its length.

        Raises:
            RemoteProtocolError: A packet above the limit is announced.
        """
        at, end = 0, len(data)
        while self._partial and at < end:
            more = data[at : at + self._wanted - len(self._partial)]
            self._partial += more
            at += len(more)
            yield from self._completed()
        while end - at >= _LENGTH:
            size = self._size(data[at : at + _LENGTH])
            start, after = at + _LENGTH, at + _LENGTH + size
            if after > end:
                self._wanted = _LENGTH + size
                break
            at = after
            if size:
                yield bytes(data[start:after])
            else:
                self.ticks += 1
        self._partial += data[at:]

    def _completed(self) -> Iterator[bytes]:
        partial = self._partial
        if len(partial) == _LENGTH == self._wanted:
            self._wanted += self._size(partial)
        if len(partial) < self._wanted:
            return
        packet = bytes(partial[_LENGTH:])
        partial.clear()
        self._wanted = _LENGTH
        if packet:
            yield packet
        else:
            self.ticks += 1

    def _size(self, prefix: memoryview | bytearray) -> int:
        size = int.from_bytes(prefix, "big")
        if size > self._max_packet:
            raise RemoteProtocolError(
                f"a packet of {size} bytes is announced, more than {self._max_packet}"
            )
        return size


@final
class LinkDecoder:
    """What arrives on one established connection, as operations.

    Args:
        header: Whether atom cache or fragments were negotiated.
        limits: What the peer may make us hold; its term limits are those that count.
        options: How terms become Python values.
    """

    def __init__(
        self,
        *,
        header: bool,
        limits: LinkLimits | None = None,
        options: etf.DecodeOptions | None = None,
    ) -> None:
        limits = limits or LinkLimits()
        options = options or etf.DecodeOptions()
        self.packets = 0
        """Packets taken so far, ticks not counted."""
        self.error: RemoteProtocolError | None = None
        """How the peer broke the rules; nothing is decoded any more then."""
        self._options = replace(options, limits=limits.terms)
        # A control term is not the user's, whatever messages are to become.
        self._plain = etf.DecodeOptions(limits=limits.terms)
        self._reader = PacketReader(limits.max_packet)
        self._cache = ReceivedAtoms(limits.terms.max_atoms)
        self._fragments = Fragments(limits)
        self._decode = self._with_header if header else self._pass_through

    @property
    def ticks(self) -> int:
        """Packets of length 0 seen so far."""
        return self._reader.ticks

    def receive_data(
        self, data: bytes | bytearray | memoryview
    ) -> list[tuple[tuple[Any, ...], Any]]:
        """Return every ``(control, message)`` that is now complete, oldest first.

        *message* is None where the operation has none. What was whole before a bad
        packet is returned; that packet sets :attr:`error`, and later calls return
        nothing. *data* is not kept.
        """
        operations: list[tuple[tuple[Any, ...], Any]] = []
        if self.error is not None:
            return operations
        try:
            for packet in self._reader.cut(memoryview(data)):
                self.packets += 1
                operation = self._decode(packet)
                if operation is not None:
                    operations.append(operation)
        except RemoteProtocolError as exc:
            self.error = exc
        return operations

    def grow_older(self, seconds: float) -> RemoteProtocolError | None:
        """Say that time has passed; return how the peer broke a limit on it, if so."""
        try:
            self._fragments.grow_older(seconds)
        except RemoteProtocolError as exc:
            self.error = self.error or exc
        return self.error

    @property
    def unfinished(self) -> int:
        """Messages of which some pieces have come."""
        return len(self._fragments)

    def forget(self) -> None:
        """Give back what is held of messages that will never be whole."""
        self._fragments.clear()

    def _pass_through(self, packet: bytes) -> tuple[tuple[Any, ...], Any]:
        if packet[0] != _PASS_THROUGH:
            raise RemoteProtocolError(f"a packet begins with {packet[0]}, not with 112")
        _expect_version(packet, 1, "control term")
        control, at = self._control(packet, 2, NO_ATOMS)
        if control[0] not in WITH_PAYLOAD:
            return control, None
        _expect_version(packet, at, "message")
        return control, self._message(packet, at + 1, NO_ATOMS)

    def _with_header(self, packet: bytes) -> tuple[tuple[Any, ...], Any] | None:
        _expect_version(packet, 0, "distribution header")
        kind = packet[1] if len(packet) > 1 else None
        if kind == _HEADER:
            atoms, at = self._cache.read(packet, 2)
            control, at = self._control(packet, at, atoms)
            if control[0] not in WITH_PAYLOAD:
                return control, None
            return control, self._message(packet, at, atoms)
        if kind == _FIRST_FRAGMENT:
            return self._assembled(self._first_fragment(packet))
        if kind == _NEXT_FRAGMENT:
            sequence, number = _fragment_head(packet)
            rest = packet[_FRAGMENT_HEAD:]
            return self._assembled(self._fragments.following(sequence, number, rest))
        raise RemoteProtocolError(f"no distribution header has the tag {kind}")

    def _first_fragment(self, packet: bytes) -> Assembled | None:
        sequence, count = _fragment_head(packet)
        self._fragments.check_first(sequence, count)
        atoms, at = self._cache.read(packet, _FRAGMENT_HEAD)
        control, at = self._control(packet, at, atoms)
        if control[0] not in WITH_PAYLOAD:
            raise RemoteProtocolError(f"operation {control[0]} comes in fragments")
        rest = packet[at:]
        return self._fragments.first(sequence, count, control, atoms, rest, at)

    def _assembled(self, whole: Assembled | None) -> tuple[tuple[Any, ...], Any] | None:
        if whole is None:
            return None
        data = bytes(whole.data)
        if isinstance(whole.data, bytearray):
            whole.data.clear()
        return whole.control, self._message(data, 0, whole.atoms)

    def _control(
        self, packet: bytes, at: int, atoms: Sequence[etf.Atom]
    ) -> tuple[tuple[Any, ...], int]:
        control, at = self._term("control term", packet, at, atoms, self._plain)
        if type(control) is not tuple or not control or type(control[0]) is not int:
            raise RemoteProtocolError(
                "the control term is no tuple that begins with a number"
            )
        return control, at

    def _message(self, packet: bytes, at: int, atoms: Sequence[etf.Atom]) -> Any:
        return self._term("message", packet, at, atoms, self._options)[0]

    def _term(
        self,
        what: str,
        packet: bytes,
        at: int,
        atoms: Sequence[etf.Atom],
        options: etf.DecodeOptions,
    ) -> tuple[Any, int]:
        try:
            return decode_term(packet, at, options, atoms)
        except etf.DecodeError as exc:
            raise RemoteProtocolError(f"bad {what}: {exc}") from exc


def _expect_version(packet: bytes, at: int, what: str) -> None:
    if packet[at : at + 1] != b"\x83":
        raise RemoteProtocolError(f"no version byte before the {what}")


def _fragment_head(packet: bytes) -> tuple[int, int]:
    if len(packet) < _FRAGMENT_HEAD:
        raise RemoteProtocolError("the header of a fragment is cut short")
    sequence = int.from_bytes(packet[2:10], "big")
    return sequence, int.from_bytes(packet[10:18], "big")
