"""A socket that speaks TLS: OpenSSL between two buffers, above a socket of TCP.

OpenSSL never sees the kernel. What the kernel has is read in one piece, and all that
can be decrypted of it is handed out; what OpenSSL has to say leaves with the next
write, answers to key updates and new handshakes too. So neither side of a connection
ever waits for the other inside a call.

What the kernel does not take stays here, encrypted. The last byte of what it stands
for is then not acknowledged, so that whoever writes knows that there is more to do, and
is expected first when they try again.
"""

from __future__ import annotations

import contextlib
import ssl
from typing import TYPE_CHECKING, Any, final

import trio

from ...errors import CertificateError, TlsError
from ..network import READ_SIZE, ReadBuffer
from . import names, problems

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..network import Socket

WRITE_SIZE = 1024 * 1024
"""Bytes taken at most by one call."""
PIECE_SIZE = 128 * 1024
"""Bytes encrypted before the kernel has taken what precedes them."""

_ALERT, _HANDSHAKE = b"\x15", b"\x16"
_UNEXPECTED_MESSAGE = b"\x15\x03\x03\0\x02\x02\x0a"
_LINGER = 1.0
"""Seconds for a peer to take note of why it is refused."""

_ciphertext = ReadBuffer()


@final
class TlsSocket:
    """One end of TLS; takes over another socket.

    Args:
        tcp: A connected socket.
        context: Gives the context when TLS begins, for one of the two roles.
        peer: What to call the peer in errors; its name as the node that dials.
        host: As the node that dials: what host the peer shall prove to be. None is
            the node that is dialled.
        check_names: Whether :meth:`check_name` minds.
    """

    def __init__(
        self,
        tcp: Socket,
        context: Callable[[], ssl.SSLContext],
        *,
        peer: str,
        host: str | None = None,
        check_names: bool = True,
    ) -> None:
        self.tcp = tcp
        self._tcp_send = tcp.send
        self._tcp_recv_into = tcp.recv_into
        self._context = context
        self._peer = peer
        self._host = host
        self._check_names = check_names
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None
        self._heard = False
        self._more = False
        self._ended = False
        self._broken: TlsError | None = None
        self._unsent: bytes | memoryview = b""
        self._owed = 0
        self._wants: trio.Event | None = None
        self._closed = False

    def __str__(self) -> str:
        return f"{self.tcp}"

    @property
    def tls(self) -> ssl.SSLObject:
        """The TLS session, once it has begun: version, cipher, certificate."""
        assert self._tls is not None
        return self._tls

    async def start(self) -> None:
        """Carry out the TLS handshake.

        Raises:
            TlsError: Why there is none; or a subclass.
        """
        self._tls = self._context().wrap_bio(
            self._incoming,
            self._outgoing,
            server_side=self._host is None,
            server_hostname=self._host,
        )
        self._encrypt, self._decrypt = self._tls.write, self._tls.read
        try:
            await self._shake_hands(self._tls)
        except ssl.SSLError as error:
            await self._refuse()
            raise problems.named(self._peer, error) from None
        except (ConnectionResetError, BrokenPipeError) as error:
            said = self._last_words(error)
            raise problems.closed(self._peer) if said is error else said from None
        self._more = bool(self._incoming.pending)
        if self._host is not None:
            self.check_name(self._peer)

    def check_name(self, node: str) -> None:
        """Compare the name that a node gives with its certificate, if it has one.

        Raises:
            CertificateError: It is good for another host.
        """
        certificate = self.tls.getpeercert() if self._check_names else None
        host = node.rpartition("@")[2]
        if certificate and not names.good_for(certificate, host):
            there = ", ".join(names.hosts(certificate)) or "no host"
            raise CertificateError(
                node, f"its certificate is good for {there}, not {host}", "wrong_name"
            )

    def send(self, data: Any) -> int:
        """Take bytes, or some of them; see :class:`ergopy.dist.network.Socket`."""
        try:
            if self._unsent and not self._flush():
                raise BlockingIOError
            taken, self._owed = self._owed, 0
            view, end = memoryview(data), min(len(data), WRITE_SIZE)
            flushed = True
            while taken < end and flushed:
                more = self._encrypt_some(view[taken : min(end, taken + PIECE_SIZE)])
                flushed = self._flush()
                taken += more
                if not more:
                    break
        except (ConnectionResetError, BrokenPipeError) as error:
            raise self._last_words(error) from None
        if not flushed and taken:
            self._owed = 1
            taken -= 1
        if not taken:
            raise BlockingIOError
        return taken

    def recv_into(self, buffer: memoryview) -> int:
        """Hand out what can be decrypted; see :class:`ergopy.dist.network.Socket`."""
        size = self._decrypt_into(buffer, 0) if self._more else 0
        if size < len(buffer) and not self._ended:
            try:
                self._take_in()
            except OSError:
                if not size:
                    raise
                return size
            size = self._decrypt_into(buffer, size)
        if self._outgoing.pending:
            self._answer()
        if not size and not self._ended:
            raise BlockingIOError
        return size

    async def wait_readable(self) -> None:
        """Wait until ``recv_into`` is worth a try."""
        if self._more or self._ended:
            await trio.lowlevel.checkpoint()
        else:
            await self.tcp.wait_readable()

    async def wait_writable(self) -> None:
        """Wait until ``send`` is worth a try."""
        if self._wants is not None and not self._unsent:
            # A new handshake is under way: whoever reads brings it forward.
            await self._wants.wait()
            self._wants = None
            if self._closed:
                raise trio.ClosedResourceError
        else:
            await self.tcp.wait_writable()

    def close(self) -> None:
        """Say goodbye if that is possible at once, and close."""
        if self._closed:
            return
        self._closed = True
        if self._tls is not None:
            with contextlib.suppress(OSError, ValueError):
                self._say_goodbye(self._tls)
        if self._wants is not None:
            self._wants.set()
        self.tcp.close()

    def _say_goodbye(self, tls: ssl.SSLObject) -> None:
        # The peer's goodbye is not waited for.
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.unwrap()
        self._flush()

    async def _shake_hands(self, tls: ssl.SSLObject) -> None:
        done = False
        while not done:
            try:
                tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                pass
            while not self._flush():
                await self.tcp.wait_writable()
            if not done:
                await self._hear()

    async def _hear(self) -> None:
        """Take in some more of the peer's handshake."""
        while True:
            try:
                self._take_in()
            except BlockingIOError:
                await self.tcp.wait_readable()
                continue
            break
        if self._ended:
            raise problems.closed(self._peer)

    async def _refuse(self) -> None:
        """Send the alert, and let it arrive: unread bytes would call it back."""
        if not self._outgoing.pending:
            return  # it is the peer who refuses
        with contextlib.suppress(OSError), trio.move_on_after(_LINGER):
            while not self._flush():
                await self.tcp.wait_writable()
            while True:
                with contextlib.suppress(BlockingIOError):
                    if not self._tcp_recv_into(_ciphertext.view):
                        break
                await self.tcp.wait_readable()

    def _take_in(self) -> None:
        """Move what the kernel has to OpenSSL."""
        buffer = _ciphertext.view
        size = self._tcp_recv_into(buffer)
        if not size:
            self._ended = True
            self._incoming.write_eof()
            return
        if not self._heard:
            self._recognise(bytes(buffer[: min(size, 16)]))
        self._incoming.write(buffer[:size])
        if self._wants is not None:
            self._wants.set()

    def _recognise(self, first: bytes) -> None:
        """Do not wait for the rest of a record that is none."""
        self._heard = True
        if first[:1] not in (_HANDSHAKE, _ALERT):
            with contextlib.suppress(OSError):
                self._tcp_send(_UNEXPECTED_MESSAGE)
            raise problems.plain(self._peer, first)

    def _decrypt_into(self, buffer: memoryview, start: int) -> int:
        """Fill *buffer* from *start* on; return how far it is filled."""
        decrypt, incoming = self._decrypt, self._incoming
        begin, end = start, len(buffer)
        if self._broken is not None:
            raise self._broken
        try:
            while start < end:
                size: int = decrypt(end - start, buffer[start:])  # type: ignore[assignment]
                if not size:
                    self._ended = True
                    break
                start += size
                if not incoming.pending:
                    break
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            self._ended = True
        except ssl.SSLError as error:
            self._broken = problems.named(self._peer, error)
            if start == begin:
                raise self._broken from None
            # What came before it is handed out first.
            self._more = True
            return start
        self._more = start == end
        return start

    def _encrypt_some(self, data: memoryview) -> int:
        encrypt, done = self._encrypt, 0
        try:
            while done < len(data):
                done += encrypt(data[done:])
        except ssl.SSLWantReadError:
            if self._wants is None:
                self._wants = trio.Event()
        except ssl.SSLError as error:
            raise problems.named(self._peer, error) from None
        return done

    def _last_words(self, error: OSError) -> OSError:
        """Return what the peer said before it closed, or else how it closed."""
        try:
            self.recv_into(memoryview(bytearray(READ_SIZE)))
        except TlsError as said:
            return said
        except OSError:
            pass
        return error

    def _answer(self) -> None:
        """Send what OpenSSL has to say to what it read; who writes hears of trouble."""
        with contextlib.suppress(OSError):
            self._flush()

    def _flush(self) -> bool:
        """Give the kernel what is encrypted; return whether it took everything."""
        outgoing = self._outgoing
        data = self._unsent or outgoing.read()
        while data:
            try:
                sent = self._tcp_send(data)
            except BlockingIOError:
                sent = 0
            if sent < len(data):
                self._unsent = memoryview(data)[sent:]
                return False
            data = outgoing.read()
        self._unsent = b""
        return True
