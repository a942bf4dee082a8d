"""The exit signals of the BEAM, as a table (protocol 4.4)."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import Atom, Exit, ExitMessage
from tests.runtimes import Ends, assert_only_the_root, idle, mail, settle, sleeper

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime

OTHER = (Atom("badmatch"), 1)

# reason sent, what happens without and with trap_exit: ("dies", reason),
# ("message", reason) or nothing.
BY_EXIT_2 = [
    ("normal", None, ("message", "normal")),
    ("kill", ("dies", "killed"), ("dies", "killed")),
    ("killed", ("dies", "killed"), ("message", "killed")),
    ("shutdown", ("dies", "shutdown"), ("message", "shutdown")),
    (OTHER, ("dies", OTHER), ("message", OTHER)),
    (None, ("dies", None), ("message", None)),
]
BY_LINK = [
    ("normal", None, ("message", "normal")),
    ("kill", ("dies", "kill"), ("message", "kill")),
    ("killed", ("dies", "killed"), ("message", "killed")),
    ("shutdown", ("dies", "shutdown"), ("message", "shutdown")),
    (OTHER, ("dies", OTHER), ("message", OTHER)),
    (None, ("dies", None), ("message", None)),
]
TO_SELF = [
    ("normal", ("dies", "normal"), ("message", "normal")),
    *BY_EXIT_2[1:],
]


def outcome(process: Process, ends: Ends) -> Any:
    if ends.reasons:
        assert mail(process) == []
        assert not process.alive
        return ("dies", *ends.reasons)
    assert process.alive
    messages = mail(process)
    return ("message", messages[0].reason) if messages else None


def cases(table: list[Any]) -> Any:
    return pytest.mark.parametrize(
        ("reason", "trap", "expected"),
        [
            pytest.param(reason, trap, expected, id=f"{reason}-{trap=}")
            for reason, *both in table
            for trap, expected in zip((False, True), both, strict=True)
        ],
    )


@cases(BY_EXIT_2)
async def test_an_exit_signal_acts_as_on_the_beam(
    runtime: Runtime, reason: Any, trap: bool, expected: Any
) -> None:
    sender, target = sleeper(runtime), sleeper(runtime, trap=trap)
    ends = Ends(target)
    await settle()
    await sender.exit(target.pid, reason)
    await settle()
    assert outcome(target, ends) == expected
    if expected and expected[0] == "message":
        assert mail(target) == [(Atom("EXIT"), sender.pid, reason)]


@cases(BY_EXIT_2)
async def test_an_exit_signal_before_the_first_step_acts_alike(
    runtime: Runtime, reason: Any, trap: bool, expected: Any
) -> None:
    target = sleeper(runtime, trap=trap)
    ends = Ends(target)
    await runtime.root.exit(target.pid, reason)
    await settle()
    assert outcome(target, ends) == expected


@cases(BY_LINK)
async def test_the_end_of_a_link_partner_acts_as_on_the_beam(
    runtime: Runtime, reason: Any, trap: bool, expected: Any
) -> None:
    async def leave(_: Process) -> None:
        raise Exit(reason)

    target = sleeper(runtime, trap=trap)
    ends = Ends(target)
    await settle()
    partner = await target.spawn(leave, link=True)
    await settle()
    assert outcome(target, ends) == expected
    assert target.links == {}
    if expected and expected[0] == "message":
        assert mail(target) == [ExitMessage(partner, reason)]


@cases(TO_SELF)
async def test_a_process_that_signals_itself_does_not_get_past_it(
    runtime: Runtime, reason: Any, trap: bool, expected: Any
) -> None:
    went_on = False

    async def body(process: Process) -> None:
        nonlocal went_on
        process.trap_exit = trap
        await process.exit(process.pid, reason)
        went_on = True
        await idle(process)

    target = runtime.spawn(body, ())
    ends = Ends(target)
    await settle()
    assert outcome(target, ends) == expected
    assert went_on is (expected[0] == "message")


async def test_the_first_reason_wins(runtime: Runtime) -> None:
    target = sleeper(runtime)
    ends = Ends(target)
    await runtime.root.exit(target.pid, "first")
    await runtime.root.exit(target.pid, "second")
    await runtime.root.exit(target.pid, "kill")
    await settle()
    assert ends.reasons == ["first"]


async def test_the_signal_wins_over_what_the_body_raises_because_of_it(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    async def body(_: Process) -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise RuntimeError("in the clean-up")

    target = runtime.spawn(body, ())
    ends = Ends(target)
    await settle()
    await runtime.root.exit(target.pid, "shutdown")
    await settle()
    assert ends.reasons == ["shutdown"]
    assert "in the clean-up" in caplog.text


async def test_a_body_that_swallows_the_cancellation_ends_with_the_reason(
    runtime: Runtime,
) -> None:
    async def body(_: Process) -> None:
        with trio.CancelScope():
            try:
                await trio.sleep_forever()
            except trio.Cancelled:
                return

    target = runtime.spawn(body, ())
    ends = Ends(target)
    await settle()
    await runtime.root.exit(target.pid, OTHER)
    await settle()
    assert ends.reasons == [OTHER]


async def in_a_scope(_: Process) -> None:
    with trio.move_on_after(1000):
        await trio.sleep_forever()


async def in_a_timeout(_: Process) -> None:
    with trio.fail_after(1000), trio.CancelScope():
        await trio.sleep_forever()


async def in_a_nursery(_: Process) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        nursery.start_soon(trio.sleep_forever)


async def in_a_helper(process: Process) -> None:
    process.start_soon(trio.sleep_forever)
    with trio.CancelScope():
        await process.receive()


async def in_a_call(process: Process) -> None:
    with trio.move_on_after(1000):
        await process.call(process.runtime.root.pid, "never answered", timeout=None)


@pytest.mark.parametrize(("reason", "told"), [("kill", "killed"), (OTHER, OTHER)])
@pytest.mark.parametrize(
    "body", [in_a_scope, in_a_timeout, in_a_nursery, in_a_helper, in_a_call]
)
async def test_no_scope_of_its_own_keeps_a_process_from_its_end(
    runtime: Runtime, body: Any, reason: Any, told: Any
) -> None:
    """What a body waits in is inside of what an exit signal cancels."""
    target = runtime.spawn(body, ())
    ends = Ends(target)
    await settle()
    await runtime.root.exit(target.pid, reason)
    await settle()
    assert ends.reasons == [told]
    runtime.root.clear()
    assert_only_the_root(runtime)


async def test_a_killed_process_gets_no_further_message(runtime: Runtime) -> None:
    """A signal is not overtaken by messages that are in the mailbox already."""
    seen: list[Any] = []

    async def body(process: Process) -> None:
        while True:
            seen.append(await process.receive())

    target = runtime.spawn(body, ())
    await settle()
    for number in range(10):
        runtime.root.send_nowait(target.pid, number)
    await runtime.root.exit(target.pid, "kill")
    assert not target.alive
    await settle()
    assert seen == []
    assert_only_the_root(runtime)


async def test_a_chain_of_links_falls_and_stops_at_one_that_traps(
    runtime: Runtime,
) -> None:
    chain = [sleeper(runtime, trap=number == 3) for number in range(6)]
    ends = [Ends(process) for process in chain]
    for left, right in itertools.pairwise(chain):
        await left.link(right.pid)
    await settle()
    await runtime.root.exit(chain[0].pid, "boom")
    await settle()
    assert [e.reasons for e in ends] == [["boom"]] * 3 + [[]] * 3
    assert mail(chain[3]) == [ExitMessage(chain[2].pid, Atom("boom"))]
    assert list(chain[3].links) == [chain[4].pid]


async def test_a_reason_that_is_a_plain_str_is_an_atom(runtime: Runtime) -> None:
    target = sleeper(runtime, trap=True)
    await runtime.root.exit(target.pid, "why")
    assert type(mail(target)[0].reason) is Atom


async def test_nobody_can_end_the_root(runtime: Runtime) -> None:
    for reason in ("kill", "boom", "normal"):
        await sleeper(runtime).exit(runtime.root.pid, reason)
    assert runtime.root.alive
    assert not runtime.root.queue


async def test_an_exit_signal_to_a_dead_process_does_nothing(runtime: Runtime) -> None:
    target = sleeper(runtime)
    await runtime.root.exit(target.pid, "boom")
    await settle()
    await runtime.root.exit(target.pid, "boom")
    await settle()
    assert_only_the_root(runtime)
