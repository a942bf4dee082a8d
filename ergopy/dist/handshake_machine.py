"""What both roles of a handshake share: bytes in and out, and the walk by steps.

A role says for each step that waits for the peer who reads the message; this
class cuts the messages out of the bytes, hands them over, and collects events.
In a step that waits for our owner nothing is read, and hardly anything is kept.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, NoReturn

from ergopy.dist import handshake_messages as messages
from ergopy.dist.flags import Flag
from ergopy.dist.handshake_events import Connected, Event, Identity, Step
from ergopy.dist.handshake_messages import Malformed
from ergopy.errors import HandshakeError, LocalProtocolError, NotDistribution

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_WORD = 2**32
_SAMPLE = 16
_TLS_RECORDS = (b"\x15\x03", b"\x16\x03")  # an alert, a hello


class Handshake(ABC):
    """What both roles share: bytes in and out, and the walk from step to step."""

    _steps: ClassVar[Mapping[Step, frozenset[Step]]]

    def __init__(
        self, me: Identity, peer: str, step: Step, challenge: int, prefix: int
    ) -> None:
        if not 0 <= challenge < _WORD:
            raise ValueError("a challenge has 32 bits")
        if prefix not in (2, 4):
            raise ValueError("the length of a message takes 2 bytes, or 4 over TLS")
        self.peer = peer
        """The name of the other node, or where it calls from until that is known."""
        self.step = step
        self.error: HandshakeError | None = None
        self._me = me
        self._name, self._creation = me.name, me.creation
        self._peer_creation = 0
        self._flags = Flag(0)
        self._challenge = challenge
        self._prefix = prefix
        self._first = b""
        self._greeted = False
        self._in = bytearray()
        self._out = bytearray()
        self._events: list[Event] = []
        self._readers = self._message_readers()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.peer!r} waits for {self.step.value}>"

    @abstractmethod
    def _message_readers(self) -> Mapping[Step, Callable[[bytes], None]]:
        """Return what reads the peer's message in each step that waits for one."""

    @property
    def done(self) -> bool:
        """Whether the handshake has ended, well or badly."""
        return not self._steps[self.step]

    def receive_data(self, data: bytes | bytearray | memoryview) -> list[Event]:
        """Take what arrived, in pieces of any size; return what happened.

        Raises:
            HandshakeError: Or a subclass; the handshake is over then.
        """
        if self.done:
            raise LocalProtocolError("the handshake is over")
        self._in += data
        if not self._greeted:
            self._first = (self._first + bytes(data[:_SAMPLE]))[:_SAMPLE]
        return self._advance()

    def receive_eof(self) -> None:
        """Take note that the peer closed; raises what that means in this step."""
        if not self.done:
            self._fail(self._closed())

    def data_to_send(self) -> bytes:
        """Return what is to be sent now, and forget it."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def _advance(self) -> list[Event]:
        while (reader := self._readers.get(self.step)) is not None:
            body = self._next_message()
            if body is None:
                break
            try:
                reader(body)
            except Malformed as exc:
                self._fail(self._bad(str(exc)), exc)
            self._greeted = True
        else:
            self._check_backlog()
        events, self._events = self._events, []
        return events

    def _next_message(self) -> bytes | None:
        start = self._prefix
        if len(self._in) < start:
            return None
        size = int.from_bytes(self._in[:start], "big")
        if not 0 < size <= messages.MAX_MESSAGE:
            self._fail(self._bad(f"a message of {size} bytes is announced"))
        if len(self._in) < start + size:
            return None
        body = bytes(self._in[start : start + size])
        del self._in[: start + size]
        return body

    def _check_backlog(self) -> None:
        """Do not let a peer fill our memory while the owner makes up its mind."""
        if not self.done and len(self._in) > messages.MAX_MESSAGE:
            self._fail(HandshakeError(self.peer, "it talks out of turn"))

    def _bad(self, problem: str) -> HandshakeError:
        if self._greeted:
            return HandshakeError(self.peer, problem)
        sample = f"it began with {self._first!r}"
        if self._first[:2] in _TLS_RECORDS:
            what = f"it speaks TLS, and this node does not (see tls=): {sample}"
        else:
            what = f"no Erlang node: {problem}; {sample}"
        return NotDistribution(self.peer, what)

    def _closed(self) -> HandshakeError:
        return HandshakeError(
            self.peer, f"it closed while we waited for {self.step.value}"
        )

    def _fail(self, error: HandshakeError, cause: Exception | None = None) -> NoReturn:
        self.step = Step.FAILED
        self.error = error
        self._in.clear()
        raise error from cause

    def _enter(self, step: Step) -> None:
        if step not in self._steps[self.step]:
            raise LocalProtocolError(f"cannot go from {self.step} to {step}")
        self.step = step

    def _demand(self, step: Step, what: str) -> None:
        if self.step is not step:
            raise LocalProtocolError(f"{what}: it waits for {self.step.value}")

    def _send(self, body: bytes) -> None:
        self._out += messages.frame(body, self._prefix)

    def _connect(self) -> None:
        self._enter(Step.CONNECTED)
        surplus = bytes(self._in)
        self._in.clear()
        self._events.append(
            Connected(
                self.peer,
                self._peer_creation,
                self._flags,
                self._name,
                self._creation,
                surplus,
            )
        )
