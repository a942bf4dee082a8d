"""Processes whose time is limited, and their children."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from ergopy import Atom, GenServer, ProcessConfig
from tests.process.configured.kit import configured
from tests.runtimes import Ends, assert_only_the_root, find, idle, mail, settle

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


async def test_a_lifetime_ends_a_process_without_a_crash(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    process = configured(runtime, lifetime=7.5)
    ends = Ends(process)
    await trio.sleep(7.4)
    assert process.alive
    await trio.sleep(0.2)
    assert ends.reasons == [(Atom("shutdown"), Atom("lifetime"))]


async def test_a_server_that_traps_exits_cleans_up_when_its_time_is_over(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    ended = []

    class Server(GenServer):
        async def init(self) -> None:
            self.process.trap_exit = True

        async def terminate(self, reason: Any) -> None:
            ended.append((trio.current_time() - started, reason))

    started = trio.current_time()
    await runtime.root.start(Server, config=ProcessConfig(lifetime=3))
    await trio.sleep(3.1)
    assert ended == [(3.0, ("shutdown", "lifetime"))]
    assert_only_the_root(runtime)


async def test_who_traps_and_stays_is_killed_five_seconds_later(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    process = configured(runtime, trap=True, lifetime=1)
    ends = Ends(process)
    await trio.sleep(5.9)
    assert [message.reason for message in mail(process)] == [("shutdown", "lifetime")]
    await trio.sleep(0.2)
    assert ends.reasons == ["killed"]


async def test_children_live_no_longer_than_their_parent_may(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    parent = configured(runtime, lifetime=10)
    await trio.sleep(4)
    long = find(runtime, await parent.spawn(idle, config=ProcessConfig(lifetime=60)))
    short = find(runtime, await parent.spawn(idle, config=ProcessConfig(lifetime=1)))
    await trio.sleep(1.1)
    assert not short.alive
    assert long.alive
    await trio.sleep(5)
    assert not long.alive


async def test_the_timer_of_a_process_that_ended_early_is_gone(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    process = configured(runtime, lifetime=10)
    await runtime.root.exit(process.pid, "early")
    await settle()
    before = trio.current_time()
    await trio.sleep(30)
    assert trio.current_time() - before == 30
    assert_only_the_root(runtime)
