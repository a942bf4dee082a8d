"""Receiving by reference: what is taken, and that what is older costs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ergopy import Atom, Down, Process, ReceiveTimeout
from ergopy.process.message_queue import Newer
from tests.runtimes import inside, mail, sleeper

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


class Old(tuple):
    """A message that must not be looked into."""

    looked_into = 0

    def __getitem__(self, index: Any) -> Any:
        Old.looked_into += 1
        return super().__getitem__(index)


@pytest.fixture(autouse=True)
def nobody_has_looked() -> None:
    Old.looked_into = 0


def crowd(process: Process, count: int = 100_000) -> None:
    for number in range(count):
        process.deliver(Old((Atom("old"), number)))


async def test_a_down_is_found_behind_a_hundred_thousand_messages(
    runtime: Runtime,
) -> None:
    other = sleeper(runtime)

    async def body(process: Process) -> Any:
        crowd(process)
        ref = await process.monitor(other.pid)
        await process.exit(other.pid, "kill")
        return ref, await process.receive(ref), process.message_count()

    ref, down, left = await inside(runtime, body)
    assert down == Down(ref, other.pid, Atom("killed"))
    assert left == 100_000
    assert Old.looked_into == 0


async def test_a_reply_by_alias_is_found_behind_a_hundred_thousand_messages(
    runtime: Runtime,
) -> None:
    async def body(process: Process) -> Any:
        crowd(process)
        alias = process.alias(once=True)
        runtime.root.send_nowait(alias, (alias, b"reply"))
        return alias, await process.receive(alias)

    alias, message = await inside(runtime, body)
    assert message == (alias, b"reply")
    assert Old.looked_into == 0


async def test_other_receives_in_between_change_nothing(runtime: Runtime) -> None:
    async def body(process: Process) -> Any:
        crowd(process, 1000)
        refs = []
        for number in range(100):
            refs.append(process.new_ref())
            process.deliver((refs[-1], number))
            process.deliver(number)
        for _ in range(990):
            await process.receive()
        assert await process.receive(lambda m: m == 50) == 50
        Old.looked_into = 0
        answers = [(await process.receive(ref))[1] for ref in reversed(refs)]
        assert answers == list(range(99, -1, -1))
        assert Old.looked_into <= 10
        kept = [number for number in range(100) if number != 50]
        assert mail(process)[10:] == kept
        return mail(process)[:10]

    assert await inside(runtime, body) == [
        (Atom("old"), number) for number in range(990, 1000)
    ]


async def test_a_reference_of_another_node_is_looked_for_everywhere(
    runtime: Runtime,
) -> None:
    theirs = runtime.new_reference()
    foreign = type(theirs)("x@y", 3, theirs.words)

    async def body(process: Process) -> Any:
        process.deliver((foreign, 1))
        process.new_ref()
        process.deliver("later")
        return await process.receive(foreign)

    assert await inside(runtime, body) == (foreign, 1)


async def test_a_receive_by_reference_waits_and_times_out(
    runtime: Runtime, autojump_clock: object
) -> None:
    async def body(process: Process) -> Any:
        process.deliver("old")
        ref = process.new_ref()
        process.send_after(1, process.pid, "other")
        process.send_after(2, process.pid, (Atom("tag"), ref))
        assert await process.receive(ref) == (Atom("tag"), ref)
        with pytest.raises(ReceiveTimeout):
            await process.receive(ref, timeout=5)
        return mail(process)

    assert await inside(runtime, body) == ["old", "other"]


async def test_a_match_of_what_is_newer_than_a_reference_sees_nothing_older(
    runtime: Runtime,
) -> None:
    seen: list[Any] = []

    def wanted(message: Any) -> bool:
        seen.append(message)
        return message == 2

    async def body(process: Process) -> Any:
        crowd(process, 100)
        ref = process.new_ref()
        for message in 1, 2, 3:
            process.deliver(message)
        return await process.receive(Newer(ref, wanted)), process.message_count()

    assert await inside(runtime, body) == (2, 102)
    assert seen == [1, 2]
