"""A state machine and an event manager as children of a supervisor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ergopy import (
    ChildSpec,
    EventHandler,
    EventManager,
    StateMachine,
    Supervisor,
    event_manager,
    supervisor,
)
from ergopy.gen.state_machine import Keep, Next, Reply
from tests.runtimes import settle

if TYPE_CHECKING:
    import pytest

    from ergopy.process.runtime import Runtime


class Log(EventHandler):
    async def handle_event(self, event: Any) -> None:
        pass


class Switch(StateMachine):
    async def init(self) -> Next:
        return Next("off")

    async def handle_event(self, kind: Any, content: Any, state: Any) -> Any:
        match kind:
            case ("call", from_):
                return Keep(Reply(from_, state))
            case "cast":
                return Next(content)
        raise ValueError("wanted")


async def test_both_are_started_again(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    root = runtime.root
    children = [
        ChildSpec(EventManager, Log, name="events"),
        ChildSpec(Switch, name="sw"),
    ]
    top = await root.start(Supervisor, children)
    await root.cast("sw", "on")
    assert await root.call("sw", "state") == "on"
    await root.send("sw", "crash")
    events = root.whereis("events")
    assert events is not None
    await root.exit(events, "kill")
    await settle()
    assert await root.call("sw", "state") == "off"
    names = await event_manager.which_handlers("events", caller=root)
    assert names == [f"{Log.__module__}.Log"]
    found = await supervisor.which_children(top, caller=root)
    assert {child.id: child.type for child in found} == {
        "sw": "worker",
        "events": "worker",
    }
    assert {child.id: child.modules for child in found}["events"] == "dynamic"
