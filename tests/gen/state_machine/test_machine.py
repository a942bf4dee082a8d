"""StateMachine as a process: its events, answers, time, and ends."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import (
    IGNORE,
    Atom,
    CallExit,
    CallTimeout,
    Exit,
    Ignored,
    MailboxLimit,
    StartError,
    StateMachine,
)
from ergopy import Reply as ServerReply
from ergopy.gen.state_machine import (
    HIBERNATE,
    KEEP,
    POSTPONE,
    Keep,
    Next,
    NextEvent,
    Repeat,
    Reply,
    StateTimeout,
    Stop,
    Timeout,
)
from ergopy.process.atoms import GEN_CALL
from tests.runtimes import Ends, assert_only_the_root, find, settle, sleeper

from .free import SEEN, Free, cast

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


async def test_messages_of_all_sorts_are_events(
    runtime: Runtime, autojump_clock: Any
) -> None:
    pid = await runtime.root.start(Free)
    await runtime.root.send(pid, "hello")
    await runtime.root.send(pid, (GEN_CALL, 1))
    # It looks like the message of a timer, but is that of no timer of the machine.
    await runtime.root.send(pid, (Atom("timeout"), 1, Atom("state_timeout")))
    await cast(runtime, pid, b"c")
    contents = ["hello", (GEN_CALL, 1), (Atom("timeout"), 1, "state_timeout"), b"c"]
    assert [content for _, content, _ in SEEN] == contents
    assert [kind for kind, _, _ in SEEN] == ["info", "info", "info", "cast"]
    assert all(type(kind) is Atom for kind, _, _ in SEEN)


async def test_a_call_may_be_answered_at_another_time_and_by_another_event(
    runtime: Runtime, autojump_clock: Any
) -> None:
    pid = await runtime.root.start(Free)

    def later(from_: Any) -> Any:
        return Keep(Timeout("answer", 3, lambda _: Keep(Reply(from_, 42))))

    assert await runtime.root.call(pid, later) == 42


async def test_the_crash_of_a_machine_reaches_who_calls(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    pid = await runtime.root.start(Free, name="free")
    ends = Ends(find(runtime, pid))

    def crash(_: Any) -> Any:
        raise ZeroDivisionError("wanted")

    with pytest.raises(CallExit) as caught:
        await runtime.root.call(pid, crash)
    assert caught.value.reason[:3] == (
        "python",
        b"builtins.ZeroDivisionError",
        b"wanted",
    )
    await settle()
    assert SEEN[-1] == ("terminate", ends.reasons[0], "s")
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "free" in record.getMessage()
    assert record.report == "crash_report"  # type: ignore[attr-defined]


async def test_stop_answers_before_terminate(runtime: Runtime) -> None:
    pid = await runtime.root.start(Free)
    parent = sleeper(runtime)
    heard = []

    class Slow(Free):
        async def terminate(self, reason: Any) -> None:
            await trio.sleep(1)
            heard.append(reason)

    slow = await parent.start(Slow)
    assert await runtime.root.call(slow, lambda _: Stop("shutdown", reply=7)) == 7
    assert heard == []
    with pytest.raises(CallExit, match="shutdown"):
        await runtime.root.call(pid, lambda _: Stop("shutdown"))
    assert SEEN[-1] == ("terminate", "shutdown", "s")


async def test_a_reply_of_a_stop_is_for_a_call_alone(runtime: Runtime) -> None:
    pid = await runtime.root.start(Free)
    await cast(runtime, pid, lambda _: Stop("normal", reply=1))
    assert SEEN[-1] == ("terminate", "normal", "s")
    assert runtime.find(pid) is None


async def test_an_exit_raised_by_a_callback_is_its_reason(runtime: Runtime) -> None:
    pid = await runtime.root.start(Free)

    def leave(_: Any) -> Any:
        raise Exit((Atom("shutdown"), 1))

    await cast(runtime, pid, leave)
    assert SEEN[-1] == ("terminate", (Atom("shutdown"), 1), "s")


@pytest.mark.parametrize(
    "result", [5, "open", ServerReply(1), (Next("a"),), True], ids=repr
)
async def test_a_callback_may_not_return_anything_else(
    runtime: Runtime, result: Any
) -> None:
    pid = await runtime.root.start(Free)
    await cast(runtime, pid, lambda _: result)
    assert SEEN[-1][1][1] == b"builtins.TypeError"
    assert b"returned" in SEEN[-1][1][2]


@pytest.mark.parametrize("result", [KEEP, "open", 5, Repeat()], ids=repr)
async def test_init_has_to_return_next(runtime: Runtime, result: Any) -> None:
    with pytest.raises(StartError, match="returns Next"):
        await runtime.root.start(Free, result)
    assert_only_the_root(runtime)


async def test_init_may_refuse_as_that_of_a_server(runtime: Runtime) -> None:
    with pytest.raises(Ignored):
        await runtime.root.start(Free, IGNORE)
    with pytest.raises(StartError) as caught:
        await runtime.root.start(Free, Stop("no"))
    assert caught.value.reason == "no"


async def test_actions_of_init_come_first_and_nothing_of_it_is_postponed(
    runtime: Runtime,
) -> None:
    event = NextEvent("internal", 1)
    pid = await runtime.root.start(Free, Next("s", POSTPONE, event, HIBERNATE))
    await cast(runtime, pid, 2, lambda _: Next("t"))
    assert [entry[1] for entry in SEEN][:2] == [1, 2]
    assert len(SEEN) == 3


class Enters(StateMachine):
    """Its state enter calls do what ``on_enter`` returns."""

    state_enter = True
    on_enter: Any = None

    async def init(self) -> Next:
        return Next("a")

    async def handle_event(self, kind: Any, content: Any, state: Any) -> Any:
        SEEN.append((kind, content, state))
        if kind == "enter":
            return None if content == state else self.on_enter
        return Next("b")

    async def terminate(self, reason: Any) -> None:
        SEEN.append(("terminate", reason, self.state))


@pytest.mark.parametrize(
    "result", [Next("c"), Keep(POSTPONE), Keep(NextEvent("cast"))], ids=repr
)
async def test_a_state_enter_call_that_wants_too_much_is_a_crash_in_the_old_state(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, result: Any
) -> None:
    monkeypatch.setattr(Enters, "on_enter", result)
    pid = await runtime.root.start(Enters)
    await cast(runtime, pid, 1)
    kind, reason, state = SEEN[-1]
    assert (kind, state) == ("terminate", "a")
    assert b"state enter call" in reason[2]


async def test_a_machine_that_stops_in_a_state_enter_call_is_in_the_new_state(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Enters, "on_enter", Stop("shutdown"))
    pid = await runtime.root.start(Enters)
    await cast(runtime, pid, 1)
    assert SEEN[-1] == ("terminate", "shutdown", "b")


async def test_the_reply_of_a_stop_in_a_state_enter_call_is_for_nobody(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Enters, "on_enter", Stop("shutdown", reply=1))
    pid = await runtime.root.start(Enters)
    with pytest.raises(CallExit, match="shutdown"):
        await runtime.root.call(pid, 1)


async def test_an_absolute_timeout_comes_at_its_time(
    runtime: Runtime, autojump_clock: Any
) -> None:
    pid = await runtime.root.start(Free)
    began = trio.current_time()
    came = []

    def note(_: Any) -> None:
        came.append(trio.current_time() - began)

    await trio.sleep(2)
    at = Timeout("at", began + 5, note, absolute=True)
    past = Timeout("past", began - 5, note, absolute=True)
    await cast(runtime, pid, lambda _: Keep(at, past))
    await trio.sleep(10)
    assert came == [pytest.approx(2), pytest.approx(5)]


async def test_timers_end_with_the_machine(
    runtime: Runtime, autojump_clock: Any
) -> None:
    pid = await runtime.root.start(Free)
    await cast(runtime, pid, lambda _: Keep(StateTimeout(5), Timeout(1, 6)))
    await runtime.root.exit(pid, "kill")
    await settle()
    assert runtime.timers.dead == 2


async def test_a_machine_with_too_many_postponed_events_crashes(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    class Small(Free):
        max_postponed = 3

    pid = await runtime.root.start(Small)
    for _ in range(3):
        await cast(runtime, pid, lambda _: Keep(POSTPONE))
    assert runtime.find(pid) is not None
    await cast(runtime, pid, lambda _: Keep(POSTPONE))
    assert SEEN[-1][1][1] == b"ergopy.errors.TooManyPostponed"
    assert len(caplog.records) == 1


async def test_a_limited_mailbox_does_not_keep_a_timeout_out(
    runtime: Runtime, autojump_clock: Any
) -> None:
    class Busy(Free):
        async def handle_event(self, kind: Any, content: Any, state: Any) -> Any:
            if content == "sleep":
                await trio.sleep(2)
            return await super().handle_event(kind, content, state)

    timeout = Next("s", Timeout(1, 1, "time"))
    pid = await runtime.root.start(Busy, timeout, mailbox=MailboxLimit(2))
    await cast(runtime, pid, "sleep")
    for number in range(10):
        await runtime.root.cast(pid, number)
    await trio.sleep(3)
    assert [entry[1] for entry in SEEN] == ["sleep", 0, 1, "time"]


async def test_a_machine_that_only_talks_to_itself_lets_others_run(
    runtime: Runtime,
) -> None:
    def forever(_: Any) -> Any:
        return Keep(NextEvent("internal", forever))

    pid = await runtime.root.start(Free)
    await runtime.root.cast(pid, forever)
    for _ in range(3):
        await trio.lowlevel.checkpoint()
    assert len(SEEN) > 4000
    await runtime.root.exit(pid, "kill")


async def test_an_unanswered_call_times_out(
    runtime: Runtime, autojump_clock: Any
) -> None:
    pid = await runtime.root.start(Free)
    with pytest.raises(CallTimeout):
        await runtime.root.call(pid, "what", timeout=1)


async def test_the_exit_of_the_parent_ends_a_machine_that_traps(
    runtime: Runtime,
) -> None:
    class Traps(Free):
        async def init(self, first: Any = None) -> Any:
            self.trap_exit = True
            return await super().init()

    parent, other = sleeper(runtime), sleeper(runtime)
    pid = await parent.start(Traps, link=True)
    await other.exit(pid, "boom")
    await settle()
    assert SEEN[-1][0] == "info"
    await parent.exit(pid, "shutdown")
    await settle()
    assert SEEN[-1] == ("terminate", "shutdown", "s")


def test_callbacks_are_async_and_the_mode_is_known() -> None:
    with pytest.raises(TypeError, match="async def"):

        class Plain(StateMachine):
            def handle_event(self, kind: Any, content: Any, state: Any) -> Any:
                return None

    with pytest.raises(ValueError, match="no callback mode"):

        class Odd(StateMachine):
            callback_mode = "odd"
