"""Messages that starts on another node wait for, read by somebody else."""

from __future__ import annotations

from typing import Any

import pytest
import trio

import ergopy
from ergopy import Atom, Down
from ergopy.gen.registry.answers import Answered, Answers
from tests.runtimes import settle, sleeper

ACK = Atom("ack")


def about(pid: Any) -> Any:
    return lambda message: isinstance(message, tuple) and message[1] == pid


async def test_each_start_gets_its_own_answer(runtime) -> None:
    answers, process = Answers(), sleeper(runtime)
    one, two = sleeper(runtime).pid, sleeper(runtime).pid
    got: dict[Any, Any] = {}

    async def waits(pid: Any) -> None:
        got[pid] = await answers.receive(process, about(pid), 5)

    with answers:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(waits, one)
            nursery.start_soon(waits, two)
            await settle()
            assert answers.take((ACK, two, "two"))
            assert answers.take((ACK, one, "one"))
    assert got == {one: (ACK, one, "one"), two: (ACK, two, "two")}
    assert not answers._waiting


async def test_an_answer_that_comes_early_is_kept(runtime) -> None:
    answers, process = Answers(), sleeper(runtime)
    ref, other = process.new_ref(), process.new_ref()
    down = Down(ref, process.pid, Atom("noproc"))
    with answers:
        assert answers.take(Down(other, process.pid, Atom("noproc")))
        assert answers.take(down)
        standing = Answered(process, answers)
        assert await standing.receive(ref) == down
        assert standing.pid == process.pid
    assert not answers._early


@pytest.mark.parametrize("message", ["hello", (1, 2, 3), (ACK, 1), 5])
async def test_other_messages_are_for_others(runtime, message: Any) -> None:
    answers = Answers()
    with answers:
        assert not answers.take(message)


async def test_without_a_start_nothing_is_taken(runtime) -> None:
    answers = Answers()
    assert not answers.take((ACK, sleeper(runtime).pid, 1))


async def test_who_gives_up_is_forgotten(runtime, autojump_clock) -> None:
    answers, process = Answers(), sleeper(runtime)
    with answers:
        with pytest.raises(ergopy.ReceiveTimeout):
            await answers.receive(process, about(process.pid), 1)
        with trio.move_on_after(1):
            await answers.receive(process, about(process.pid), 5)
        assert not answers._waiting
