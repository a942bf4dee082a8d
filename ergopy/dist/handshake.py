"""The distribution handshake, version 6, without I/O: who dialled, and who answered.

:class:`Connector` is the node that dials (A), :class:`Acceptor` the one that is
dialled (B). Give either the bytes that arrived with ``receive_data``, send what
``data_to_send`` returns, and act on the events::

    A                                            B
    send_name       ------ N ------>      NameReceived: the owner decides, accept()
    (AliveAsked)    <----- s -------
    answer_alive()  ------ s ------>      (AliveAnswered) only after "alive"
                    <----- N -------
                    ------ r ------>      Verified: the owner drops an old link
    Connected       <----- a -------      confirm(), Connected

Rules kept here: no message is longer than 2 KiB; the challenge must come from the
node that was dialled; a wrong digest is not answered; digests are compared in
constant time; bytes behind the last message are the first of the link and come
back untouched as ``Connected.surplus``. Messages have a two-byte length over TCP
and a four-byte one over TLS (``prefix=4``).

Everything a peer does wrong is raised as a ``HandshakeError``, once; after it,
send what ``data_to_send`` still has and close. Time and random numbers belong to
the caller: *challenge* must be fresh and unpredictable for every connection.
The handshake of OTP 22 and older is refused with an error that says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from ergopy.dist import handshake_messages as messages
from ergopy.dist.flags import REQUIRED, Flag, missing, negotiate
from ergopy.dist.handshake_events import (
    ACCEPTOR_STEPS,
    CONNECTOR_STEPS,
    AliveAnswered,
    AliveAsked,
    Answer,
    Connected,
    Event,
    Identity,
    NameReceived,
    Step,
    Verified,
)
from ergopy.dist.handshake_machine import Handshake
from ergopy.dist.handshake_messages import Challenge, Malformed, SendName, Status
from ergopy.errors import (
    AlreadyConnected,
    CookieMismatch,
    HandshakeError,
    LocalProtocolError,
    MissingFlags,
    NotAllowed,
    WrongNode,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "ACCEPTOR_STEPS",
    "CONNECTOR_STEPS",
    "Acceptor",
    "AliveAnswered",
    "AliveAsked",
    "Answer",
    "Connected",
    "Connector",
    "Event",
    "Handshake",
    "Identity",
    "NameReceived",
    "Step",
    "Verified",
]


@final
class Connector(Handshake):
    """The node that dials.

    Args:
        me: Ourselves. With the flag ``NAME_ME`` the peer names us.
        peer: The full name that was dialled; who answers must have it.
        cookie: What both sides know, as text (Latin-1) or bytes.
        challenge: A fresh random number of 32 bits.
        prefix: 2, or 4 over TLS.
        required: The flags that we cannot do without.
    """

    _steps = CONNECTOR_STEPS

    def __init__(
        self,
        me: Identity,
        peer: str,
        cookie: str | bytes,
        *,
        challenge: int,
        prefix: int = 2,
        required: Flag = REQUIRED,
    ) -> None:
        super().__init__(me, peer, Step.STATUS, challenge, prefix)
        self._cookie = messages.secret(cookie)
        self._required = required
        self.peer_flags = Flag(0)
        """What the peer offers, once its challenge has come."""
        flags, creation = me.flags, me.creation
        if Flag.NAME_ME in flags:
            flags, creation = flags & ~Flag.PUBLISHED, 0
        self._offer = flags
        self.offer = flags
        """What we offer."""
        self._send(messages.pack_name(SendName(flags, creation, me.name)))

    def answer_alive(self, wanted: bool) -> list[Event]:
        """Say whether we still want this connection; False gives it up."""
        self._demand(Step.ALIVE_ASKED, "nobody asked whether we are alive")
        self._send(messages.pack_status(Status("true" if wanted else "false")))
        self._enter(Step.CHALLENGE if wanted else Step.REFUSED)
        return self._advance()

    def _message_readers(self) -> Mapping[Step, Callable[[bytes], None]]:
        return {
            Step.STATUS: self._on_status,
            Step.CHALLENGE: self._on_challenge,
            Step.ACK: self._on_ack,
        }

    def _on_status(self, body: bytes) -> None:
        status = messages.read_status(body)
        match status.text:
            case "ok" | "ok_simultaneous" | "alive" if Flag.NAME_ME in self._offer:
                raise Malformed("it gives us no name, and we have none")
            case "ok" | "ok_simultaneous":
                self._enter(Step.CHALLENGE)
            case "alive":
                self._enter(Step.ALIVE_ASKED)
                self._events.append(AliveAsked())
            case "named:":
                self._take_name(status)
                self._enter(Step.CHALLENGE)
            case "nok":
                problem = "its own attempt to connect to us goes first"
                self._fail(AlreadyConnected(self.peer, problem))
            case "not_allowed":
                self._fail(NotAllowed(self.peer))
            case other:
                raise Malformed(f"its status {other[:40]!r} means nothing")

    def _take_name(self, status: Status) -> None:
        if Flag.NAME_ME not in self._offer:
            raise Malformed("it gives us a name, and we have one")
        messages.check_name(status.name)
        self._name, self._creation = status.name, status.creation

    def _on_challenge(self, body: bytes) -> None:
        flags, challenge, creation, name = messages.read_challenge(body)
        self.peer_flags = Flag(flags)
        if name != self.peer:
            self._fail(WrongNode(self.peer, name))
        if lacking := missing(flags, self._required):
            self._fail(MissingFlags(self.peer, lacking))
        self._peer_creation = creation
        self._flags = negotiate(self._offer, flags) & ~Flag.NAME_ME
        proof = messages.digest(self._cookie, challenge)
        self._send(messages.pack_reply(self._challenge, proof))
        self._enter(Step.ACK)

    def _on_ack(self, body: bytes) -> None:
        if not messages.proves(messages.read_ack(body), self._cookie, self._challenge):
            self._fail(CookieMismatch(self.peer))
        self._connect()

    def _closed(self) -> HandshakeError:
        # A node says nothing when our digest is wrong: it just closes.
        if self.step is Step.ACK:
            return CookieMismatch(self.peer, "it closed on our proof: another cookie")
        return super()._closed()


@final
class Acceptor(Handshake):
    """The node that is dialled.

    Args:
        me: Ourselves.
        challenge: A fresh random number of 32 bits.
        prefix: 2, or 4 over TLS.
        required: The flags that we cannot do without.
        peer: What to call the peer in errors until it gives its name.
    """

    _steps = ACCEPTOR_STEPS

    def __init__(
        self,
        me: Identity,
        *,
        challenge: int,
        prefix: int = 2,
        required: Flag = REQUIRED,
        peer: str = "an unknown peer",
    ) -> None:
        super().__init__(me, peer, Step.NAME, challenge, prefix)
        self._required = required
        self._cookie = b""
        self._offer = me.flags
        self._theirs = Flag(0)

    def accept(
        self, status: Answer = "ok", *, cookie: str | bytes | None = None
    ) -> list[Event]:
        """Answer :class:`NameReceived`.

        ``ok``, ``ok_simultaneous`` and ``alive`` need the *cookie* to check; ``nok``
        and ``not_allowed`` end the handshake.
        """
        self._demand(Step.DECISION, "there is nothing to accept")
        if Flag.NAME_ME in self._theirs and status != "not_allowed":
            raise LocalProtocolError(f"{self.peer} asked for a name: use give_name")
        if status in ("nok", "not_allowed"):
            self._enter(Step.REFUSED)
        else:
            self._keep_cookie(cookie)
            self._enter(Step.ALIVE if status == "alive" else Step.REPLY)
        self._send(messages.pack_status(Status(status)))
        if self.step is Step.REPLY:
            self._send_challenge()
        return self._advance()

    def give_name(
        self, name: str, creation: int, *, cookie: str | bytes
    ) -> list[Event]:
        """Accept a node that asked for a name, under *name* and *creation*."""
        self._demand(Step.DECISION, "there is nobody to name")
        if Flag.NAME_ME not in self._theirs:
            raise LocalProtocolError(f"{self.peer} has a name")
        Identity(name, creation, Flag(0))
        self._keep_cookie(cookie)
        self.peer, self._peer_creation = name, creation
        self._enter(Step.REPLY)
        self._send(messages.pack_status(Status("named:", name, creation)))
        self._send_challenge()
        return self._advance()

    def confirm(self) -> list[Event]:
        """Answer :class:`Verified`; the returned event is :class:`Connected`."""
        self._demand(Step.CONFIRMATION, "there is nothing to confirm")
        self._send(messages.pack_ack(self._proof))
        self._connect()
        return self._advance()

    def _message_readers(self) -> Mapping[Step, Callable[[bytes], None]]:
        return {
            Step.NAME: self._on_name,
            Step.ALIVE: self._on_alive,
            Step.REPLY: self._on_reply,
        }

    def _on_name(self, body: bytes) -> None:
        flags, creation, name = messages.read_name(body)
        dynamic = bool(flags & Flag.NAME_ME)
        messages.check_name(name, dynamic=dynamic)
        self.peer = f"a nameless node at {name}" if dynamic else name
        if lacking := missing(flags, self._required):
            self._send(messages.pack_status(Status("not_allowed")))
            self._fail(MissingFlags(self.peer, lacking))
        self._theirs = Flag(flags)
        self._peer_creation = creation
        # The BEAM answers in kind: a link is hidden for both sides or for none, and
        # a node that asked for a name crashes unless it sees its request echoed.
        if dynamic:
            self._offer = self._offer & ~Flag.PUBLISHED | Flag.NAME_ME
        elif Flag.PUBLISHED not in self._theirs:
            self._offer &= ~Flag.PUBLISHED
        self._flags = negotiate(self._offer, flags) & ~Flag.NAME_ME
        self._enter(Step.DECISION)
        self._events.append(NameReceived(name, creation, self._theirs, dynamic))

    def _on_alive(self, body: bytes) -> None:
        answer = messages.read_status(body).text
        if answer not in ("true", "false"):
            raise Malformed(f"its answer to alive is {answer[:40]!r}")
        wanted = answer == "true"
        self._enter(Step.REPLY if wanted else Step.REFUSED)
        if wanted:
            self._send_challenge()
        self._events.append(AliveAnswered(wanted))

    def _on_reply(self, body: bytes) -> None:
        challenge, proof = messages.read_reply(body)
        if not messages.proves(proof, self._cookie, self._challenge):
            self._fail(CookieMismatch(self.peer))
        self._proof = messages.digest(self._cookie, challenge)
        self._enter(Step.CONFIRMATION)
        self._events.append(Verified())

    def _keep_cookie(self, cookie: str | bytes | None) -> None:
        if cookie is None:
            raise LocalProtocolError("only a refusal needs no cookie")
        self._cookie = messages.secret(cookie)

    def _send_challenge(self) -> None:
        me = self._me
        self._send(
            messages.pack_challenge(
                Challenge(self._offer, self._challenge, me.creation, me.name)
            )
        )
