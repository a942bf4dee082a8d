"""What a callback may return or raise, and how a saga ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import (
    IGNORE,
    Atom,
    ChildSpec,
    Exit,
    ExitMessage,
    Ignored,
    MemorySagaLog,
    NoReply,
    Reply,
    Saga,
    StartError,
    Stop,
    Supervisor,
)
from ergopy.process.messages import Down
from tests.gen.saga.parts import Part, answer, chain, sends, start
from tests.runtimes import settle, sleeper

if TYPE_CHECKING:
    from ergopy import Process, SagaTransaction
    from ergopy.process.runtime import Runtime

CALLBACKS = ["new", "result", "interim", "prepare", "done", "commit", "cancel", "info"]


def replies(value: Any) -> Any:
    async def callback(part: Part, *told: Any) -> Any:
        return value

    return callback


async def speak(part: Part, tx: SagaTransaction, value: Any) -> None:
    """Say something, and then what it is told to be: a result, or a cancel."""
    await part.send_interim(tx, "half")
    if value == "work":
        await part.send_result(tx, value)
    else:
        await part.cancel_transaction(tx, value)


async def play(runtime: Runtime, word: str, does: Any) -> Part:
    """Have one saga call all its callbacks up to *word*, which is *does*."""

    async def callback(part: Part, *told: Any) -> Any:
        await plays.get(word, nothing)(part, *told)
        return await does(part, *told)

    leaf = await start(runtime, new=speak)
    plays = {"new": sends(leaf, trap_cancel=True), "result": answer}
    part = await start(runtime, **plays | {word: callback})
    # It takes part in one as the initiator, and in one of another saga.
    above = await start(runtime, new=sends(part), result=answer)
    for initiator, value in (part, "work"), (above, "work"), (part, "no"):
        if part.process.alive:
            tx = await initiator.begin(value, two_phase_commit=True)
            if value == "no" and part.process.alive:
                await part.do(Saga.cancel_transaction, tx)
    return part


async def nothing(part: Part, *told: Any) -> None:
    """Do what a saga does that leaves a callback out."""


@pytest.mark.parametrize("word", CALLBACKS)
async def test_an_exception_in_a_callback_is_a_crash(
    runtime: Runtime, word: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def crash(part: Part, *told: Any) -> None:
        raise RuntimeError("as you wish")

    part = await play(runtime, word, crash)
    assert not part.process.alive
    assert part.words[-2:] == [word, "terminate"]
    assert part.told("terminate")[0][1] == b"builtins.RuntimeError"
    assert caplog.text.count("process Part crashed") == 1


@pytest.mark.parametrize("word", CALLBACKS)
async def test_stop_ends_the_saga(runtime: Runtime, word: str) -> None:
    part = await play(runtime, word, replies(Stop("enough")))
    assert not part.process.alive
    assert (part.words[-2], part.words[-1]) == (word, "terminate")
    assert part.told("terminate") == ["enough"]


@pytest.mark.parametrize("word", CALLBACKS)
async def test_an_exit_ends_the_saga(
    runtime: Runtime, word: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def leave(part: Part, *told: Any) -> None:
        raise Exit("shutdown")

    part = await play(runtime, word, leave)
    assert part.told("terminate") == ["shutdown"]
    assert not caplog.records


@pytest.mark.parametrize("word", [word for word in CALLBACKS if word != "done"])
@pytest.mark.parametrize("value", [0, "ok", False, (Atom("noreply"), 1), IGNORE])
async def test_a_callback_returns_nothing_but_what_steers(
    runtime: Runtime, word: str, value: Any
) -> None:
    part = await play(runtime, word, replies(value))
    assert not part.process.alive
    reason = part.told("terminate")[0]
    assert reason[1] == b"builtins.TypeError"
    assert word == "info" or word.encode() in reason[2]


async def test_a_reply_has_nobody_to_go_to(runtime: Runtime) -> None:
    part = await play(runtime, "new", replies(Reply(5)))
    assert part.told("terminate")[0][1] == b"builtins.TypeError"


@pytest.mark.parametrize("word", CALLBACKS)
async def test_each_callback_may_go_on_in_another(runtime: Runtime, word: str) -> None:
    part = await play(runtime, word, replies(NoReply(then=word)))
    assert part.process.alive
    at = part.words.index(word)
    assert part.words[at + 1] == "continue"
    assert set(part.told("continue")) == {word}


async def test_each_callback_may_wait_for_a_message(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    part = await start(runtime, new=replies(NoReply(timeout=5)))
    await part.begin()
    await trio.sleep(4.9)
    assert part.words == ["new"]
    await trio.sleep(0.2)
    assert part.heard[-1] == ("info", "timeout")


async def test_what_a_terminating_saga_still_sends_arrives(runtime: Runtime) -> None:
    leaf = await start(runtime)
    first = await start(runtime, new=sends(leaf), result=answer)
    tx = await first.begin()

    async def last(part: Part, reason: Any) -> None:
        await part.send_result(tx.id, "the last")

    leaf.does["terminate"] = last
    await runtime.root.stop(leaf.pid)
    await settle()
    assert first.told("done") == ["the last"]


async def test_a_saga_ends_with_its_parent(runtime: Runtime) -> None:
    parts: list[Part] = []

    async def parent(process: Process) -> None:
        parts.append(await start(process, link=True))
        await process.receive()
        raise Exit("because")

    pid = runtime.spawn(parent, ()).pid
    await settle()
    await parts[0].begin()
    runtime.root.send_one(pid, "end")
    await settle()
    assert parts[0].told("terminate") == ["because"]
    assert not parts[0].process.alive


async def test_exits_and_ends_of_strangers_are_infos(runtime: Runtime) -> None:
    part, linked, watched = await start(runtime), sleeper(runtime), sleeper(runtime)
    await part.do(Saga.link, linked.pid)
    ref = await part.do(Saga.monitor, watched.pid)
    await part.begin()
    await linked.exit(part.pid, "from afar")
    linked.kill()
    watched.kill()
    await settle()
    assert part.words == ["new", "info", "info", "info"]
    assert set(part.told("info")) == {
        ExitMessage(linked.pid, Atom("from afar")),
        ExitMessage(linked.pid, Atom("killed")),
        Down(ref, watched.pid, Atom("killed")),
    }


async def test_a_saga_that_monitors_itself_whom_it_has_sent_to_hears_of_it(
    runtime: Runtime,
) -> None:
    leaf = await start(runtime)
    part = await start(runtime, new=sends(leaf))
    ref = await part.do(Saga.monitor, leaf.pid)
    await part.begin()
    await runtime.root.exit(leaf.pid, "kill")
    await settle()
    assert part.told("info") == [Down(ref, leaf.pid, Atom("killed"))]
    assert sorted(part.words) == ["cancel", "info", "new"]


@pytest.mark.parametrize(
    ("result", "error"),
    [(IGNORE, Ignored), (Stop("no"), StartError), ("ok", StartError)],
)
async def test_an_init_that_does_not_start_leaves_nothing(
    runtime: Runtime, result: Any, error: type[Exception]
) -> None:
    before = len(runtime.processes)
    with pytest.raises(error):
        await start(runtime, name="it", init=replies(result))
    await settle()
    assert len(runtime.processes) == before
    assert runtime.whereis("it") is None


async def test_a_named_saga_under_a_supervisor_comes_back(runtime: Runtime) -> None:
    box: list[Part] = []

    class Child(Part):
        def __init__(self) -> None:
            super().__init__(box, {"new": answer})

    async def crash(part: Part, *told: Any) -> None:
        raise RuntimeError("as you wish")

    await runtime.root.start(
        Supervisor, [ChildSpec(Child, name="child", restart="permanent")]
    )
    first = await start(runtime, new=sends("child", trap_cancel=True), result=answer)
    box[0].does["new"] = crash
    await first.begin("one")
    (message,) = first.told("info")
    assert message.reason.endswith("is down")
    assert len(box) == 2
    await first.begin("two")
    assert first.told("done") == ["two"]
    assert not box[1].transactions


async def test_nothing_is_left_of_a_saga_that_was_killed(runtime: Runtime) -> None:
    parts = await chain(runtime, 3)
    parts[2].does["new"] = replies(None)
    for _ in range(3):
        await parts[0].begin(two_phase_commit=True)
    for part in parts:
        await runtime.root.exit(part.pid, "kill")
    await settle()
    assert list(runtime.processes.values()) == [runtime.root]
    assert not runtime.root.watchers
    assert len(runtime.timers._heap) == runtime.timers.dead
    assert not runtime.aliases


async def test_a_log_that_lasts_needs_a_name(runtime: Runtime, tmp_path: Any) -> None:
    async def init(part: Part) -> None:
        part.log = tmp_path / "saga.db"  # type: ignore[assignment]

    with pytest.raises(StartError, match="needs a name"):
        await start(runtime, init=init)
    assert not list(tmp_path.iterdir())
    part = await start(runtime, init=init, name="named", new=answer)
    await part.begin()
    assert not list(tmp_path.iterdir())
    assert part.told("done") == ["work"]


async def test_sagas_may_share_a_log_in_memory(runtime: Runtime) -> None:
    log = MemorySagaLog()

    async def init(part: Part) -> None:
        part.log = log

    leaf = await start(runtime, init=init, new=answer)
    first = await start(runtime, init=init, new=sends(leaf), result=answer)
    await first.begin(two_phase_commit=True)
    assert (first.words[-1], leaf.words[-1]) == ("done", "commit")
