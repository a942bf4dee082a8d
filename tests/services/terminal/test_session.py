"""The session: requests of all kinds, keys, and each way that it can end."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy.services.terminal import ELIXIR, Completion, NoPrompt, Pressed, Session
from ergopy.testing import node_pair
from etf import Atom
from tests.runtimes import settle

from .conftest import Keyboard, get_line, get_until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .conftest import Stage

OK, ERROR = Atom("ok"), Atom("error")
UNICODE, LATIN1 = Atom("unicode"), Atom("latin1")
PUT = Atom("put_chars")
TERMINATED, INTERRUPTED = (ERROR, Atom("terminated")), (ERROR, Atom("interrupted"))
REQUEST = (ERROR, Atom("request"))


@pytest.mark.parametrize(
    ("request_", "reply", "shown"),
    [
        ((PUT, UNICODE, "λ\n".encode()), OK, "λ\n"),
        ((PUT, LATIN1, b"\xe9"), OK, "é"),
        ((PUT, [b"a", [98]]), OK, "ab"),
        ((PUT, UNICODE, Atom("no")), (ERROR, (PUT, UNICODE, Atom("no"))), ""),
        ((PUT, UNICODE, Atom("m"), Atom("f"), [1]), OK, "called 1"),
        ((PUT, Atom("io_lib"), Atom("format"), [b"~w.", [3]]), OK, "3."),
        ((PUT, UNICODE, Atom("m"), Atom("no"), []), (ERROR, Atom("no")), ""),
        ((PUT, UNICODE, b"m", Atom("f"), [1]), (ERROR, Atom("f")), ""),
        ((PUT, UNICODE, Atom("m"), Atom("f"), 1), (ERROR, Atom("f")), ""),
        ((Atom("get_geometry"), Atom("columns")), 100, ""),
        ((Atom("get_geometry"), Atom("rows")), 30, ""),
        ((Atom("get_geometry"), Atom("x")), REQUEST, ""),
        ((Atom("setopts"), [Atom("x")]), (ERROR, Atom("enotsup")), ""),
        ((Atom("requests"), [(PUT, UNICODE, b"a"), (PUT, UNICODE, b"b")]), OK, "ab"),
        (
            (Atom("requests"), [(PUT, UNICODE, b"a"), 1, (PUT, UNICODE, b"b")]),
            REQUEST,
            "a",
        ),
        ((Atom("requests"), [get_line(), (PUT, UNICODE, b"b")]), REQUEST, ""),
        ((PUT, Atom("utf7"), b"x"), REQUEST, ""),
        ((Atom("get_chars"), UNICODE, b"", -1), REQUEST, ""),
        (b"put_chars", REQUEST, ""),
        ([PUT, UNICODE, b"x"], REQUEST, ""),
        ((), REQUEST, ""),
    ],
)
async def test_requests(stage: Stage, request_: Any, reply: Any, shown: str) -> None:
    stage.far.export("m", {"f": lambda n: f"called {n}".encode()})
    assert await stage.do(request_) == reply
    assert stage.keyboard.shown == shown


async def test_lists_of_requests_end_somewhere(stage: Stage) -> None:
    request: Any = (PUT, UNICODE, b"deep")
    for _ in range(20):
        request = (Atom("requests"), [request])
    assert await stage.do(request) == REQUEST


async def test_what_getopts_says_can_be_set_again(stage: Stage) -> None:
    await stage.do((Atom("setopts"), [Atom("binary"), (Atom("echo"), False)]))
    options = await stage.do(Atom("getopts"))
    assert {(Atom("binary"), True), (Atom("echo"), False)} <= set(options)
    assert (Atom("terminal"), True) in options
    assert await stage.do((Atom("setopts"), options)) == OK


async def test_messages_that_are_no_requests_are_dropped(stage: Stage) -> None:
    for message in ((Atom("io_request"), 1, 2, 3), b"io_request", (b"x", 1, 2, 3)):
        await stage.shell.send(stage.leader, message)
    assert await stage.do((PUT, UNICODE, b"on")) == OK


async def test_output_goes_on_while_a_line_is_typed(stage: Stage) -> None:
    number = await stage.ask(get_until())
    assert await stage.do((PUT, UNICODE, b"news\n")) == OK
    assert not stage.answered(number)


async def test_the_session_ends_with_its_shell(stage: Stage) -> None:
    await stage.shell.exit(stage.leader, Atom("because"))
    await settle()
    assert stage.session.reason == "because"
    assert stage.session.ended.is_set()


async def test_the_line_stays_when_the_session_ends(stage: Stage) -> None:
    await stage.ask(get_until("1> "))
    reader = await stage.process()
    await stage.ask(get_line("first: "), reader)
    stage.near.disconnect(stage.far.name)
    await settle()
    first, second = stage.keyboard.lines
    assert not first.stays  # It gave way, and was to be shown again.
    assert second.stays
    assert stage.keyboard.finished


@pytest.mark.parametrize("asked_by", ["key", "signal"])
async def test_the_session_ends_while_we_ask(stage: Stage, asked_by: str) -> None:
    if asked_by == "key":
        await stage.ask(get_until())
        await stage.type(Pressed.INTERRUPT, Pressed.INTERRUPT)
    async with trio.open_nursery() as nursery:
        if asked_by == "signal":
            for _ in range(2):
                nursery.start_soon(stage.session.interrupt)
                await settle()
        assert stage.keyboard.prompt is not None
        assert stage.keyboard.prompt.startswith("Leave the shell?")
        await stage.shell.exit(stage.leader, Atom("because"))
        await settle()
        assert stage.session.ended.is_set()
        assert stage.keyboard.finished


async def test_the_shell_ends_when_this_node_stops(stage: Stage) -> None:
    await (await stage.process()).exit(stage.leader, Atom("shutdown"))
    await settle()
    assert stage.session.ended.is_set()
    assert not stage.shell.alive


async def test_the_session_ends_with_the_node(stage: Stage) -> None:
    stage.near.disconnect(stage.far.name)
    await settle()
    assert stage.session.reason == "noconnection"


async def test_ctrl_c_interrupts_what_runs_and_a_second_one_asks(stage: Stage) -> None:
    await stage.session.interrupt()
    await settle()
    assert stage.exits == [Atom("interrupt")]
    async with beside(stage.session.interrupt):
        assert stage.keyboard.prompt == "Leave the shell? [y/N] "
        await stage.type("n\n")
    assert not stage.session.left
    async with beside(stage.session.interrupt):
        await stage.type("y\n")
    assert stage.session.left


async def test_a_third_ctrl_c_leaves(stage: Stage) -> None:
    await stage.session.interrupt()
    async with beside(stage.session.interrupt):
        await stage.session.interrupt()
        await settle()
        assert stage.session.left


async def test_a_line_in_between_counts_the_keys_anew(stage: Stage) -> None:
    await stage.session.interrupt()
    await stage.ask(get_line())
    await stage.type("x\n")
    await stage.session.interrupt()
    await settle()
    assert stage.exits == [Atom("interrupt")] * 2


async def test_ctrl_c_at_an_empty_prompt_is_a_hint(stage: Stage) -> None:
    number = await stage.ask(get_until())
    await stage.type(Pressed.INTERRUPT)
    assert "Ctrl-D leaves" in stage.keyboard.shown
    assert not stage.answered(number)
    assert stage.keyboard.prompt == "1> "


async def test_ctrl_c_drops_half_an_expression(stage: Stage) -> None:
    number = await stage.ask(get_until())
    await stage.type("foo(\n", Pressed.INTERRUPT)
    assert stage.reply(number) == INTERRUPTED
    number = await stage.ask(get_until())
    await stage.type("1.\n")
    assert stage.reply(number)[1] == b"1"


async def test_ctrl_c_interrupts_the_line_of_a_program(stage: Stage) -> None:
    number = await stage.ask(get_line())
    await stage.type(Pressed.INTERRUPT)
    assert stage.reply(number) == INTERRUPTED


async def test_a_signal_interrupts_what_is_read(stage: Stage) -> None:
    number = await stage.ask(get_line())
    await stage.session.interrupt()
    await settle()
    assert stage.reply(number) == INTERRUPTED


async def test_leaving_tells_every_reader(stage: Stage) -> None:
    numbers = [await stage.ask(get_line()), await stage.ask(get_until())]
    stage.session.leave()
    await settle()
    assert [stage.reply(number) for number in numbers] == [TERMINATED] * 2
    other = await stage.process()
    assert stage.reply(await stage.ask(get_line(), other)) == TERMINATED
    assert stage.exits == []


@pytest.mark.parametrize("busy", [False, True])
async def test_todays_iex_hears_that_its_terminal_ends(
    stage: Stage, busy: bool
) -> None:
    parse = (Atom("Elixir.IEx.Server"), Atom("__parse__"), [])
    request = (Atom("get_until"), UNICODE, b"iex> ", *parse)
    numbers = [] if busy else [await stage.ask(request)]
    stage.session.leave()
    await settle()
    if busy:
        numbers = [await stage.ask(request)]
    assert not any(map(stage.answered, numbers))
    assert stage.exits == [Atom("interrupt")] * busy + [Atom("terminated")]


async def test_ctrl_c_interrupts_iex_whatever_it_has_read_before(stage: Stage) -> None:
    stage.session.language = ELIXIR
    number = await stage.ask(get_until("...> "))
    await stage.type(Pressed.INTERRUPT)
    assert stage.reply(number) == INTERRUPTED


async def test_a_shell_that_does_not_listen_is_killed(
    stage: Stage, autojump_clock: trio.testing.MockClock
) -> None:
    stage.session.leave()
    await stage.session.ended.wait()
    assert stage.exits == [Atom("interrupt")] * 2
    assert stage.session.reason == "killed"


async def test_a_terminal_that_is_gone_ends_the_shell(stage: Stage) -> None:
    stage.keyboard.broken = True
    await stage.ask((PUT, UNICODE, b"x"))
    await stage.session.ended.wait()
    assert isinstance(stage.session.error, OSError)
    await settle()
    assert not stage.shell.alive


async def test_iex_is_taken_where_there_is_one(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with node_pair(cookie="c") as (near, far):
        await near.connect(far.name)
        here = await far.spawn(lambda process: process.receive())
        far.export("erlang", {"system_info": lambda _: [*b"Erlang/OTP 28"]})
        far.export("code", {"ensure_loaded": lambda name: (Atom("module"), name)})
        far.export("Elixir.IEx", {"start": lambda: here})
        session = Session(far.name, Keyboard())
        await near.spawn(session.run)
        await settle()
        assert (session.shell, session.language) == (here, ELIXIR)


@pytest.mark.parametrize("language", [None, ELIXIR])
async def test_a_node_without_a_shell_is_told_of(
    language: str | None, autojump_clock: trio.testing.MockClock
) -> None:
    async with node_pair(cookie="c") as (near, far):
        await near.connect(far.name)
        session = Session(far.name, Keyboard(), language)
        await near.spawn(session.run)
        await session.ended.wait()
        assert isinstance(session.error, NoPrompt)
        assert far.name in str(session.error)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((Atom("yes"), [*b"se"], []), Completion("se", [])),
        ((Atom("no"), [], [[*b"a"], b"b"]), Completion("", ["a", "b"])),
        (
            (Atom("yes"), b"", [([*b"f"], 2), (Atom("g"), 1)]),
            Completion("", ["f", "g"]),
        ),
        (
            (
                Atom("yes"),
                [],
                [{Atom("title"): [*b"t"], Atom("elems"): [([*b"map"], [])]}],
            ),
            Completion("", ["map"]),
        ),
        (Atom("nonsense"), Completion("", [])),
        ((Atom("yes"), Atom("x"), 1), Completion("", [])),
    ],
)
async def test_completion(stage: Stage, answer: Any, expected: Completion) -> None:
    asked = []
    stage.far.export(
        "edlin_expand", {"expand": lambda *args: asked.append(args) or answer}
    )
    assert await stage.session.complete("lists:ab") == expected
    assert asked[0][0] == [*b"ba:stsil"]


async def test_nobody_knows_a_completion(stage: Stage) -> None:
    assert await stage.session.complete("x") == Completion("", [])


@asynccontextmanager
async def beside(function: Any) -> AsyncIterator[None]:
    """Run *function* beside the block, which waits for it."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(function)
        await settle()
        yield
