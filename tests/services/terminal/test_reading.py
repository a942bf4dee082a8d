"""What is typed, and what of it each request gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ergopy.services.terminal import Pressed, input
from etf import Atom

from .conftest import get_line, get_until

if TYPE_CHECKING:
    from .conftest import Stage

ERROR, EOF = Atom("error"), Atom("eof")
UNICODE, LATIN1 = Atom("unicode"), Atom("latin1")
TERMINATED = (ERROR, Atom("terminated"))


async def test_a_line_is_a_string_or_a_binary_as_it_was_set(stage: Stage) -> None:
    number = await stage.ask(get_line("name? "))
    assert stage.keyboard.prompt == "name? "
    await stage.type("λx\n")
    assert stage.reply(number) == [955, 120, 10]
    assert await stage.do((Atom("setopts"), [Atom("binary")])) == "ok"
    number = await stage.ask(get_line())
    await stage.type("λx\n")
    assert stage.reply(number) == "λx\n".encode()


async def test_latin1_takes_what_is_latin1(stage: Stage) -> None:
    number = await stage.ask((Atom("get_line"), b"> "))
    await stage.type("é\n")
    assert stage.reply(number) == [233, 10]
    number = await stage.ask((Atom("get_line"), b"> "))
    await stage.type("λ\n")
    refused = (ERROR, (Atom("no_translation"), UNICODE, LATIN1))
    assert stage.reply(number) == refused


async def test_characters_are_counted_and_the_rest_stays(stage: Stage) -> None:
    number = await stage.ask((Atom("get_chars"), UNICODE, b"", 4))
    await stage.type("ab\n")
    assert not stage.answered(number)
    await stage.type("cdef\n")
    assert stage.reply(number) == [97, 98, 10, 99]
    rest = await stage.ask(get_line())
    assert stage.keyboard.now is None
    assert stage.reply(rest) == [100, 101, 102, 10]


async def test_no_characters_are_answered_after_a_line_that_stays(stage: Stage) -> None:
    number = await stage.ask((Atom("get_chars"), UNICODE, b"", 0))
    assert not stage.answered(number)
    await stage.type("ab\n")
    assert stage.reply(number) == []
    assert await stage.do(get_line()) == [97, 98, 10]


async def test_the_other_node_says_when_an_expression_is_whole(stage: Stage) -> None:
    number = await stage.ask(get_until("(far)1> "))
    await stage.type("1 +\n")
    assert not stage.answered(number)
    assert stage.keyboard.prompt == "     .. "
    await stage.type("2.\n")
    assert stage.reply(number) == (Atom("ok"), b"1 +\n2", [(1, 1)])


async def test_two_expressions_of_one_line_are_two_reads(stage: Stage) -> None:
    number = await stage.ask(get_until())
    await stage.type("1. 2.\n")
    assert stage.reply(number)[1] == b"1"
    number = await stage.ask(get_until())
    assert stage.reply(number)[1] == b"2"
    assert len(stage.keyboard.lines) == 1


async def test_pasted_lines_are_read_one_by_one(stage: Stage) -> None:
    first, second = await stage.ask(get_line()), 0
    await stage.type("one\ntwo\nthr")
    second = await stage.ask(get_line())
    third = await stage.ask(get_line("3? "))
    assert [stage.reply(n) for n in (first, second)] == [
        [*b"one\n"],
        [*b"two\n"],
    ]
    now = stage.keyboard.now
    assert now is not None
    assert (now.prompt, now.draft, stage.answered(third)) == ("3? ", "thr", False)


async def test_what_the_scanner_refuses_is_an_error_of_its_function(
    stage: Stage,
) -> None:
    bad = (Atom("m"), Atom("f"), [])
    number = await stage.ask((Atom("get_until"), UNICODE, b"> ", *bad))
    await stage.type("x\n")
    assert stage.reply(number) == (ERROR, Atom("f"))


async def test_a_password_is_not_shown_and_has_no_newline(stage: Stage) -> None:
    number = await stage.ask((Atom("get_password"), UNICODE))
    now = stage.keyboard.now
    assert now is not None
    assert (now.echo, now.history) == (False, False)
    await stage.type("hush\n")
    assert stage.reply(number) == [*b"hush"]


async def test_without_echo_there_is_no_history(stage: Stage) -> None:
    await stage.do((Atom("setopts"), [(Atom("echo"), False)]))
    await stage.ask(get_line())
    now = stage.keyboard.now
    assert now is not None
    assert (now.echo, now.history) == (False, False)


async def test_the_newest_read_has_the_terminal_and_what_was_typed_stays(
    stage: Stage,
) -> None:
    old = await stage.ask(get_until("1> "))
    assert stage.keyboard.now is not None
    stage.keyboard.now.draft = "half"
    new = await stage.ask(get_line("Allow? "), by=await stage.process())
    assert stage.keyboard.prompt == "Allow? "
    await stage.type("y\n")
    assert stage.reply(new) == [*b"y\n"]
    assert not stage.answered(old)
    now = stage.keyboard.now
    assert now is not None
    assert (now.prompt, now.draft) == ("1> ", "half")


async def test_the_read_of_a_process_that_ended_is_dropped(stage: Stage) -> None:
    other = await stage.process()
    old = await stage.ask(get_line("old? "))
    await stage.ask(get_line("new? "), by=other)
    other.kill()
    await stage.type()
    assert stage.keyboard.prompt == "old? "
    await stage.type("line\n")
    assert stage.reply(old) == [*b"line\n"]


async def test_no_more_reads_wait_than_the_limit(stage: Stage) -> None:
    for _ in range(input.MAX_READS):
        await stage.shell.send(
            stage.leader, (Atom("io_request"), stage.shell.pid, 0, get_line())
        )
    assert await stage.do(get_line()) == (ERROR, Atom("system_limit"))


async def test_only_the_evaluator_gets_an_end_of_input(stage: Stage) -> None:
    stage.shell.dictionary[Atom("evaluator")] = (runner := await stage.process()).pid
    stage.far.export(
        "erlang",
        {"process_info": lambda *_: (Atom("dictionary"), entries(stage))},
    )
    number = await stage.ask(get_line("x> "), by=runner)
    await stage.type(Pressed.END)
    assert stage.reply(number) == EOF
    assert not stage.session.left
    shell = await stage.ask(get_until())
    await stage.type(Pressed.END)
    assert stage.reply(shell) == TERMINATED
    assert stage.session.left


def entries(stage: Stage) -> list[tuple[object, object]]:
    return list(stage.shell.dictionary.items())
