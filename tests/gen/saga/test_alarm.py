"""The one timer of a saga."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import trio

from ergopy import MailboxLimit
from ergopy.gen.saga.alarm import Alarm
from ergopy.gen.saga.core.events import Tick
from tests.runtimes import settle, sleeper

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


async def test_it_rings_once_at_its_time(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    process = sleeper(runtime)
    alarm, now = Alarm(process), trio.current_time()
    alarm.set(now + 5, now)
    assert alarm.at == now + 5
    await trio.sleep(4.9)
    assert process.messages() == []
    await trio.sleep(100)
    assert process.messages() == [Tick()]
    assert alarm.at == math.inf


async def test_another_time_is_in_the_place_of_the_first(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    process = sleeper(runtime)
    alarm, now = Alarm(process), trio.current_time()
    alarm.set(now + 5, now)
    alarm.set(now + 3, now)
    await trio.sleep(4)
    assert len(process.messages()) == 1
    alarm.set(now - 1, now)
    await trio.sleep(100)
    assert len(process.messages()) == 2


async def test_a_full_mailbox_takes_it(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    async def idle(process: object) -> None:
        await trio.sleep_forever()

    process = runtime.spawn(idle, (), mailbox=MailboxLimit(1))
    process.deliver("full")
    now = trio.current_time()
    Alarm(process).set(now + 1, now)
    await trio.sleep(2)
    assert process.messages() == ["full", Tick()]


async def test_it_ends_with_its_process(runtime: Runtime) -> None:
    process = sleeper(runtime)
    Alarm(process).set(math.inf, 0.0)
    alarm = Alarm(process)
    alarm.set(100.0, 0.0)
    process.kill()
    await settle()
    assert len(runtime.timers._heap) == runtime.timers.dead == 2
