"""Two phases, as sagas of ergopy in one node see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import NOREPLY, MailboxLimit, NoReply, Saga, Stop
from tests.gen.saga.parts import Part, answer, chain, sends, start
from tests.runtimes import Ends, settle

if TYPE_CHECKING:
    from ergopy import SagaTransaction
    from ergopy.process.runtime import Runtime


def replies(value: Any) -> Any:
    async def callback(part: Part, *told: Any) -> Any:
        return value

    return callback


async def test_all_are_asked_and_told(runtime: Runtime) -> None:
    parts = await chain(runtime, 3)
    tx = await parts[0].begin("work", two_phase_commit=True)
    assert [part.words for part in parts] == [
        ["new", "result", "prepare", "done"],
        ["new", "result", "prepare", "commit"],
        ["new", "prepare", "commit"],
    ]
    assert all(part.is_clean for part in parts)
    assert tx.state == "committed"
    assert tx.is_over


async def test_all_get_what_the_initiator_says_in_the_end(runtime: Runtime) -> None:
    parts = await chain(runtime, 3)
    parts[0].does["done"] = replies("final")
    await parts[0].begin("work", two_phase_commit=True)
    assert [part.told("commit") for part in parts[1:]] == [["final"]] * 2
    # A vote is about what that saga has sent.
    assert [part.told("prepare") for part in parts] == [["work"]] * 3


@pytest.mark.parametrize("who", [0, 1, 2])
async def test_one_that_refuses_cancels_all(runtime: Runtime, who: int) -> None:
    async def refuse(part: Part, tx: SagaTransaction, result: Any) -> None:
        await part.cancel_transaction(tx, "not with me")

    parts = await chain(runtime, 3)
    parts[who].does["prepare"] = refuse
    await parts[0].begin("work", two_phase_commit=True)
    for part in parts:
        assert part.words.count("cancel") == 1
        assert {"done", "commit"}.isdisjoint(part.words)
        assert part.told("cancel") == ["not with me"]
        assert part.is_clean


@pytest.mark.parametrize("who", [0, 1, 2])
async def test_one_that_fails_at_its_vote_cancels_all(
    runtime: Runtime, who: int
) -> None:
    async def fail(part: Part, tx: SagaTransaction, result: Any) -> Any:
        if who == 1:
            return Stop()
        raise RuntimeError("as you wish")

    parts = await chain(runtime, 3)
    parts[who].does["prepare"] = fail
    await parts[0].begin("work", two_phase_commit=True)
    for number, part in enumerate(parts):
        assert part.words.count("cancel") == (number != who)
        assert {"done", "commit"}.isdisjoint(part.words)
        assert number == who or part.is_clean


async def test_a_transaction_of_one_saga_is_decided_by_itself(runtime: Runtime) -> None:
    part = await start(runtime, new=answer)
    await part.begin("work", two_phase_commit=True)
    assert part.words == ["new", "prepare", "done"]
    assert part.is_clean


async def test_a_saga_that_stops_with_its_success_tells_all_first(
    runtime: Runtime,
) -> None:
    parts = await chain(runtime, 3)
    parts[0].does["done"] = replies(Stop("thanks"))
    ends = Ends(parts[0].process)
    await parts[0].begin("work", two_phase_commit=True)
    assert ends.reasons == ["thanks"]
    assert [part.told("commit") for part in parts[1:]] == [["work"]] * 2
    assert all(part.is_clean for part in parts[1:])


@pytest.mark.parametrize("two_phase_commit", [False, True])
@pytest.mark.parametrize("control", [NOREPLY, NoReply(then="go on")])
async def test_what_steers_a_server_is_no_final_value(
    runtime: Runtime, two_phase_commit: bool, control: NoReply
) -> None:
    parts = await chain(runtime, 2)
    parts[0].does["done"] = replies(control)
    await parts[0].begin("work", two_phase_commit=two_phase_commit)
    assert parts[1].told("commit") == (["work"] if two_phase_commit else [])
    assert parts[0].told("continue") == (["go on"] if control.then else [])
    assert parts[0].is_clean


async def test_the_loss_of_the_saga_above_cancels_before_the_vote(
    runtime: Runtime,
) -> None:
    leaf = await start(runtime, new=answer)
    first = await start(runtime, new=sends(leaf))
    await first.begin(two_phase_commit=True)
    await runtime.root.exit(first.pid, "kill")
    await settle()
    assert leaf.told("cancel") == [f"parent saga {first.pid!r} is down"]
    assert leaf.is_clean


async def test_after_the_vote_the_lifespan_is_over_for_nobody(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    async def slowly(part: Part, tx: SagaTransaction, result: Any) -> None:
        await trio.sleep(60)

    first, leaf = await chain(runtime, 2)
    first.does["prepare"] = slowly
    await first.begin("work", two_phase_commit=True, lifespan=3)
    await trio.sleep(30)
    (tx,) = leaf.transactions
    assert (leaf.words, tx.state) == (["new", "prepare"], "prepared")
    await trio.sleep(60)
    assert [first.words[-1], leaf.words[-1]] == ["done", "commit"]
    assert first.is_clean
    assert leaf.is_clean


async def test_one_that_stops_with_the_commit_has_done_with_it(
    runtime: Runtime,
) -> None:
    parts = await chain(runtime, 3)
    parts[2].does["commit"] = replies(Stop())
    ends = Ends(parts[2].process)
    await parts[0].begin("work", two_phase_commit=True)
    assert ends.reasons == ["normal"]
    assert not parts[2]._machine.transactions
    assert all(part.is_clean for part in parts[:2])


async def test_a_full_mailbox_of_its_own_loses_nothing(runtime: Runtime) -> None:
    async def fill(part: Part, *told: Any) -> None:
        for _ in range(5):
            part.process.deliver("noise")
        if len(told) == 2 and told[0].state == "open":
            await part.send_result(*told)

    first = await start(
        runtime, new=fill, prepare=fill, done=fill, mailbox=MailboxLimit(2)
    )
    await first.begin("work", two_phase_commit=True)
    words = [word for word in first.words if word != "info"]
    assert words == ["new", "prepare", "done"]
    assert first.is_clean


async def test_an_alarm_comes_into_a_full_mailbox(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    async def busy(part: Part, value: Any) -> None:
        await trio.sleep(10)

    first = await start(runtime, call=busy, mailbox=MailboxLimit(2))
    await first.begin(lifespan=2)
    request = await runtime.root.send_request(first.pid, "busy")
    await settle()
    for _ in range(5):
        runtime.root.send_one(first.pid, "noise")
    await request.receive_response()
    await settle()
    assert first.told("cancel") == ["end of lifespan"]


async def test_cancel_comes_into_a_full_mailbox(runtime: Runtime) -> None:
    async def cancel(part: Part, tx: SagaTransaction, value: Any) -> None:
        for _ in range(5):
            part.process.deliver("noise")
        await part.cancel_transaction(tx, "why")

    first = await start(runtime, new=cancel, mailbox=MailboxLimit(2))
    await first.begin()
    assert first.told("cancel") == ["why"]
    await first.do(Saga.start_transaction, "again")
