"""A door with a code, and a light with a button: the two callback modes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import ANY

import pytest
import trio

from ergopy import Atom, StartError, StateMachine
from ergopy.gen.state_machine import (
    KEEP,
    POSTPONE,
    EventTimeout,
    Keep,
    Next,
    Repeat,
    Reply,
    StateTimeout,
    Stop,
)
from tests.runtimes import Ends, find, settle

from .free import cast

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


class Door(StateMachine):
    """Opens with the right digits, and closes again after ten seconds."""

    async def init(self, code: str) -> Next:
        self.code = code
        self.digits = ""
        self.log: list[Any] = []
        return Next("locked")

    async def handle_event(self, kind: Any, content: Any, state: Any) -> Any:
        self.log.append((kind, content, state))
        match state, kind, content:
            case _, ("call", from_), "count":
                return Keep(Reply(from_, len(self.digits)))
            case _, ("call", from_), "state":
                return Keep(Reply(from_, state))
            case "locked", "cast", ("digit", digit):
                self.digits = (self.digits + digit)[-len(self.code) :]
                if self.digits == self.code:
                    self.digits = ""
                    return Next("open", StateTimeout(10, "lock"))
                return Keep(StateTimeout(30, "forget"))
            case "locked", "state_timeout", "forget":
                self.digits = ""
            case "open", "cast", ("digit", _):
                return Keep(POSTPONE)
            case "open", "state_timeout", "lock":
                return Next("locked")
        return None


async def test_a_door_opens_with_its_code_and_closes_after_a_while(
    runtime: Runtime, autojump_clock: Any
) -> None:
    root = runtime.root
    door = await root.start(Door, "12")
    await cast(runtime, door, ("digit", "1"))
    assert await root.call(door, "count") == 1
    await trio.sleep(31)
    assert await root.call(door, "count") == 0
    await cast(runtime, door, ("digit", "1"), ("digit", "2"))
    assert await root.call(door, "state") == "open"
    await cast(runtime, door, ("digit", "1"))
    await trio.sleep(9.9)
    assert await root.call(door, "state") == "open"
    await trio.sleep(0.2)
    assert await root.call(door, "state") == "locked"
    # The digit was typed while it was open.
    assert await root.call(door, "count") == 1


class Light(StateMachine):
    """A state function for each state, told when the state begins."""

    callback_mode = "state_functions"
    state_enter = True

    async def init(self, first: Any = "off") -> Next:
        self.log: list[Any] = []
        return Next(first)

    async def off(self, kind: Any, content: Any) -> Any:
        self.log.append(("off", kind, content))
        match kind:
            case "cast":
                return Next("on")
            case ("call", from_):
                return Keep(Reply(from_, self.log))
        return KEEP

    async def on(self, kind: Any, content: Any) -> Any:
        self.log.append(("on", kind, content))
        match kind, content:
            case "enter", _:
                return Keep(EventTimeout(60, "burnt"))
            case "cast", "again":
                return Repeat()
            case "cast", _:
                return Next("off")
            case "timeout", "burnt":
                return Stop(Atom("burnt"))
            case "info", name:
                return Next(name)
        return KEEP


async def test_state_functions_and_state_enter_calls(runtime: Runtime) -> None:
    pid = await runtime.root.start(Light)
    await cast(runtime, pid, "push", "again", "push")
    assert await runtime.root.call(pid, "log") == [
        ("off", "enter", "off"),
        ("off", "cast", "push"),
        ("on", "enter", "off"),
        ("on", "cast", "again"),
        ("on", "enter", "on"),
        ("on", "cast", "push"),
        ("off", "enter", "on"),
        ("off", ("call", ANY), "log"),
    ]


async def test_a_timeout_that_a_state_enter_call_starts_is_for_the_new_state(
    runtime: Runtime, autojump_clock: Any
) -> None:
    pid = await runtime.root.start(Light)
    ends = Ends(find(runtime, pid))
    await cast(runtime, pid, "push")
    await trio.sleep(61)
    assert ends.reasons == ["burnt"]


@pytest.mark.parametrize(
    "name",
    ["nothing", "send", "init", "_suspended", "state", 7, "handle_event", "log", ""],
)
async def test_what_is_no_state_function_is_no_state(
    runtime: Runtime, name: Any
) -> None:
    with pytest.raises(StartError, match="no callback for the state"):
        await runtime.root.start(Light, name)
    pid = await runtime.root.start(Light)
    ends = Ends(find(runtime, pid))
    await cast(runtime, pid, "push")
    await runtime.root.send(pid, name)
    await settle()
    ((python, kind, text, _),) = ends.reasons
    assert (python, kind) == ("python", b"builtins.ValueError")
    assert b"no callback for the state" in text
