"""``user`` and ``standard_error``: what they write to and read from."""

from __future__ import annotations

import io
import os
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
from ergopy import io as device_io
from ergopy.services.io import serve_stdin, user
from etf import Atom, Pid
from tests.runtimes import find, mail, settle, sleeper

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.services.conftest import LoneNode

OK = Atom("ok")
UNICODE, PUT = Atom("unicode"), Atom("put_chars")


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
    await node.start(user.User, name="user")
    await node.start(user.StandardError, name="standard_error")
    asker = sleeper(runtime)
    for name in ("user", "standard_error"):
        request = (Atom("io_request"), asker.pid, 1, (PUT, UNICODE, name.encode()))
        await asker.send(name, request)
    await settle()
    assert mail(asker) == [(Atom("io_reply"), 1, OK)] * 2
    assert capsys.readouterr() == ("user", "standard_error")


async def test_user_is_the_group_leader_of_new_processes(node: LoneNode) -> None:
    await node.start(user.User, name="user")
    await settle()
    assert sleeper(node.runtime).group_leader == node.runtime.whereis("user")


@pytest.mark.parametrize(
    "message",
    [
        1,
        (Atom("io_request"),),
        (b"io_request", 1, 2, 3),
        (Atom("io_request"), Atom("nobody"), 1, (PUT, UNICODE, b"")),
        (Atom("io_request"), (1, 2), 1, (PUT, UNICODE, b"")),
        (Atom("io_request"), Pid("py@test", 99, 0, 7), 1, (PUT, UNICODE, b"")),
        (Atom("io_request"), Pid("py@test", 99, 0, 7), 1, (Atom("get_line"), b"")),
        (Atom("io_request"), None, 1, 2),
    ],
)
async def test_nothing_that_is_sent_to_a_device_ends_it(
    node: LoneNode, message: Any
) -> None:
    pid = await node.start(user.User)
    await node.runtime.root.send(pid, message)
    await settle()
    assert find(node.runtime, pid).alive


@pytest.mark.parametrize("error", [BrokenPipeError(), ValueError("closed file")])
async def test_an_output_that_is_gone_is_an_answer_and_no_crash(
    node: LoneNode, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: Any) -> None:
        raise error

    pid = await node.start(user.User)
    monkeypatch.setattr(user, "write_to", fail)
    root = node.runtime.root
    request = (PUT, UNICODE, b"x")
    reply = await device_io.request(pid, request, caller=root)
    assert reply == (Atom("error"), Atom("terminated"))
    assert find(node.runtime, pid).alive


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Standard input as a pipe; the value is where to type."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield writing
    os.close(writing)


async def test_input_is_at_its_end_unless_the_program_wants_it_read(
    node: LoneNode, typed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    os.write(typed, "gr\u00fc\u00df\nzwei\n".encode())
    pid = await node.start(user.User)
    root = node.runtime.root
    assert await device_io.get_line("> ", device=pid, caller=root) is None
    assert await device_io.get_password(device=pid, caller=root) is None
    serve_stdin(caller=root)
    assert await device_io.get_line("> ", device=pid, caller=root) == "gr\u00fc\u00df\n"
    assert capsys.readouterr().out == "> "
    serve_stdin(False, caller=root)
    assert await device_io.get_line("> ", device=pid, caller=root) is None
    serve_stdin(caller=root)
    assert await device_io.get_line("", device=pid, caller=root) == "zwei\n"


async def test_half_a_line_is_waited_for_and_kept(node: LoneNode, typed: int) -> None:
    pid = await node.start(user.User)
    root = node.runtime.root
    serve_stdin(caller=root)
    os.write(typed, b"half")
    assert await device_io.get_chars("", 4, device=pid, caller=root) == "half"


async def test_a_file_as_input_is_read_to_its_end(
    node: LoneNode, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    path = tmp_path / "input"
    path.write_text("one\nlast", "utf-8")
    pid = await node.start(user.User)
    root = node.runtime.root
    serve_stdin(caller=root)
    with path.open(encoding="utf-8") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        lines = [
            await device_io.get_line("", device=pid, caller=root) for _ in range(3)
        ]
    assert lines == ["one\n", "last", None]


async def test_a_password_needs_a_terminal(node: LoneNode, typed: int) -> None:
    pid = await node.start(user.User)
    root = node.runtime.root
    serve_stdin(caller=root)
    with pytest.raises(ergopy.IoError) as caught:
        await device_io.get_password(device=pid, caller=root)
    assert caught.value.reason == "enotsup"


async def test_a_password_is_not_shown(
    node: LoneNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    master, slave = os.openpty()
    with os.fdopen(slave) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        pid = await node.start(user.User)
        root = node.runtime.root
        serve_stdin(caller=root)
        os.write(master, b"seen\n")
        assert await device_io.get_line(device=pid, caller=root) == "seen\n"
        shown = os.read(master, 100)
        async with typing(master):
            secret = await device_io.get_password(device=pid, caller=root)
        assert secret == "hidden"
    os.close(master)
    assert b"seen" in shown


@asynccontextmanager
async def typing(master: int) -> AsyncIterator[None]:
    """Type a password once somebody waits for it."""

    async def type_it() -> None:
        await settle()
        os.write(master, b"hidden\n")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(type_it)
        yield


async def test_without_a_terminal_there_is_no_size(node: LoneNode) -> None:
    pid = await node.start(user.User)
    root = node.runtime.root
    assert await device_io.columns(device=pid, caller=root) is None


async def test_a_terminal_has_a_size(
    node: LoneNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = await node.start(user.User)
    root = node.runtime.root
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "77")
    monkeypatch.setenv("LINES", "11")
    assert await device_io.columns(device=pid, caller=root) == 77
    assert await device_io.rows(device=pid, caller=root) == 11
