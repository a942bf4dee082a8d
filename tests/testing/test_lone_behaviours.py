"""Every behaviour runs alone, without a node."""

from __future__ import annotations

from typing import Any

import trio

from ergopy import (
    Agent,
    Atom,
    ChildSpec,
    EventHandler,
    EventManager,
    GenServer,
    Registry,
    StateMachine,
    Supervisor,
    agent,
    event_manager,
    supervisor,
)
from ergopy.gen.state_machine import Next, Reply, StateTimeout
from ergopy.testing import (
    ProcessStarted,
    Sent,
    SupervisorReport,
    event_log,
    faults,
    lone_process,
    spy,
)
from tests.runtimes import settle


class Door(StateMachine):
    """Locks itself a minute after it was opened, and tells the guard."""

    async def init(self) -> Any:
        return Next("locked")

    async def handle_event(self, kind: Any, content: Any, state: Any) -> Any:
        match state, kind, content:
            case "locked", ("call", from_), "open":
                return Next("open", Reply(from_, "ok"), StateTimeout(60, "lock"))
            case "open", "state_timeout", "lock":
                await self.send("guard", Atom("locked"))
                return Next("locked")
        return None


async def test_a_state_machine_with_its_timeout(autojump_clock: Any) -> None:
    async with lone_process(Door) as probe:
        assert await probe.call(Atom("open")) == "ok"
        assert probe.sent == []
        await trio.sleep(61)
        assert probe.sent == [Sent("guard", "locked")]


class Bell(EventHandler):
    """Asks somebody what to do."""

    async def init(self, whom: Any) -> None:
        self.whom = whom

    async def handle_event(self, event: Any) -> None:
        if event == Atom("crash"):
            raise ValueError("as you wish")
        await self.manager.cast(self.whom, event)


async def test_an_event_manager_and_a_handler_that_fails() -> None:
    async with lone_process(EventManager) as probe:
        caller = probe.caller
        await event_manager.add_handler(probe.pid, Bell, "guard", caller=caller)
        await event_manager.sync_notify(probe.pid, Atom("ring"), caller=caller)
        assert probe.sent == [Sent("guard", ("$gen_cast", "ring"))]
        await event_manager.notify(probe.pid, Atom("crash"), caller=caller)
        handlers = await event_manager.which_handlers(probe.pid, caller=caller)
        assert handlers == []
        assert probe.reason is None


class Worker(GenServer):
    """Crashes when it is told anything."""

    async def init(self, whom: Any) -> None:
        await self.cast(whom, Atom("up"))

    async def handle_cast(self, request: Any) -> Any:
        raise ValueError("as you wish")


CAST_UP = Sent("guard", ("$gen_cast", "up"))


async def test_a_supervisor_restarts_real_children_and_gives_up() -> None:
    children = [ChildSpec(Worker, "guard", id="a"), ChildSpec(Worker, "guard", id="b")]
    options = {"strategy": "one_for_all", "intensity": 1, "period": 5}
    async with lone_process(Supervisor, children, **options) as probe:
        assert probe.sent == [CAST_UP, CAST_UP]
        assert len(probe.spawned) == 2
        (_, first, _, _), _ = await probe.call(Atom("which_children"))
        await crash(probe, first)
        assert probe.sent == [CAST_UP] * 4
        (_, second, _, _), _ = await probe.call(Atom("which_children"))
        assert second != first
        await crash(probe, second)
        assert await probe.ended() == "shutdown"


async def test_a_supervisor_ends_its_children_and_takes_new_ones() -> None:
    async with lone_process(Supervisor, []) as probe:
        spec = ChildSpec(Worker, "guard", name="worker")
        pid = await supervisor.start_child(probe.pid, spec, caller=probe.caller)
        assert pid in probe.links
        await probe.exit("shutdown", probe.caller.pid)
        assert await probe.ended() == "shutdown"
        assert probe.caller.whereis("worker") is None


async def test_the_kit_is_laid_over_what_runs_alone() -> None:
    spec = ChildSpec(Worker, "guard", name="worker")
    async with lone_process(Supervisor, [], name="shop") as probe:
        with event_log(probe) as log, faults(probe) as bad:
            bad.crash("worker", "hello")
            await supervisor.start_child(probe.pid, spec, caller=probe.caller)
            with spy(probe, "worker") as seen:
                await probe.caller.send("worker", Atom("hello"))
            await log.wait_for(ProcessStarted, label="worker", count=2)
        assert seen.infos == ["hello"]
        assert log.of(SupervisorReport)[0].reason == "fault"


async def test_an_agent() -> None:
    async with lone_process(Agent, lambda: 1) as probe:
        await agent.update(probe.pid, lambda it: it + 1, caller=probe.caller)
        assert await agent.get(probe.pid, lambda it: it, caller=probe.caller) == 2


async def test_a_registry_starts_a_process_for_a_key() -> None:
    async with lone_process(Registry, name="users", start=Worker) as probe:
        users = Registry.of("users", probe.caller)
        pid, started = await users.ensure(7, "guard")
        assert (started, users.lookup(7)) == (True, pid)
        assert probe.sent == [CAST_UP]
        await crash(probe, pid)
        assert users.lookup(7) is None


async def crash(probe: Any, pid: Any) -> None:
    await probe.process.cast(pid, Atom("crash"))
    await settle()
