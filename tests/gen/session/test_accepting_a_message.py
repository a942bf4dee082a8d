"""Sessions of who has received the opening already, as a server has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import GenServer, SessionTimeout, session
from tests.gen.session.kit import PING, SUM, reason_of
from tests.runtimes import find, inside, settle

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime


async def accept_next(process: Process, closed: list[Any], after: float = 0) -> None:
    """Take the next message for an opening; note why no session comes of it."""
    await trio.sleep(after)
    closed.append(
        await reason_of(session.accept(PING.dual, opening=await process.receive()))
    )


class Desk(GenServer):
    """Takes sessions between other messages."""

    async def init(self) -> None:
        self.sums: list[int] = []

    async def handle_call(self, request: Any, from_: Any) -> Any:
        return self.sums

    async def handle_info(self, message: Any) -> None:
        async with session.accept(SUM.dual, opening=message) as channel:
            total = await channel.recv() + await channel.recv()
            await channel.send(total)
            self.sums.append(total)


async def test_a_server_accepts_in_handle_info(runtime: Runtime) -> None:
    await runtime.root.start(Desk, name="desk")

    async def body(process: Process) -> Any:
        for number in (1, 2):
            async with session.open("desk", SUM) as channel:
                await channel.send(number)
                await channel.send(number)
                await channel.recv()
        return await process.call("desk", "sums")

    assert await inside(runtime, body) == [2, 4]


async def test_what_does_not_ask_for_a_session_cannot_be_accepted(
    runtime: Runtime,
) -> None:
    async def body(process: Process) -> None:
        async with session.accept(PING, opening=("hello",)):
            pass

    with pytest.raises(ValueError, match="no message that opens a session"):
        await inside(runtime, body)


async def test_a_server_refuses_another_protocol_at_once(runtime: Runtime) -> None:
    refused: list[Any] = []
    pid = await runtime.root.spawn(accept_next, refused)

    async def body(process: Process) -> Any:
        return (await reason_of(session.open(pid, SUM)))[0]

    assert await inside(runtime, body) == "refused"
    assert refused == ["refused"]


async def test_who_has_given_up_is_told_to_a_server_that_comes_to_it_late(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    seen: list[Any] = []

    async def server(process: Process) -> None:
        await accept_next(process, seen, after=10)
        seen.append(process.messages())

    pid = await runtime.root.spawn(server)

    async def body(process: Process) -> None:
        with pytest.raises(SessionTimeout):
            async with session.open(pid, PING, timeout=1):
                pass

    await inside(runtime, body)
    await trio.sleep(20)
    assert seen == ["cancelled", []]


async def test_a_refused_session_leaves_no_message_behind(runtime: Runtime) -> None:
    async def server(process: Process) -> None:
        await accept_next(process, [])
        await trio.sleep_forever()

    pid = await runtime.root.spawn(server)

    async def body(process: Process) -> None:
        await reason_of(session.open(pid, SUM))

    await inside(runtime, body)
    await settle()
    assert find(runtime, pid).messages() == []
