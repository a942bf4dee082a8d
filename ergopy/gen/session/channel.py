"""One side of a session that is open: the steps, and how it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, final

from etf import Atom, Reference

from ...errors import (
    ReceiveTimeout,
    SessionClosed,
    SessionTimeout,
    WrongStep,
)
from ...process.message_queue import carries
from ...process.messages import Down
from ...process.reasons import shown
from . import messages
from .position import Position
from .protocol import Choose, Offer, Recv

if TYPE_CHECKING:
    from collections.abc import Callable

    from etf import Pid

    from ...process.process import Process
    from .protocol import Protocol

_BROKEN = Atom("broken")
_LEFT = Atom("left")
_REFUSED = Atom("refused")


@final
class Channel:
    """What a session is used by; made by ``session.open``, ``accept`` and ``spawn``.

    Each verb is a step of the protocol, and is refused with ``WrongStep`` if it is not
    the one that comes next: then nothing was sent, and the right one can still be done.
    ``SessionClosed`` says that the other side is not there any more.
    """

    def __init__(
        self, process: Process, ref: Reference, protocol: Protocol, timeout: float
    ) -> None:
        self._process = process
        self._position = Position(protocol)
        self._timeout = timeout
        self.ref = ref
        """The monitor and alias by which the other side reaches this one."""
        self.to: Any = None
        """The alias of the other side."""
        self.peer: Pid | None = None
        """The process that is the other side, once it is known."""
        self._closed: Any = None

    def __repr__(self) -> str:
        return f"<Channel to {self.peer}: {self.expected}>"

    @property
    def expected(self) -> str:
        """The step that comes next, as text: ``Send(int)``, or ``End``."""
        return self._position.expected

    @property
    def at_end(self) -> bool:
        """Whether this side has done all its steps."""
        return self._position.at_end

    async def send(self, value: Any) -> None:
        """Do a ``Send``. Waits only as ``Process.send`` does.

        Raises:
            WrongStep: It is not to be sent now, or no such value.
            SessionClosed: It is known already that the other side is gone.
        """
        self._check_open()
        term = self._position.send(value)
        await self._say((messages.VALUE, term))

    async def recv(self, timeout: float | None = None) -> Any:
        """Do a ``Recv``: wait for the value and return it.

        Args:
            timeout: Seconds; None is what the session was made with.

        Raises:
            WrongStep: Nothing is to be received now.
            SessionClosed: The other side is gone, or has sent something else.
            SessionTimeout: Nothing came; it can be tried again.

        Cancelling it loses no message.
        """
        self._position.require(Recv, "recv()")
        return await self._next(messages.VALUE, self._position.receive, timeout)

    async def choose(self, label: str) -> None:
        """Do a ``Choose``: say by which branch it goes on. Waits as :meth:`send` does.

        Raises:
            WrongStep: There is nothing to choose now, or no such branch.
            SessionClosed: It is known already that the other side is gone.
        """
        self._check_open()
        self._position.require(Choose, f"choose({label!r})")
        self._position.choose(label)
        await self._say((messages.CHOOSE, Atom(label)))

    async def offer(self, timeout: float | None = None) -> Atom:
        """Do an ``Offer``: wait for the choice of the other side and return its label.

        Args and errors are those of :meth:`recv`.
        """
        self._position.require(Offer, "offer()")
        return await self._next(messages.CHOOSE, self._take_choice, timeout)  # type: ignore[no-any-return]

    async def finish(self) -> None:
        """Wait until both sides are at the end; part of leaving ``async with``."""
        if not self.at_end:
            raise WrongStep(self.expected, "leaving the session")
        self._check_open()
        await self._say(messages.DONE)
        said = await self._hear(None)
        if not messages.is_word(said, messages.DONE):
            self._break(said)

    def leave(self, why: Any) -> None:
        """Tell the other side that this one goes before the end. Never waits.

        The end of a process says that by itself, and why.
        """
        process = self._process
        if process.alive and self.to is not None and self._closed is None:
            process.send_one(self.to, self._addressed((messages.LEAVE, why)))

    def close(self) -> None:
        """Leave no trace here: what still comes is dropped."""
        process, ref = self._process, self.ref
        process.demonitor(ref)
        process.unalias(ref)
        ours, number = carries(ref), process.number_of(ref)
        while process.remove(ours, number):
            pass

    async def enter(self, timeout: float) -> None:
        """Wait until the other side accepts, and say that this one is ready."""
        match await self._hear(timeout):
            case (Atom("accept"), peer, Reference() as to):
                self.peer, self.to = peer, to
            case said:
                self._break(said)
        await self._say(messages.READY)

    async def _hear(self, timeout: float | None) -> Any:
        """Wait for what the other side says next.

        Raises:
            SessionClosed, SessionTimeout: It says nothing more, or nothing yet.
        """
        self._check_open()
        seconds = self._timeout if timeout is None else timeout
        try:
            message = await self._process.receive(self.ref, seconds)
        except ReceiveTimeout:
            raise SessionTimeout(self.expected, seconds) from None
        if isinstance(message, Down):
            self._end(message.reason)
        said = messages.content(message, self.ref)
        match said:
            case (Atom("leave"), why):
                self._end((_LEFT, why))
            case (Atom("refuse"), why):
                self._end((_REFUSED, why))
        return said

    async def _next(
        self, kind: Atom, take: Callable[[Any], Any], timeout: float | None
    ) -> Any:
        said = await self._hear(timeout)
        is_step = isinstance(said, tuple) and len(said) == 2
        if not (is_step and messages.is_word(said[0], kind)):
            self._break(said)
        try:
            return take(said[1])
        except WrongStep as error:
            self._break(said, error)

    def _take_choice(self, label: Any) -> Atom:
        self._position.offer(label)
        return Atom(label)

    async def _say(self, what: Any) -> None:
        await self._process.send(self.to, self._addressed(what))

    def _addressed(self, what: Any) -> Any:
        return messages.SESSION, self.to, what

    def _check_open(self) -> None:
        if self._closed is not None:
            raise SessionClosed(self.expected, self._closed)

    def _end(self, reason: Any) -> NoReturn:
        self._closed = reason
        raise SessionClosed(self.expected, reason)

    def _break(self, said: Any, error: WrongStep | None = None) -> NoReturn:
        """End the session: the other side does not follow the protocol."""
        wrong = error or WrongStep(self.expected, f"the message {shown(said)}")
        problem = (_BROKEN, str(wrong).encode())
        self.leave(problem)
        self._closed = problem
        raise SessionClosed(self.expected, problem) from error
