"""Random lives of a scope against what the rules say: who is told, missed, stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio
from hypothesis import given
from hypothesis import strategies as st

from ergopy import Down, Exit, GenServer, NeededChildExited, Scope
from tests.runtimes import assert_only_the_root, inside, running, settle

if TYPE_CHECKING:
    from ergopy import Pid, Process

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("start"), st.booleans()),
        st.tuples(st.just("end"), st.integers(0, 5)),
        st.tuples(st.just("stop"), st.integers(0, 5)),
    ),
    max_size=12,
)


class Child(GenServer):
    async def init(self, log: list[Any], number: int) -> None:
        self.process.trap_exit = True
        self.log, self.number = log, number

    async def handle_info(self, message: Any) -> None:
        raise Exit("by itself")

    async def terminate(self, reason: Any) -> None:
        self.log.append((self.number, reason))


class Model:
    """What ought to happen."""

    def __init__(self) -> None:
        self.alive: list[tuple[int, bool]] = []
        self.ended: list[tuple[int, str]] = []
        self.told: list[int] = []
        self.missed: int | None = None
        self.started = 0

    def start(self, needed: bool) -> int:
        self.alive.append((self.started, needed))
        self.started += 1
        return self.started - 1

    def end(self, which: int) -> int:
        number, needed = self.alive.pop(which)
        self.ended.append((number, "by itself"))
        if needed:
            self.missed = number
        else:
            self.told.append(number)
        return number

    def stop(self, which: int) -> int:
        number, _ = self.alive.pop(which)
        self.ended.append((number, "shutdown"))
        return number

    def close(self) -> None:
        self.ended += [(number, "shutdown") for number, _ in reversed(self.alive)]


@given(STEPS)
def test_a_scope_does_what_the_rules_say(steps: list[tuple[str, Any]]) -> None:
    log: list[Any] = []
    told: list[Pid] = []
    pids: list[Pid] = []
    model = Model()

    async def play(process: Process, scope: Scope) -> None:
        for what, value in steps:
            if what == "start":
                number = model.start(value)
                pids.append(await scope.start(Child, log, number, needed=value))
            elif model.alive:
                which = value % len(model.alive)
                if what == "stop":
                    await scope.stop(pids[model.stop(which)])
                else:
                    await process.send(pids[model.end(which)], "go")
            with trio.CancelScope(shield=True):
                await settle()
            while process.message_count():
                down = await process.receive(Down)
                told.append(down.pid)
            if model.missed is not None:
                await trio.sleep_forever()

    async def body(process: Process) -> Any:
        try:
            async with Scope(process) as scope:
                await play(process, scope)
        except NeededChildExited as error:
            return error.pid, error.why
        return None

    async def main() -> None:
        async with running() as runtime:
            missed = await inside(runtime, body)
            model.close()
            await settle()
            assert_only_the_root(runtime)
            expected = None
            if model.missed is not None:
                expected = (pids[model.missed], "by itself")
            assert missed == expected

    trio.run(main)
    assert log == model.ended
    assert told == [pids[number] for number in model.told]
