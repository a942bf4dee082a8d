from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

import pytest
import trio

import etf
from ergopy import Atom, Exit, GenServer
from ergopy.process import reasons
from tests.runtimes import Ends, find, running, settle, sleeper

if TYPE_CHECKING:
    from collections.abc import Callable

    from ergopy import Process
    from ergopy.process.runtime import Runtime


def caught(function: Callable[[], Any]) -> Exception:
    try:
        function()
    except Exception as error:
        return error
    raise AssertionError


async def ended(runtime: Runtime, body: Callable[[Process], Any]) -> Any:
    ends = Ends(runtime.spawn(body, ()))
    await settle()
    [reason] = ends.reasons
    return reason


async def ended_by_cast(runtime: Runtime, behaviour: type[GenServer]) -> Any:
    pid = await runtime.root.start(behaviour)
    ends = Ends(find(runtime, pid))
    await runtime.root.cast(pid, 1)
    await settle()
    [reason] = ends.reasons
    return reason


async def test_returning_is_the_reason_normal(runtime: Runtime) -> None:
    async def body(_: Process) -> str:
        return "ignored"

    assert await ended(runtime, body) == Atom("normal")


async def test_an_exception_becomes_a_term_that_any_beam_can_read(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    async def body(_: Process) -> None:
        raise KeyError("lost key")

    reason = await ended(runtime, body)
    assert etf.decode(etf.encode(reason)) == reason
    kind, name, message, [frame] = reason
    assert (kind, name, message) == ("python", b"builtins.KeyError", b"'lost key'")
    assert frame.startswith(__file__.encode())
    assert frame.endswith(b".body")
    assert [record.exc_info is not None for record in caplog.records] == [True]


async def test_frames_of_ergopy_are_left_out(runtime: Runtime) -> None:
    class Server(GenServer):
        async def handle_cast(self, request: Any) -> None:
            await self.call("nobody", 1)

    _, name, _, [frame] = await ended_by_cast(runtime, Server)
    assert name == b"ergopy.errors.NoProcess"
    assert b"handle_cast" in frame


async def test_frames_of_ergopy_are_shown_if_there_are_no_others(
    runtime: Runtime,
) -> None:
    _, name, _, frames = await ended_by_cast(runtime, GenServer)
    assert name == b"builtins.NotImplementedError"
    assert b"GenServer.handle_cast" in frames[-1]


def test_only_the_innermost_frames_are_told() -> None:
    def deep(level: int) -> None:
        if level:
            deep(level - 1)
        else:
            raise ValueError("deep down")

    error = caught(lambda: deep(100))
    frames = reasons.from_exception(error)[3]
    assert len(frames) == reasons.MAX_FRAMES
    last = traceback.extract_tb(error.__traceback__)[-1]
    assert frames[-1].startswith(f"{last.filename}:{last.lineno} ".encode())


def test_a_long_message_is_cut_and_a_broken_one_replaced() -> None:
    class Broken(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    assert len(reasons.from_exception(ValueError("x" * 10_000))[2]) == 2000
    assert reasons.from_exception(Broken())[2] == b"(its text could not be made)"
    assert reasons.from_exception(ValueError("\ud800"))[2] == b"?"


def test_a_group_with_one_exception_counts_as_that_exception() -> None:
    group = ExceptionGroup("a", [ExceptionGroup("b", [Exit(("shutdown", 1))])])
    assert reasons.from_exception(group) == ("shutdown", 1)
    two = ExceptionGroup("two", [ValueError("1"), ValueError("2")])
    assert reasons.from_exception(two)[1] == b"builtins.ExceptionGroup"


@pytest.mark.parametrize(
    ("reason", "clean"),
    [
        (Atom("normal"), True),
        (Atom("shutdown"), True),
        ((Atom("shutdown"), 1), True),
        (Atom("killed"), False),
        ((Atom("shutdown"),), False),
        ((Atom("normal"), 1), False),
        (b"normal", False),
        ([1], False),
        (None, False),
    ],
)
def test_clean_reasons_are_those_that_otp_does_not_log(
    reason: Any, clean: bool
) -> None:
    assert reasons.is_clean(reason) is clean


async def test_an_exit_with_any_term_is_reported_unchanged_and_not_logged(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    for reason in (None, 0, b"x", [1, (2,)], Atom("kill"), {"a": 1}):

        async def body(_: Process, reason: Any = reason) -> None:
            raise Exit(reason)

        assert await ended(runtime, body) == reason
    assert caplog.records == []


class Odd(BaseException):
    pass


@pytest.mark.parametrize("kind", [SystemExit, Odd])
async def test_what_a_library_raises_ends_that_process_and_not_the_program(
    runtime: Runtime, kind: type[BaseException]
) -> None:
    async def body(_: Process) -> None:
        raise kind("library")

    word, name, text, _ = await ended(runtime, body)
    assert (word, text) == ("python", b"library")
    assert name.endswith(kind.__name__.encode())


@pytest.mark.parametrize("grouped", [False, True])
async def test_what_ends_the_program_is_not_kept_in_a_process(grouped: bool) -> None:
    async def body(_: Process) -> None:
        error = KeyboardInterrupt("stop it")
        if grouped:
            raise BaseExceptionGroup("both", [error, ValueError("beside")])
        raise error

    ends: list[Ends] = []
    with pytest.raises(BaseExceptionGroup) as group:  # noqa: PT012
        async with running() as runtime:
            ends += [Ends(runtime.spawn(body, ())), Ends(sleeper(runtime))]
            await trio.sleep_forever()
    found = group.value
    assert found.subgroup(KeyboardInterrupt) is not None
    assert found.subgroup(ValueError) is None
    assert [len(e.reasons) for e in ends] == [1, 1]


async def test_a_crash_while_the_node_goes_down_ends_only_its_process() -> None:
    async def fail() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("in the clean-up")

    async def body(_: Process) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail)
            nursery.start_soon(trio.sleep_forever)

    async with running() as runtime:
        ends = Ends(runtime.spawn(body, ()))
        await settle()
    assert len(ends.reasons) == 1
