"""Spawn requests to another node: the answer is a message, and may be given up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ergopy import Atom, Down, ExitMessage
from ergopy.dist.flags import OFFERED_VISIBLE, Flag
from ergopy.node.remote_spawn import Asked, abandon, send_request
from tests.node.fakes import THEIRS, FakePeer
from tests.node.wanted import ABANDONED, OOPS, wanted
from tests.runtimes import mail, settle, sleeper

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime

TAG = Atom("spawn_reply")


class Requester:
    """A process that asks and does not wait."""

    def __init__(self, fake: FakePeer, runtime: Runtime) -> None:
        self.fake = fake
        self.caller = sleeper(runtime, trap=True)

    def ask(self, flags: int = 0, reply: str = "yes", tag: Any = TAG) -> Asked:
        record = Asked(self.caller, self.fake.peer, reply, tag)
        send_request(self.caller, self.fake.peer, wanted(flags), record)
        return record

    def answer(self, record: Asked, flags: int, result: Any) -> None:
        self.fake.sent()
        self.fake.peer.spawns.pop(record.ref.words).spawned(flags, result)

    def abandon(self, record: Asked, caller: Process | None = None) -> bool:
        return abandon(caller or self.caller, [self.fake.peer], record.ref)


@pytest.fixture
async def requester(fake: FakePeer, runtime: Runtime) -> Requester:
    return Requester(fake, runtime)


async def test_the_answer_of_a_request_is_a_message_ahead_of_all_others(
    requester: Requester,
) -> None:
    record = requester.ask(3)
    ref = record.ref
    requester.answer(record, 3, THEIRS)
    requester.fake.peer.monitors.pop(ref.words).fire(OOPS)
    requester.caller.break_link(THEIRS, OOPS)
    assert mail(requester.caller) == [
        (TAG, ref, "ok", THEIRS),
        Down(ref, THEIRS, OOPS),
        ExitMessage(THEIRS, OOPS),
    ]


@pytest.mark.parametrize("reason", ["notsup", "badopt", "noconnection"])
async def test_a_refused_request_sets_nothing_up(
    requester: Requester, reason: str
) -> None:
    record = requester.ask(3)
    requester.answer(record, 0, Atom(reason))
    assert mail(requester.caller) == [(TAG, record.ref, "error", reason)]
    requester.fake.assert_nothing_is_kept()


@pytest.mark.parametrize(
    ("reply", "answers"),
    [
        ("yes", ["ok", "error"]),
        ("no", []),
        ("success_only", ["ok"]),
        ("error_only", ["error"]),
    ],
)
async def test_only_the_answers_that_are_wanted_come(
    requester: Requester, reply: str, answers: list[str]
) -> None:
    tag = (Atom("my"), 1)
    requester.answer(requester.ask(0, reply, tag), 0, THEIRS)
    requester.answer(requester.ask(0, reply, tag), 0, Atom("badopt"))
    got = mail(requester.caller)
    assert [message[2] for message in got] == answers
    assert all(message[0] == tag for message in got)


async def test_the_loss_of_the_node_answers_each_request_once(
    requester: Requester,
) -> None:
    records = [requester.ask(flags) for flags in range(4)]
    requester.fake.peer.lost()
    requester.fake.peer.lost()
    assert mail(requester.caller) == [
        (TAG, record.ref, "error", "noconnection") for record in records
    ]
    requester.fake.assert_nothing_is_kept()


@pytest.mark.parametrize("flags", [0, 1, 2, 3])
async def test_an_abandoned_request_is_heard_of_no_more(
    requester: Requester, flags: int
) -> None:
    record = requester.ask(flags)
    assert requester.abandon(record)
    assert not requester.abandon(record)
    requester.answer(record, flags, THEIRS)
    me = requester.caller.pid
    expected: list[Any] = [(20, me, THEIRS, record.ref)] if flags & 2 else []
    expected += [(24, me, THEIRS, ABANDONED)] if flags & 1 else []
    assert requester.fake.sent() == expected
    assert not mail(requester.caller)
    requester.fake.assert_nothing_is_kept()
    assert not requester.abandon(record)


async def test_a_request_that_is_answered_cannot_be_abandoned(
    requester: Requester, runtime: Runtime
) -> None:
    record = requester.ask()
    assert not requester.abandon(record, caller=sleeper(runtime))
    requester.answer(record, 0, THEIRS)
    assert not requester.abandon(record)
    assert len(mail(requester.caller)) == 1


@pytest.mark.parametrize("flags", [0, 1, 2, 3])
async def test_the_end_of_the_asking_process_ends_what_was_to_be_linked(
    requester: Requester, flags: int
) -> None:
    record = requester.ask(flags)
    caller = requester.caller
    caller.kill()
    await settle()
    requester.answer(record, flags, THEIRS)
    expected: list[Any] = [(20, caller.pid, THEIRS, record.ref)] if flags & 2 else []
    expected += [(24, caller.pid, THEIRS, "killed")] if flags & 1 else []
    assert requester.fake.sent() == expected
    requester.fake.assert_nothing_is_kept()


async def test_a_request_waits_for_the_connection_and_is_refused_by_an_old_node(
    runtime: Runtime,
) -> None:
    requester = Requester(FakePeer(runtime), runtime)
    record = requester.ask(3)
    assert not mail(requester.caller)
    requester.fake.connect(OFFERED_VISIBLE & ~Flag.SPAWN)
    assert mail(requester.caller) == [(TAG, record.ref, "error", "notsup")]
    again = requester.ask()
    assert mail(requester.caller)[1:] == [(TAG, again.ref, "error", "notsup")]
    assert requester.fake.sent() == []
    requester.fake.assert_nothing_is_kept()
