"""What ``sys`` shows of a machine, and changes in it."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any

import pytest

from ergopy import Atom
from ergopy.gen.state_machine import POSTPONE, Keep, Next, Reply, StateTimeout, Timeout
from ergopy.process.atoms import SYSTEM
from ergopy.process.calls import call
from tests.runtimes import settle

from .free import SEEN, Free, cast

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


class Colour(enum.Enum):
    RED = 1


async def ask(runtime: Runtime, pid: Any, request: Any) -> Any:
    return await call(runtime.root, pid, request, 5, kind=SYSTEM)


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("locked", Atom("locked")),
        (Colour.RED, Atom("RED")),
        ((Atom("open"), 5), (Atom("open"), 5)),
        (range(2), "range(0, 2)"),
    ],
)
async def test_sys_shows_state_and_data(
    runtime: Runtime, state: Any, shown: Any
) -> None:
    pid = await runtime.root.start(Free, Next(state))
    _, (seen, data) = await ask(runtime, pid, Atom("get_state"))
    assert seen == shown
    assert type(seen) is type(shown)
    assert data == {"seen": []}


async def test_get_status_has_the_shape_of_a_gen_statem(runtime: Runtime) -> None:
    pid = await runtime.root.start(Free, name="shown")
    await cast(runtime, pid, lambda _: Keep(Timeout("n", 9, "c"), StateTimeout(8)))
    await runtime.root.send(pid, lambda _: Keep(POSTPONE))
    await settle()
    SEEN.clear()
    match await ask(runtime, pid, Atom("get_status")):
        case ("status", _, ("module", module), [_, "running", _, [], parts]):
            header, (_, items), (_, [(text, (state, _))]) = parts
        case other:
            pytest.fail(f"not the shape: {other!r}")
    assert header == ("header", "Status for state machine shown")
    assert (text, state) == ("State", "s")
    names = [name for name, _ in items]
    expected = ["Status", "Parent", "Modules", "Time-outs", "Logged Events"]
    assert names == [*expected, "Postponed"]
    items = dict(items)
    assert items["Modules"] == [module]
    pending = [(("timeout", "n"), "c"), ("state_timeout", None)]
    assert items["Time-outs"] == (2, pending)
    assert [kind for kind, _ in items["Postponed"]] == ["info"]


async def test_sys_log_has_the_events(runtime: Runtime) -> None:
    pid = await runtime.root.start(Free)
    await ask(runtime, pid, ("debug", ("log", True)))
    await cast(runtime, pid, 1)
    await runtime.root.call(pid, lambda from_: Keep(Reply(from_, 2)))
    _, events = await ask(runtime, pid, ("debug", ("log", Atom("get"))))
    assert events[0] == ("in", ("cast", 1))
    assert [event[0] for event in events] == ["in", "in", "out"]


async def test_replacing_the_state_is_no_change_of_state(runtime: Runtime) -> None:
    pid = await runtime.root.start(Free)
    await cast(runtime, pid, lambda _: Keep(POSTPONE))

    def replace(machine: Any) -> Any:
        machine.state = "t"
        return machine.state

    assert await ask(runtime, pid, (Atom("replace_state"), replace)) == ("ok", "t")
    await cast(runtime, pid, 1)
    assert [entry[2] for entry in SEEN] == ["s", "t"]
