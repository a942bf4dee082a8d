"""Connections in the making: ours to a peer, and those of peers to us.

Two nodes that dial each other at the same time are told apart by name: the greater
one's attempt goes on (protocol 2.3). Anybody can claim a name, so ours goes on beside
the attempt of a greater name until that has proved the cookie, or until the peer itself
says that its own goes first. Then ours waits for it, and tries again now and then:
what the peer waits for may be somebody who only has its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import trio

from ..errors import AlreadyConnected

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..errors import ConnectError

COURTESY = 1.0
"""Seconds that an attempt of ours leaves to a handshake of the peer's own."""


@final
class Guests:
    """Handshakes of nodes that dial us, by the names that they claim."""

    def __init__(self) -> None:
        self._over: dict[str, list[trio.Event]] = {}

    def enter(self, name: str) -> trio.Event:
        """Note one more; ``leave`` it with the returned event."""
        event = trio.Event()
        self._over.setdefault(name, []).append(event)
        return event

    def leave(self, name: str, event: trio.Event) -> None:
        """Note that it is over, whether it became a connection or not."""
        guests = self._over[name]
        guests.remove(event)
        if not guests:
            del self._over[name]
        event.set()

    async def gone(self, name: str) -> None:
        """Wait until no handshake in that name is under way; not for ever."""
        with trio.move_on_after(COURTESY):
            while guests := self._over.get(name):
                await guests[0].wait()


@final
class Attempt:
    """A connection that we make, and those who wait for it."""

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self.done = trio.Event()
        """It is over, whether or not the peer is up."""
        self.error: ConnectError | None = None
        self.waits = True
        """An attempt of the peer goes first; ours waits for how that ends."""
        self._scope = trio.CancelScope()
        self._news = trio.Event()

    async def run(self, dial: Callable[[], Awaitable[None]], patience: float) -> None:
        """Dial, and again for *patience* seconds if the peer's own attempt goes first.

        Raises:
            ConnectError: *dial* does.
            AlreadyConnected: The attempt of the peer went first, and never ended.
        """
        until: float | None = None
        while True:
            refused = await self._once(dial)
            if refused is None or self.done.is_set():
                return
            if until is None:
                until = trio.current_time() + patience
            elif trio.current_time() >= until:
                raise refused
            with trio.move_on_after(COURTESY):
                await self._news.wait()
            if self.done.is_set():
                return

    async def _once(
        self, dial: Callable[[], Awaitable[None]]
    ) -> AlreadyConnected | None:
        """Return what it means if the attempt of the peer goes first."""
        self.waits, self._scope, self._news = False, trio.CancelScope(), trio.Event()
        refused: AlreadyConnected | None = None
        try:
            with self._scope:
                await dial()
        except AlreadyConnected as error:
            self.waits = True
            refused = error.with_traceback(None)
        if self.waits and refused is None:
            problem = "its own attempt to connect did not finish"
            refused = AlreadyConnected(self.peer, problem)
        return refused

    def give_way(self) -> None:
        """The peer has proved the cookie on its own attempt: end ours."""
        self.waits = True
        self._scope.cancel()

    def stir(self) -> None:
        """A handshake that the peer began is over: look again."""
        self._news.set()

    def finish(self) -> None:
        """Let go of everybody who waits."""
        self.done.set()
        self._news.set()
        self._scope.cancel()
