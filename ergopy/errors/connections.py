"""Errors of nodes and the connections between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .base import ErgopyError

if TYPE_CHECKING:
    from collections.abc import Iterable


class ConnectError(ErgopyError, OSError):
    """A connection to another node could not be made, or is no more."""

    def __init__(self, peer: str, problem: str) -> None:
        super().__init__(f"{peer}: {problem}")
        self.peer = peer
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.peer}: {self.problem}"


class NodeNotFound(ConnectError):
    """No such node name at its port mapper, or nobody listens where it should."""


class HandshakeError(ConnectError):
    """The two nodes talked, but did not become connected."""


class CookieMismatch(HandshakeError):
    """The peer does not have our cookie, or we do not have its."""

    def __init__(self, peer: str, problem: str = "the cookies differ") -> None:
        super().__init__(peer, problem)


class MissingFlags(HandshakeError):
    """The peer cannot do something that we need; ``flags`` has the names."""

    def __init__(self, peer: str, flags: Iterable[str]) -> None:
        self.flags = tuple(flags)
        super().__init__(peer, f"lacks mandatory flags: {', '.join(self.flags)}")


class NotAllowed(HandshakeError):
    """The peer answered ``not_allowed``: flags or its allow list."""

    def __init__(self, peer: str, problem: str = "the node does not allow us") -> None:
        super().__init__(peer, problem)


class AlreadyConnected(HandshakeError):
    """A connection between the two nodes is up, or is being made, already."""

    def __init__(self, peer: str, problem: str = "already connected") -> None:
        super().__init__(peer, problem)


class WrongNode(HandshakeError):
    """Another node answers at that address; ``name`` is what it is called."""

    def __init__(self, peer: str, name: str) -> None:
        self.name = name
        super().__init__(peer, f"the node there is called {name}: use that name")


class HandshakeTimeout(HandshakeError):
    """The peer went silent before the handshake was complete."""

    def __init__(self, peer: str, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(peer, f"silent for {seconds:g} s during the handshake")


class NotDistribution(HandshakeError):
    """Something answers at that port, but it does not speak distribution."""


class TlsError(HandshakeError):
    """TLS could not be agreed on; ``reason`` is a word that says why.

    ``plain`` (the peer does not speak TLS), ``version`` and ``cipher`` (the two have
    none in common), ``closed`` (the peer gave no reason), ``alert`` (the peer's reason
    is in the message), ``broken`` (the bytes make no sense, or were changed).
    """

    def __init__(self, peer: str, problem: str, reason: str) -> None:
        self.reason = reason
        super().__init__(peer, problem)


class CertificateError(TlsError):
    """A certificate was refused; ``reason`` is a word that says why.

    ``expired``, ``not_yet_valid``, ``wrong_name``, ``unknown_authority``,
    ``self_signed``, ``missing``, ``revoked``, or ``bad`` for what else can be wrong
    with it. ``ours`` tells whether it is our certificate, which the peer refused.
    """

    def __init__(
        self, peer: str, problem: str, reason: str, *, ours: bool = False
    ) -> None:
        self.ours = ours
        super().__init__(peer, problem, reason)


class NodeDown(ConnectError):
    """The connection to that node is gone."""

    def __init__(self, peer: str, problem: str = "the node is down") -> None:
        super().__init__(peer, problem)


class NodeNameError(ErgopyError, ValueError):
    """A node name that cannot work; the message says what to write instead."""


class TlsFileError(ErgopyError, ValueError):
    """A file with a certificate or a key cannot be used; ``path`` says which."""

    def __init__(self, path: object, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem


class NodeStopped(ErgopyError):
    """A thread asked a node that is not running, or that ended before it answered."""

    def __init__(self, node: str) -> None:
        super().__init__(f"node {node} is not running, or has ended meanwhile")
        self.node = node
