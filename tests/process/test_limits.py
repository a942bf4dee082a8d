"""Mailboxes with a limit: each policy, and what no limit keeps out."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from ergopy import Atom, Down, ExitMessage, MailboxFull, MailboxLimit
from tests.runtimes import Ends, idle, mail, settle, sleeper

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime


def limited(
    runtime: Runtime, limit: int, policy: Any, *, trap: bool = False
) -> Process:
    process = runtime.spawn(
        idle, (), label="limited", mailbox=MailboxLimit(limit, policy)
    )
    process.trap_exit = trap
    return process


async def fill(sender: Process, target: Process, count: int) -> list[int]:
    """Send 0..count-1; return the numbers that were refused."""
    refused = []
    for number in range(count):
        try:
            await sender.send(target.pid, number)
        except MailboxFull as error:
            refused.append(number)
            told = (error.pid, error.limit)
            if told != (target.pid, 3):
                raise
    return refused


@pytest.mark.parametrize(
    ("policy", "kept", "refused", "dropped"),
    [
        ("drop_new", [0, 1, 2], [], 3),
        ("drop_old", [3, 4, 5], [], 3),
        ("raise", [0, 1, 2], [3, 4, 5], 0),
    ],
)
async def test_what_a_full_mailbox_does_with_more(
    runtime: Runtime, policy: str, kept: list[int], refused: list[int], dropped: int
) -> None:
    target = limited(runtime, 3, policy)
    assert await fill(runtime.root, target, 6) == refused
    assert mail(target) == kept
    assert target.dropped == dropped


async def test_the_message_too_many_kills_if_that_is_the_policy(
    runtime: Runtime,
) -> None:
    target = limited(runtime, 3, "kill", trap=True)
    ends = Ends(target)
    assert await fill(runtime.root, target, 6) == []
    await settle()
    assert ends.reasons == [Atom("killed")]


@pytest.mark.parametrize("policy", ["drop_new", "drop_old", "raise", "kill"])
async def test_signals_are_neither_dropped_nor_refused(
    runtime: Runtime, policy: str
) -> None:
    target = limited(runtime, 3, policy, trap=True)
    await fill(runtime.root, target, 3)
    other = sleeper(runtime)
    ref = target.monitor_nowait(other.pid)
    target.link_nowait(other.pid)
    await runtime.root.exit(target.pid, "hello")
    await runtime.root.exit(other.pid, "over")
    await settle()
    assert target.alive
    assert mail(target)[:3] == [0, 1, 2]
    assert sorted(mail(target)[3:], key=len) == [
        ExitMessage(runtime.root.pid, Atom("hello")),
        ExitMessage(other.pid, Atom("over")),
        Down(ref, other.pid, Atom("over")),
    ]


async def test_dropping_the_oldest_spares_signals(runtime: Runtime) -> None:
    target = limited(runtime, 3, "drop_old", trap=True)
    await runtime.root.exit(target.pid, "first")
    await fill(runtime.root, target, 6)
    signal = ExitMessage(runtime.root.pid, Atom("first"))
    assert mail(target) == [signal, 4, 5]
    for _ in range(3):
        await runtime.root.exit(target.pid, "first")
    await fill(runtime.root, target, 6)
    assert mail(target) == [signal] * 4 + [4, 5]


async def test_with_signals_only_there_is_nothing_old_to_drop(
    runtime: Runtime,
) -> None:
    target = limited(runtime, 3, "drop_old", trap=True)
    for _ in range(3):
        await runtime.root.exit(target.pid, "x")
    await fill(runtime.root, target, 6)
    assert mail(target) == [ExitMessage(runtime.root.pid, Atom("x"))] * 3
    assert target.dropped == 6


async def test_an_episode_is_logged_once_and_ends_at_half_of_the_limit(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    target = limited(runtime, 10, "drop_new")
    for number in range(50):
        runtime.root.send_nowait(target.pid, number)
    assert len(caplog.records) == 1
    assert "limited is full (10 messages)" in caplog.text
    for _ in range(4):
        await target.receive()
    for number in range(50):
        runtime.root.send_nowait(target.pid, number)
    assert len(caplog.records) == 1
    for _ in range(5):
        await target.receive()
    for number in range(50):
        runtime.root.send_nowait(target.pid, number)
    assert len(caplog.records) == 2
    assert target.dropped == 40 + 46 + 45


async def test_a_call_that_is_refused_raises_and_leaves_nothing(
    runtime: Runtime,
) -> None:
    target = limited(runtime, 3, "raise")
    await fill(runtime.root, target, 3)
    with pytest.raises(MailboxFull):
        await runtime.root.call(target.pid, "question")
    assert not runtime.aliases
    assert not target.watchers
    with pytest.raises(MailboxFull):
        await runtime.root.cast(target.pid, "order")


async def test_of_several_destinations_the_others_get_the_message(
    runtime: Runtime,
) -> None:
    full, free = limited(runtime, 3, "raise"), sleeper(runtime)
    await fill(runtime.root, full, 3)
    with pytest.raises(MailboxFull):
        await runtime.root.send([full.pid, free.pid], "both")
    assert mail(free) == ["both"]


async def test_who_answers_and_a_timer_do_not_hear_of_a_full_mailbox(
    runtime: Runtime, autojump_clock: object, caplog: pytest.LogCaptureFixture
) -> None:
    target = limited(runtime, 3, "raise")
    await fill(runtime.root, target, 3)
    caplog.clear()
    await runtime.root.reply((target.pid, Atom("tag")), "answer")
    runtime.root.send_after(0, target.pid, "late")
    await settle()
    assert mail(target) == [0, 1, 2]
    assert len([r for r in caplog.records if r.levelno >= logging.WARNING]) <= 1


async def test_messages_from_other_nodes_are_dropped_where_local_ones_are_refused(
    runtime: Runtime,
) -> None:
    target = limited(runtime, 3, "raise")
    for number in range(5):
        target.deliver(number)
    target.deliver_priority("first")
    assert mail(target) == [0, 1, 2]
    assert target.dropped == 3


async def test_a_mailbox_without_a_limit_takes_everything(runtime: Runtime) -> None:
    target = sleeper(runtime)
    await fill(runtime.root, target, 5000)
    assert target.message_count() == 5000
    assert target.dropped == 0


@pytest.mark.parametrize("arguments", [(0,), (-1,), (1.5,), (True,), (5, "drop")])
def test_a_limit_that_is_none_is_refused(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match="not"):
        MailboxLimit(*arguments)
