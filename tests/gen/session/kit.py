"""Short protocols, processes that follow them, and what came of both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import SessionClosed, session
from ergopy.gen.session import End, Recv, Send
from tests.runtimes import inside, settle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from ergopy import Process
    from ergopy.gen.session import Channel, Protocol
    from ergopy.process.runtime import Runtime

    Side = Callable[[Process, Channel], Awaitable[Any]]

SUM = Send(int) >> Send(int) >> Recv(int) >> End
PING = Send(int) >> End


def clean(process: Process) -> bool:
    """Tell whether nothing of a session is left in *process*."""
    return not (process.messages() or process.monitors or process._aliases)


async def adder(process: Process, channel: Channel) -> None:
    await channel.send(await channel.recv() + await channel.recv())


async def nothing(process: Process, channel: Channel) -> None:
    """Leave at once."""


async def receive_one(process: Process, channel: Channel) -> Any:
    return await channel.recv()


async def send_one(process: Process, channel: Channel) -> None:
    await channel.send(1)


async def reason_of(opening: AbstractAsyncContextManager[Channel]) -> Any:
    """Try to come into a session; give the reason for which there is none."""
    with pytest.raises(SessionClosed) as caught:
        async with opening:
            pass
    return caught.value.reason


class Sides:
    """A process that accepts, and one that opens; what came of both."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.theirs: Any = None
        self.left: Process | None = None

    async def run(
        self, ours: Protocol, open_it: Side, accept_it: Side, **options: Any
    ) -> Any:
        async def acceptor(process: Process) -> None:
            try:
                async with session.accept(ours.dual) as channel:
                    self.theirs = await accept_it(process, channel)
            except Exception as error:
                self.theirs = error
            self.left = process
            await trio.sleep_forever()

        pid = await self.runtime.root.spawn(acceptor)

        async def opener(process: Process) -> Any:
            try:
                async with session.open(pid, ours, **options) as channel:
                    return await open_it(process, channel)
            finally:
                await settle()
                assert clean(process)

        try:
            return await inside(self.runtime, opener)
        except Exception as error:
            return error
        finally:
            await settle()
            if self.left is not None:
                assert not self.left.messages()
                assert not self.left.monitors
