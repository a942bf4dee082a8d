"""The orderly end of all processes: who is told when, and who is killed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio
import trio.testing
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ergopy import (
    ChildSpec,
    Exit,
    ExitMessage,
    GenServer,
    LocalProtocolError,
    Process,
    Supervisor,
)
from ergopy.process.shutdown import LAST_WORDS, shut_down
from tests.runtimes import (
    Ends,
    assert_only_the_root,
    idle,
    running,
    settle,
    sleeper,
)

if TYPE_CHECKING:
    import pytest

    from ergopy.process.runtime import Runtime


async def polite(process: Process, log: list[Any], seconds: float) -> None:
    """End *seconds* after having been told to."""
    process.trap_exit = True
    message = await process.receive(ExitMessage)
    log.append((process.label, message.pid, message.reason))
    await trio.sleep(seconds)
    raise Exit(message.reason)


async def test_each_is_told_by_its_parent_the_youngest_first(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    log: list[Any] = []
    parent = sleeper(runtime)
    runtime.spawn(polite, (log, 0), label="first", parent=parent)
    runtime.spawn(polite, (log, 0), label="second")
    await settle()
    told: list[str] = []
    for process in list(runtime.processes.values()):
        notice(process, told)
    assert await shut_down(runtime, 5) == 0
    assert sorted(log) == [
        ("first", parent.pid, "shutdown"),
        ("second", runtime.root.pid, "shutdown"),
    ]
    assert told == ["second", "first"]
    assert_only_the_root(runtime)
    assert trio.current_time() == 0


def notice(process: Process, told: list[str]) -> None:
    """Note when a process gets a message."""

    class Noticing(type(process)):  # type: ignore[misc]
        __slots__ = ()

        def deliver(self, message: Any) -> None:
            told.append(self.label)
            super().deliver(message)

    process.__class__ = Noticing


async def test_services_live_until_the_last_guest_is_gone(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    log: list[Any] = []
    service = runtime.spawn(polite, (log, 0), label="service", name="service")
    await settle()
    runtime.services = frozenset(runtime.processes)

    async def guest(process: Process) -> None:
        process.trap_exit = True
        await process.receive(ExitMessage)
        await trio.sleep(3)
        log.append(process.whereis("service"))

    runtime.spawn(guest, ())
    await settle()
    assert await shut_down(runtime, 5) == 0
    assert log == [service.pid, ("service", runtime.root.pid, "shutdown")]
    assert trio.current_time() == 3
    assert_only_the_root(runtime)


async def test_services_have_a_second_when_the_guests_took_all_the_time(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    log: list[Any] = []
    runtime.spawn(polite, (log, 0.5), label="service")
    await settle()
    runtime.services = frozenset(runtime.processes)
    guest = Ends(runtime.spawn(polite, (log, 100), label="guest"))
    await settle()
    assert await shut_down(runtime, 2) == 1
    assert [entry[0] for entry in log] == ["guest", "service"]
    assert guest.reasons == ["killed"]
    assert trio.current_time() == 2.5
    assert_only_the_root(runtime)


async def test_nothing_is_started_any_more(runtime: Runtime) -> None:
    problems: list[Exception] = []

    class Late(GenServer):
        async def init(self) -> None:
            self.trap_exit = True

        async def terminate(self, reason: Any) -> None:
            try:
                await self.spawn(idle)
            except LocalProtocolError as error:
                problems.append(error)

    await runtime.root.start(Late)
    assert await shut_down(runtime, 5) == 0
    assert "not running" in str(problems[0])


async def test_names_are_free_and_links_and_monitors_told(runtime: Runtime) -> None:
    ended: list[Any] = []

    class Watcher(GenServer):
        async def init(self, target: Any) -> None:
            self.trap_exit = True
            await self.monitor(target)

        async def handle_info(self, message: Any) -> None:
            ended.append(message[-1])

        async def terminate(self, reason: Any) -> None:
            ended.append(await self.receive(lambda m: m[0] == "DOWN"))

    target = sleeper(runtime, name="target")
    await runtime.root.start(Watcher, target.pid)
    assert await shut_down(runtime, 5) == 0
    assert ended[0][4] == "shutdown"
    assert not runtime.names


async def test_helpers_end_with_their_process(runtime: Runtime) -> None:
    ended: list[str] = []

    async def helper() -> None:
        try:
            await trio.sleep_forever()
        finally:
            ended.append("helper")

    async def body(process: Process) -> None:
        process.start_soon(helper)
        await trio.sleep_forever()

    runtime.spawn(body, ())
    await settle()
    assert await shut_down(runtime, 5) == 0
    await settle()
    assert ended == ["helper"]


async def test_who_does_not_even_heed_the_kill_is_logged_with_its_stack(
    runtime: Runtime,
    autojump_clock: trio.testing.MockClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def shielded(process: Process) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(1000)

    process = runtime.spawn(shielded, (), label="deaf")
    await settle()
    assert await shut_down(runtime, 2) == 1
    assert trio.current_time() == 2 + LAST_WORDS
    assert "process deaf was killed but does not end" in caplog.text
    assert "await trio.sleep(1000)" in caplog.text
    await trio.sleep(1000)
    assert not process.alive
    assert_only_the_root(runtime)


async def test_a_body_that_swallows_its_cancellation_ends_nevertheless(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    async def deaf(process: Process) -> None:
        for _ in range(3):
            try:
                await trio.sleep_forever()
            except trio.Cancelled:
                swallowed.append(trio.current_time())

    swallowed: list[float] = []
    ends = Ends(runtime.spawn(deaf, ()))
    await settle()
    assert await shut_down(runtime, 2) == 0
    assert ends.reasons == ["shutdown"]
    assert swallowed == [0, 0, 0]


async def test_a_supervised_child_is_ended_by_its_supervisor_in_its_order(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    log: list[str] = []

    class Kid(GenServer):
        async def init(self, name: str) -> None:
            self.trap_exit = True
            self.name = name

        async def terminate(self, reason: Any) -> None:
            await trio.sleep(1)
            log.append(self.name)

    kids = [ChildSpec(Kid, name, id=name) for name in ("a", "b", "c")]
    await runtime.root.start(Supervisor, kids, strategy="rest_for_one")
    assert await shut_down(runtime, 5) == 0
    assert log == ["c", "b", "a"]
    assert trio.current_time() == 3
    assert_only_the_root(runtime)


async def test_who_outlives_its_keeper_is_told_then_and_has_a_second(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    """The keeper does not end until it is killed; the other heeds only one signal."""
    log: list[Any] = []

    async def picky(process: Process) -> None:
        process.trap_exit = True
        await process.receive(lambda m: m.reason == "shutdown")
        log.append((process.parent, trio.current_time()))
        await trio.sleep(0.5)

    keeper = runtime.spawn(polite, (log, 100), label="keeper")
    kept = runtime.spawn(picky, (), label="kept", parent=keeper)
    keeper.link_nowait(kept.pid)
    await settle()
    assert await shut_down(runtime, 2) == 1
    assert log[1:] == [(keeper.pid, 2)]
    assert trio.current_time() == 2.5
    assert_only_the_root(runtime)


PROCESSES = st.lists(
    st.tuples(st.integers(0, 8), st.booleans(), st.sampled_from([0, 0, 1, 3])),
    min_size=1,
    max_size=9,
)


CHAIN = [(8, False, 1), (0, True, 1), (1, True, 1), (2, True, 1)]


@settings(max_examples=100)
@example(CHAIN, 0)
@example(CHAIN, 1)
@given(PROCESSES, st.integers(0, 3))
def test_in_any_forest_who_is_kept_hears_of_it_by_the_end_of_its_keeper(
    plan: list[tuple[int, bool, int]], services: int
) -> None:
    trio.run(
        end_a_forest, plan, services, clock=trio.testing.MockClock(autojump_threshold=0)
    )


async def end_a_forest(plan: list[tuple[int, bool, int]], services: int) -> None:
    told: dict[Process, float] = {}
    ended: dict[Process, float] = {}

    async def body(process: Process, seconds: int) -> None:
        process.trap_exit = True
        message = await process.receive(ExitMessage)
        assert (message.pid, message.reason) == (process.parent, "shutdown")
        told[process] = trio.current_time()
        await trio.sleep(seconds)
        ended[process] = trio.current_time()
        raise Exit(message.reason)

    async with running() as runtime:
        made: list[Process] = []
        keepers: dict[Process, Process] = {}
        for above, linked, seconds in plan:
            parent = made[above] if above < len(made) else None
            process = runtime.spawn(body, (seconds,), parent=parent)
            if parent is not None and linked:
                parent.link_nowait(process.pid)
                keepers[process] = parent
            made.append(process)
            if len(made) <= services:
                runtime.services = frozenset(runtime.processes)
        await settle()
        start = trio.current_time()
        assert await shut_down(runtime, 1000) == 0
        assert_only_the_root(runtime)
    for process in made:
        keeper = keepers.get(process)
        if keeper is not None:
            assert told[process] == ended[keeper]
    services_at = max(
        [ended[p] for p in made if not is_service(p, keepers, made, services)],
        default=start,
    )
    for process in made:
        if process not in keepers:
            late = is_service(process, keepers, made, services)
            assert told[process] == (services_at if late else start)


def is_service(
    process: Process, keepers: dict[Process, Process], made: list[Process], count: int
) -> bool:
    while process in keepers and process not in made[:count]:
        process = keepers[process]
    return process in made[:count]
