"""A task supervisor, asked by hand as Elixir asks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
import etf
from ergopy import Atom
from tests.gen.task.kit import TASKS
from tests.runtimes import find, inside, settle

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime


class Elixir:
    """Asks a task supervisor by hand, as another node would."""

    def __init__(self, me: Process) -> None:
        self.me = me
        self.owner = (Atom("e@h"), me.pid, me.pid)

    async def start(
        self, *start: Any, restart: Any = None, shutdown: Any = None
    ) -> Any:
        request = (Atom("start_task"), list(start), restart, shutdown)
        return await self.me.call(TASKS, request, None)


MFAS = [
    ((Atom("m"), Atom("double"), [4]), 8),
    ((Atom("erlang"), Atom("apply"), [Atom("m"), Atom("double"), [4]]), 8),
    (
        (
            Atom("erlang"),
            Atom("apply"),
            [etf.Export(Atom("m"), Atom("double"), 1), [4]],
        ),
        8,
    ),
]


@pytest.mark.parametrize(("mfa", "value"), MFAS)
@pytest.mark.parametrize("ref", ["alias", "position", "unheard"])
async def test_the_handshake_of_elixir(
    tasks: Runtime, mfa: Any, value: Any, ref: str
) -> None:
    async def body(me: Process) -> Any:
        ok, pid = await Elixir(me).start(Elixir(me).owner, Atom("monitor"))
        monitor = me.monitor_nowait(pid, alias="demonitor")
        # A stream says a pair, and its own pid; start_child a reference to nowhere.
        tag: Any = {
            "alias": (monitor, monitor),
            "position": ((monitor, 7), me.pid),
            "unheard": (me.new_ref(),) * 2,
        }[ref]
        await me.send(pid, (me.pid, *tag, [me.pid], mfa))
        if ref != "unheard":
            assert await me.receive() == (tag[0], value)
        assert (ok, (await me.receive()).reason) == ("ok", "normal")

    await inside(tasks, body)


ENDS = [
    ((Atom("os"), Atom("system"), [b"id"]), ("undef", [("os", "system", [b"id"], [])])),
    ((Atom("m"), Atom("double"), []), ("undef", [("m", "double", [], [])])),
    ((Atom("m"), Atom("double"), 7), ("badarg", ...)),
    (7, ("badarg", ...)),
]


@pytest.mark.parametrize(("mfa", "reason"), ENDS)
async def test_what_is_not_exported_ends_as_on_a_beam(
    tasks: Runtime, mfa: Any, reason: Any
) -> None:
    async def body(me: Process) -> Any:
        _, pid = await Elixir(me).start(Elixir(me).owner, Atom("monitor"))
        monitor = me.monitor_nowait(pid, alias="demonitor")
        await me.send(pid, (me.pid, monitor, monitor, [me.pid], mfa))
        return (await me.receive()).reason

    word, stack = await inside(tasks, body)
    assert word == reason[0]
    assert reason[1] in (..., stack)


async def test_a_task_that_is_told_nothing_ends(
    tasks: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    async def body(me: Process) -> Any:
        _, pid = await Elixir(me).start(Elixir(me).owner, Atom("monitor"))
        monitor = me.monitor_nowait(pid)
        began = trio.current_time()
        down = await me.receive(monitor)
        return down.reason, trio.current_time() - began

    assert await inside(tasks, body) == ("timeout", pytest.approx(5))


async def test_a_task_whose_owner_ends_before_its_word_ends(tasks: Runtime) -> None:
    pids: list[Any] = []

    async def body(me: Process) -> None:
        pids.append(await Elixir(me).start(Elixir(me).owner, Atom("monitor")))

    await inside(tasks, body)
    await settle()
    assert tasks.find(pids[0][1]) is None


@pytest.mark.parametrize(
    ("start", "restart", "shutdown"),
    [
        ([], None, None),
        ([7], None, None),
        ([(Atom("n"), Atom("x"), 7), Atom("monitor")], None, None),
        ([...], Atom("sometimes"), None),
        ([...], None, -1),
        ([...], None, Atom("never")),
    ],
)
async def test_a_bad_start_is_refused_with_an_answer(
    tasks: Runtime, start: Any, restart: Any, shutdown: Any
) -> None:
    async def body(me: Process) -> Any:
        elixir = Elixir(me)
        good = [elixir.owner, Atom("monitor")]
        told = good if start == [...] else start
        return await elixir.start(*told, restart=restart, shutdown=shutdown)

    answer = await inside(tasks, body)
    assert answer[0] == "error"
    assert tasks.whereis(TASKS) is not None


@pytest.mark.parametrize(
    ("shutdown", "seconds"),
    [(None, 5), (2000, 2), (1, 0.001), (0, 0), (Atom("brutal_kill"), 0)],
)
async def test_the_time_to_end_is_that_of_the_start(
    tasks: Runtime, autojump_clock: trio.abc.Clock, shutdown: Any, seconds: float
) -> None:
    async def stay() -> None:
        ergopy.self().trap_exit = True
        await trio.sleep_forever()

    tasks.root.node.exports.export("m", {"stay": stay})

    async def body(me: Process) -> Any:
        elixir = Elixir(me)
        mfa: Any = (Atom("m"), Atom("stay"), [])
        _, pid = await elixir.start(elixir.owner, [me.pid], mfa, shutdown=shutdown)
        await settle()
        assert find(tasks, pid).label == "m:stay"
        began = trio.current_time()
        await me.stop(TASKS, "shutdown", None)
        return trio.current_time() - began

    assert await inside(tasks, body) == pytest.approx(seconds)
