"""The matrix of exit signals inside a node and between two, as BEAMs have it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

import etf
from tests.exit_matrix import CASES, Sender, Target, died, key, known, lives
from tests.runtimes import Ends, mail, settle, sleeper

if TYPE_CHECKING:
    import ergopy

KNOWN = known()


def test_every_case_has_a_known_outcome() -> None:
    assert {key(*case) for case in CASES} == set(KNOWN)


@pytest.mark.parametrize("place", ["inside a node", "between two"])
async def test_exit_signals_have_the_outcome_they_have_on_beams(
    pair: tuple[ergopy.Node, ergopy.Node], place: str
) -> None:
    here, there = pair
    if place == "inside a node":
        there = here
    for case in CASES:
        way, trap, text = case
        target = Target(trap)
        pid = await here.spawn(target)
        process: Any = here.runtime.find(pid)
        ends = Ends(process)
        await until(lambda target=target: target.alias is not None)
        sender = await there.spawn(Sender(way, pid, target.alias, etf.parse(text)))
        await until(lambda s=sender: there.runtime.find(s) is None)
        assert await there.ping(here.name)
        await here.send(pid, "report")
        await until(lambda e=ends, t=target: e.reasons or t.reports)
        if ends.reasons:
            seen = died(*ends.reasons)
        else:
            seen = lives(target.mail, sender, pid)
            await here.runtime.root.exit(pid, "kill")
        assert seen == KNOWN[key(*case)], case


async def until(condition: Any) -> None:
    with trio.fail_after(30):
        while not condition():
            await trio.lowlevel.checkpoint()


async def test_the_reason_given_first_is_the_one_told_in_the_middle_of_a_step(
    pair: tuple[ergopy.Node, ergopy.Node],
) -> None:
    here, _ = pair
    told: list[Any] = []

    async def busy(process: ergopy.Process) -> None:
        await here.runtime.root.exit(process.pid, "first")
        await here.runtime.root.exit(process.pid, "kill")
        raise RuntimeError("after the signal")

    pid = await here.spawn(busy)
    told = Ends(here.runtime.find(pid)).reasons  # type: ignore[arg-type]
    await until(lambda: told)
    assert told == ["first"]


async def test_kill_ends_a_clean_up_and_is_the_reason(
    pair: tuple[ergopy.Node, ergopy.Node],
) -> None:
    import ergopy

    here, there = pair
    cleaning = trio.Event()

    class Slow(ergopy.GenServer):
        terminate_timeout = 3600

        async def init(self) -> None:
            self.trap_exit = True

        async def terminate(self, reason: Any) -> None:
            cleaning.set()
            await trio.sleep_forever()

        async def handle_info(self, message: Any) -> Any:
            return ergopy.Stop("over")

    pid = await here.start(Slow)
    watcher = sleeper(there.runtime)
    await watcher.monitor(pid)
    await there.send(pid, "end")
    with trio.fail_after(30):
        await cleaning.wait()
    await there.runtime.root.exit(pid, "kill")
    await until(lambda: mail(watcher))
    assert mail(watcher)[0].reason == "killed"


async def test_a_dead_pid_and_a_pid_of_an_earlier_start_take_no_signal(
    pair: tuple[ergopy.Node, ergopy.Node],
) -> None:
    import ergopy

    here, there = pair
    trapping = sleeper(here.runtime, trap=True)
    pid = trapping.pid
    old = ergopy.Pid(pid.node, pid.id, pid.serial, pid.creation - 1)
    gone = await here.spawn(Target(False))
    await here.runtime.root.exit(gone, "kill")
    await settle()
    for sender in (here.runtime.root, there.runtime.root):
        for dest in (old, gone):
            await sender.exit(dest, "boom")
            await sender.send(dest, "lost")
    assert await there.ping(here.name)
    assert mail(trapping) == []
    await here.runtime.root.exit(pid, "kill")
