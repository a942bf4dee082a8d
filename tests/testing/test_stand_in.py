"""A process that the test plays."""

from __future__ import annotations

from typing import Any

import pytest

import ergopy
from ergopy import Atom, Down, ExitMessage, testing
from tests.nodes import Echo


class Clerk(ergopy.GenServer):
    """Asks a printer, and lives as long as it."""

    async def handle_cast(self, request: Any) -> Any:
        await self.monitor("printer")
        await self.cast("printer", (Atom("printed"), await self.call("printer", 1)))

    async def handle_info(self, message: Any) -> Any:
        return ergopy.Stop(message.reason)


async def test_a_test_answers_what_a_server_asks(node: ergopy.Node) -> None:
    clerk = await node.start(Clerk)
    async with testing.stand_in(node, "printer") as printer:
        await node.cast(clerk, Atom("print"))
        _, from_, request = await printer.receive(timeout=60)
        assert request == 1
        await printer.reply(from_, b"done")
        assert await printer.receive(timeout=60) == ("$gen_cast", ("printed", b"done"))
        await printer.monitor(clerk)
    with pytest.raises(ergopy.CallError, match=r"noproc|killed"):
        await node.call(clerk, Atom("hello"))


async def test_it_sends_links_and_watches_as_any_process(node: ergopy.Node) -> None:
    echo = await node.start(Echo)
    async with testing.stand_in(node) as me:
        await me.send(echo, Atom("hello"))
        assert await me.call(echo, Atom("seen")) == ["hello"]
        await me.link(echo)
        ref = await me.monitor(echo)
        await me.stop(echo)
        assert await me.receive(ExitMessage, timeout=60) == ("EXIT", echo, "normal")
        assert (await me.receive(Down, timeout=60)).ref == ref


async def test_leaving_it_frees_the_name_and_tells_its_watchers(
    node: ergopy.Node,
) -> None:
    async with testing.stand_in(node) as watcher:
        async with testing.stand_in(node, "desk") as desk:
            await watcher.monitor(desk.pid)
            with pytest.raises(ergopy.NameTaken):
                async with testing.stand_in(node, "desk"):
                    pass
        assert node.whereis("desk") is None
        assert (await watcher.receive(timeout=60)).reason == "killed"


async def test_without_trapping_an_exit_signal_ends_it(node: ergopy.Node) -> None:
    async with (
        testing.stand_in(node, trap_exit=False) as frail,
        testing.stand_in(node) as other,
    ):
        await other.exit(frail.pid, Atom("boom"))
        assert not frail.alive
        await other.monitor(frail.pid)
        assert (await other.receive(timeout=60)).reason == "noproc"


async def test_it_talks_to_other_nodes() -> None:
    async with (
        testing.node_pair() as (a, b),
        testing.stand_in(a, "one") as one,
        testing.stand_in(b) as two,
    ):
        await two.send(("one", a.name), (Atom("from"), two.pid))
        _, pid = await one.receive(timeout=60)
        await one.send(pid, [1, 2])
        assert await two.receive(timeout=60) == [1, 2]
