"""The device side of the I/O protocol (protocol 6.8)."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

import pytest

from ergopy.services import user
from etf import Atom, Pid
from tests.runtimes import find, mail, settle, sleeper

if TYPE_CHECKING:
    from tests.services.conftest import LoneNode

OK = Atom("ok")
UNICODE, LATIN1 = Atom("unicode"), Atom("latin1")
PUT, IO_LIB, FORMAT = Atom("put_chars"), Atom("io_lib"), Atom("format")
REQUEST = (Atom("error"), Atom("request"))
NOT_SUPPORTED = (Atom("error"), Atom("enotsup"))


def ask(request: Any) -> tuple[Any, str]:
    written: list[str] = []
    return user.answer(request, written.append), "".join(written)


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        ((PUT, UNICODE, b"plain"), "plain"),
        ((PUT, UNICODE, "h\u00e9".encode()), "h\u00e9"),
        ((PUT, UNICODE, [104, [0xE9]]), "h\u00e9"),
        ((PUT, LATIN1, b"h\xe9"), "h\u00e9"),
        ((PUT, b"h\xe9"), "h\u00e9"),
        ((PUT, UNICODE, IO_LIB, FORMAT, [b"~p~n", [1]]), "1\n"),
        ((PUT, UNICODE, IO_LIB, Atom("fwrite"), [[126, 119], [1]]), "1"),
        ((PUT, UNICODE, IO_LIB, Atom("write"), [(1, Atom("A"))]), "{1,'A'}"),
        ((PUT, UNICODE, IO_LIB, Atom("write"), [1, 10]), "1"),
        ((PUT, UNICODE, IO_LIB, Atom("nl"), []), "\n"),
        ((PUT, IO_LIB, FORMAT, [b"~s", [b"old"]]), "old"),
        ((Atom("requests"), []), ""),
        ((Atom("requests"), [(PUT, UNICODE, b"a"), (PUT, UNICODE, b"b")]), "ab"),
    ],
)
def test_output_is_written_and_acknowledged(request_: Any, text: str) -> None:
    assert ask(request_) == (OK, text)


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        (
            (PUT, UNICODE, (1,)),
            (Atom("error"), (PUT, UNICODE, (1,))),
        ),
        ((PUT, Atom("a")), (Atom("error"), (PUT, LATIN1, Atom("a")))),
        ((PUT, Atom("utf9"), b"x"), REQUEST),
        ((PUT, UNICODE, IO_LIB, FORMAT, [b"~p", []]), (Atom("error"), FORMAT)),
        ((PUT, UNICODE, IO_LIB, FORMAT, [b"~p"]), (Atom("error"), FORMAT)),
        ((PUT, UNICODE, Atom("os"), Atom("cmd"), [b"x"]), (Atom("error"), Atom("cmd"))),
        ((Atom("get_line"), UNICODE, b"> "), Atom("eof")),
        ((Atom("get_chars"), UNICODE, b"> ", 3), Atom("eof")),
        ((Atom("get_line"), b"> "), Atom("eof")),
        ((Atom("get_password"), UNICODE), Atom("eof")),
        ((Atom("setopts"), []), NOT_SUPPORTED),
        ((Atom("get_geometry"), Atom("columns")), NOT_SUPPORTED),
        (Atom("getopts"), [("binary", False), ("encoding", "unicode")]),
        ((Atom("what"), 1), REQUEST),
        (Atom("what"), REQUEST),
        (None, REQUEST),
        ((), REQUEST),
        ((Atom("requests"), 1), REQUEST),
    ],
)
def test_everything_else_is_answered_and_writes_nothing(
    request_: Any, reply: Any
) -> None:
    assert ask(request_) == (reply, "")


def test_a_list_of_requests_ends_at_the_first_that_fails() -> None:
    bad = (PUT, UNICODE, Atom("a"))
    requests = [(PUT, UNICODE, b"1"), bad, (PUT, UNICODE, b"2")]
    reply, text = ask((Atom("requests"), requests))
    assert (reply[0], text) == ("error", "1")


def test_requests_inside_requests_have_a_limit() -> None:
    request: Any = (PUT, UNICODE, b"x")
    for _ in range(user.MAX_NESTING):
        request = (Atom("requests"), [request])
    assert ask(request) == (OK, "x")
    for _ in range(10_000):
        request = (Atom("requests"), [request])
    assert ask(request) == (REQUEST, "")


@pytest.mark.parametrize("error", [BrokenPipeError(), ValueError("closed file")])
def test_an_output_that_is_gone_is_an_answer_and_no_crash(error: Exception) -> None:
    def write(_: str) -> None:
        raise error

    reply = user.answer((PUT, UNICODE, b"x"), write)
    assert reply == (Atom("error"), Atom("terminated"))


def test_no_control_sequence_reaches_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    user.write_to("stdout", "a\x1b[31mred\x07\r\tb\n\u202e")
    assert capsys.readouterr().out == "a?[31mred??\tb\n?"


def test_what_the_output_cannot_show_is_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    user.write_to("stdout", "h\u00e9")
    assert raw.getvalue() == b"h?"


def test_a_program_without_an_output_drops_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    user.write_to("stdout", "x")


async def test_the_devices_answer_whoever_asks(
    node: LoneNode, capsys: pytest.CaptureFixture[str]
) -> None:
    runtime = node.runtime
    await node.spawn(user.user, name="user")
    await node.spawn(user.standard_error, name="standard_error")
    asker = sleeper(runtime)
    for name in ("user", "standard_error"):
        request = (Atom("io_request"), asker.pid, 1, (PUT, UNICODE, name.encode()))
        await asker.send(name, request)
    await settle()
    assert mail(asker) == [(Atom("io_reply"), 1, OK)] * 2
    assert capsys.readouterr() == ("user", "standard_error")


async def test_user_is_the_group_leader_of_new_processes(node: LoneNode) -> None:
    await node.spawn(user.user, name="user")
    await settle()
    assert sleeper(node.runtime).group_leader == node.runtime.whereis("user")


@pytest.mark.parametrize(
    "message",
    [
        1,
        (Atom("io_request"),),
        (Atom("io_request"), Atom("nobody"), 1, (PUT, UNICODE, b"")),
        (Atom("io_request"), (1, 2), 1, (PUT, UNICODE, b"")),
        (Atom("io_request"), Pid("py@test", 99, 0, 7), 1, (PUT, UNICODE, b"")),
        (Atom("io_request"), None, 1, 2),
    ],
)
async def test_nothing_that_is_sent_to_a_device_ends_it(
    node: LoneNode, message: Any
) -> None:
    pid = await node.spawn(user.user)
    await node.runtime.root.send(pid, message)
    await settle()
    assert find(node.runtime, pid).alive
