"""ConsumerSupervisor: a child for each event, and what is asked for as they end."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import Atom, Backoff
from tests.gen.stage.stages import Hand
from tests.gen.stage.supervisor.office import CRASH, Office, counts
from tests.runtimes import assert_only_the_root, settle

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime


@pytest.fixture
async def office(runtime: Runtime) -> Office:
    """A consumer supervisor that is still to be started."""
    return Office(runtime)


async def test_it_asks_for_max_demand_at_once(office: Office) -> None:
    await office.start(max_demand=7)
    assert office.asked() == [7]


async def test_by_default_it_asks_for_a_thousand(office: Office) -> None:
    await office.start()
    assert office.asked() == [1000]


async def test_each_event_is_the_last_argument_of_a_child(office: Office) -> None:
    await office.start(max_demand=5)
    await office.give("one", "two")
    await office.give("three")
    assert office.starts == ["one", "two", "three"]
    assert await office.counts() == counts(3)


@pytest.mark.parametrize(("least", "rounds"), [(1, 4), (2, 2), (4, 1)])
async def test_it_asks_again_when_min_demand_children_have_ended(
    office: Office, least: int, rounds: int
) -> None:
    await office.start(max_demand=5, min_demand=least)
    office.asked()
    await office.give(*range(5))
    assert office.asked() == []
    for _ in range(rounds):
        for _ in range(least - 1):
            await office.end((await office.pids())[0])
            assert office.asked() == []
        await office.end((await office.pids())[0])
        assert office.asked() == [least]


async def test_half_of_max_demand_is_the_default_of_min_demand(office: Office) -> None:
    await office.start(max_demand=4)
    office.asked()
    await office.give(1, 2)
    for expected in ([], [2]):
        await office.end((await office.pids())[0])
        assert office.asked() == expected


async def test_with_a_min_demand_of_0_it_asks_for_each_that_ends(
    office: Office,
) -> None:
    await office.start(max_demand=3, min_demand=0)
    assert office.asked() == [3]
    await office.give(1, 2)
    assert office.asked() == []
    for pid in await office.pids():
        await office.end(pid)
        assert office.asked() == [1]


async def test_one_child_at_a_time(office: Office) -> None:
    await office.start(max_demand=1)
    assert office.asked() == [1]
    for event in range(3):
        await office.give(event)
        assert office.asked() == []
        await office.end(*await office.pids())
        assert office.asked() == [1]


@pytest.mark.parametrize("how", ["ignore", "stop"])
async def test_a_child_that_does_not_come_up_leaves_its_place(
    office: Office, how: str
) -> None:
    await office.start(max_demand=4)
    office.asked()
    await office.give(1, (2, how), 3)
    assert office.asked() == []
    assert await office.counts() == counts(2)
    await office.give((4, how))
    assert office.asked() == [2]


async def test_those_that_do_not_come_up_are_asked_for_when_the_batch_is_done(
    office: Office,
) -> None:
    await office.start(max_demand=4, min_demand=0)
    office.asked()
    await office.give((1, "stop"), (2, "ignore"), 3, (4, "stop"))
    assert office.asked() == [3]


async def test_a_start_that_fails_is_reported(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    await office.start(max_demand=4)
    await office.give((1, "stop"), (2, "ignore"))
    (record,) = [r for r in caplog.records if r.name == "ergopy.supervisor"]
    assert vars(record)["context"] == "start_error"
    assert vars(record)["reason"] == "unfit"


async def test_a_temporary_child_that_crashes_leaves_its_place(office: Office) -> None:
    await office.start(max_demand=1)
    office.asked()
    await office.give(1)
    await office.end(*await office.pids(), CRASH)
    assert office.asked() == [1]
    assert office.starts == [1]


async def test_a_transient_child_that_crashes_keeps_its_place_and_its_event(
    office: Office,
) -> None:
    await office.start("transient", max_demand=1)
    office.asked()
    await office.give(1)
    for starts in (2, 3):
        await office.end(*await office.pids(), CRASH)
        assert office.asked() == []
        assert office.starts == [1] * starts
    await office.end(*await office.pids())
    assert office.asked() == [1]


@pytest.mark.parametrize("reason", ["normal", "shutdown", (Atom("shutdown"), 1)])
async def test_a_transient_child_that_ends_well_leaves_its_place(
    office: Office, reason: Any
) -> None:
    await office.start("transient", max_demand=1)
    office.asked()
    await office.give(1)
    await office.end(*await office.pids(), reason)
    assert office.asked() == [1]
    assert office.starts == [1]


async def test_a_restart_that_fails_is_tried_again_and_keeps_the_place(
    office: Office,
) -> None:
    await office.start("transient", max_demand=1)
    office.asked()
    event = (1, "ok", "stop", "stop", "ok")
    await office.give(event)
    await office.end(*await office.pids(), CRASH)
    assert office.starts == [event] * 4
    assert office.asked() == []
    assert await office.counts() == counts(1)


async def test_a_restart_that_is_ignored_leaves_the_place(office: Office) -> None:
    await office.start("transient", max_demand=1)
    office.asked()
    await office.give((1, "ok", "ignore"))
    await office.end(*await office.pids(), CRASH)
    assert await office.counts() == counts(0)
    assert office.asked() == [1]


async def test_too_many_restarts_end_it_and_nothing_more_is_asked_for(
    office: Office,
) -> None:
    await office.start("transient", intensity=1, max_demand=2, min_demand=0)
    office.asked()
    await office.give(1, 2)
    ends = office.ends
    for _ in range(2):
        await office.end(office.starts.pids[1], CRASH)
    assert ends == ["shutdown"]
    assert office.asked() == []
    assert office.starts == [1, 2, 1]


async def test_a_child_that_waits_for_its_restart_keeps_its_place(
    office: Office, autojump_clock: trio.testing.MockClock
) -> None:
    await office.start("transient", backoff=Backoff(first=10), max_demand=1)
    office.asked()
    await office.give(1)
    await office.end(*await office.pids(), CRASH)
    assert await office.counts() == counts(0, waiting=1)
    assert await office.pids() == ["restarting"]
    await trio.sleep(15)
    assert await office.counts() == counts(1)
    assert office.asked() == []


async def test_a_child_that_is_terminated_leaves_its_place(office: Office) -> None:
    await office.start("transient", max_demand=2)
    office.asked()
    await office.give(1, 2)
    one, _ = await office.pids()
    assert await office.ask("terminate_child", one) == "ok"
    assert await office.counts() == counts(1)
    assert office.asked() == [1]
    assert await office.ask("terminate_child", one) == ("error", "not_found")
    assert office.asked() == []


async def test_one_that_waits_for_its_restart_can_be_terminated(
    office: Office,
) -> None:
    await office.start("transient", backoff=Backoff(first=10), max_demand=1)
    office.asked()
    await office.give(1)
    (pid,) = await office.pids()
    await office.end(pid, CRASH)
    assert await office.ask("terminate_child", pid) == "ok"
    assert await office.counts() == counts(0)
    assert office.asked() == [1]


async def test_subscriptions_have_places_of_their_own(office: Office) -> None:
    await office.start(max_demand=2, min_demand=0)
    other = await office.supervisor.subscribe(office.hand.pid, max_demand=1)
    assert office.asked(other.tag) == [1]
    await office.give(1, 2)
    await office.give(3, tag=other.tag)
    assert await office.counts() == counts(3)
    *_, third = await office.pids()
    await office.end(third)
    assert office.asked(other.tag) == [1]
    await office.end((await office.pids())[0])
    assert [body[1] for body in office.hand.read(office.tag)] == [1]


async def test_children_of_a_subscription_that_has_ended_go_on(
    office: Office,
) -> None:
    await office.start(max_demand=2, min_demand=0, cancel="temporary")
    await office.give(1, 2)
    await office.cancel()
    office.hand.read()
    assert await office.counts() == counts(2)
    again = await office.supervisor.subscribe(office.hand.pid, max_demand=2)
    assert office.asked(again.tag) == [2]
    await office.give(3, 4, tag=again.tag)
    assert await office.counts() == counts(4)
    first, second, *_ = await office.pids()
    await office.end(first)
    await office.ask("terminate_child", second)
    assert office.hand.read() == []
    assert await office.counts() == counts(2)


async def test_events_in_excess_are_taken_and_no_more_asked_for_before_they_ended(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    await office.start(max_demand=2, min_demand=0)
    office.asked()
    await office.give(1, 2)
    assert not caplog.records
    await office.give(3, 4)
    assert "2 events more than it asked for" in caplog.text
    assert await office.counts() == counts(4)
    for expected in ([], [], [1], [1]):
        await office.end((await office.pids())[0])
        assert office.asked() == expected


async def test_children_that_end_while_others_start_leave_their_places(
    office: Office,
) -> None:
    ended: list[int] = []

    async def short(process: Process, event: int) -> None:
        ended.append(event)

    await office.start(short, max_demand=2000, min_demand=0)
    office.asked()
    await office.give(*range(1000))
    assert sorted(ended) == list(range(1000))
    assert sum(office.asked()) == 1000
    assert await office.counts() == counts(0)


class Large:
    """An event that can be watched."""


async def test_the_event_of_a_temporary_child_is_not_kept(office: Office) -> None:
    await office.start("temporary", max_demand=2)
    event = Large()
    watch = weakref.ref(event)
    await office.give(event)
    # A process has its last message in hand until the next one.
    await office.give(1)
    assert office.starts == [event, 1]
    office.starts.clear()
    office.starts.pids.clear()
    del event
    gc.collect()
    assert watch() is None


async def test_who_was_not_asked_cannot_start_children(office: Office) -> None:
    await office.start(max_demand=1)
    stranger = Hand(office.runtime)
    await stranger.to_consumer(office.pid, stranger.new_tag(), [1])
    assert office.starts == []
    assert stranger.read() == [("cancel", "unknown_subscription")]


async def test_nothing_is_left_when_it_has_ended(office: Office) -> None:
    await office.start("transient", max_demand=5)
    await office.give(1, 2, 3)
    await office.root.stop(office.pid)
    await office.root.exit(office.hand.pid, "kill")
    await settle()
    assert_only_the_root(office.runtime)
