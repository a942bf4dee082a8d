"""The command line, in this process and in one of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
import trio

import epmd
from epmd.__main__ import main
from ergopy.testing.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOPBACK = "127.0.0.1"


class Daemon:
    """An EPMD in a thread, as `main` runs Trio in this one."""

    def __init__(self, *, relaxed: bool = False) -> None:
        self.server = epmd.Server()
        self._relaxed = relaxed
        self._up = threading.Event()
        self._thread = threading.Thread(target=trio.run, args=(self._main,))

    def __enter__(self) -> epmd.Server:
        self._thread.start()
        assert self._up.wait(60)
        return self.server

    def __exit__(self, *exc_info: object) -> None:
        self._token.run_sync_soon(self._scope.cancel)
        self._thread.join()

    async def _main(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._scope = trio.CancelScope()
        with self._scope:
            async with trio.open_nursery() as nursery:
                self.server = await nursery.start(self._serve)
                self.server.registry.register(
                    epmd.NodeInfo("snake", 9999, 72, extra=b"\xff"), 1, 5
                )
                self._up.set()
                await trio.sleep_forever()

    async def _serve(self, task_status: trio.TaskStatus[epmd.Server]) -> None:
        await epmd.serve(LOOPBACK, 0, relaxed=self._relaxed, task_status=task_status)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[epmd.Server]:
    with Daemon() as server:
        monkeypatch.setenv("ERL_EPMD_PORT", str(server.port))
        yield server


@pytest.fixture
def relaxed_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[epmd.Server]:
    with Daemon(relaxed=True) as server:
        monkeypatch.setenv("ERL_EPMD_PORT", str(server.port))
        yield server


@pytest.fixture
def closed_port() -> int:
    """One that nobody listens on, and that the system gives to nobody."""
    return free_port()


SNAKE = {
    "name": "snake",
    "port": 9999,
    "node_type": 72,
    "protocol": 0,
    "high": 6,
    "low": 5,
    "extra": "ff",
}


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["names"], "name snake at port 9999\n"),
        (
            ["lookup", "snake"],
            "name snake at port 9999, hidden, versions 5..6, extra ff\n",
        ),
        (
            ["lookup", "snake@127.0.0.1"],
            "name snake at port 9999, hidden, versions 5..6, extra ff\n",
        ),
        (["dump"], "active snake at port 9999, fd 1\n"),
    ],
)
def test_question_is_answered_in_plain_text(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 0
    assert capsys.readouterr().out == expected


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("arguments", "status", "expected"),
    [
        (["names"], 0, [{"name": "snake", "port": 9999}]),
        (["lookup", "snake"], 0, SNAKE),
        (["lookup", "nobody"], 1, None),
        (["dump"], 0, [{"name": "snake", "port": 9999, "fd": 1, "active": True}]),
    ],
)
def test_question_is_answered_in_json(
    arguments: list[str],
    status: int,
    expected: object,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*arguments, "--json"]) == status
    assert json.loads(capsys.readouterr().out) == expected


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["lookup", "nobody"], "no node nobody"),
        (["kill"], "nodes are registered"),
        (["stop", "snake"], "relaxed"),
    ],
)
def test_status_is_1_when_the_answer_is_no(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert words in captured.err


def test_relaxed_server_stops_a_node_and_ends(
    relaxed_server: epmd.Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stop", "snake"]) == 0
    assert main(["stop", "snake"]) == 1
    assert main(["kill", "--json"]) == 0
    out, err = capsys.readouterr()
    assert out == 'stopped\n{"result": "killed"}\n'
    assert err.startswith("epmd: no 'snake' at the EPMD of 127.0.0.1:")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["dance"],
        ["lookup"],
        ["names", "--port", "65536"],
        ["names", "--port", "x"],
        ["names", "--timeout", "-1"],
        ["names", "--timeout", "nan"],
        ["names", "--timeout", "soon"],
    ],
)
def test_status_is_2_for_a_usage_error(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as info:
        main(arguments)
    assert info.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", "a\x1b[2Jb", "a" * 256])
def test_impossible_name_is_a_usage_error_and_escaped(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lookup", name]) == 2
    assert "\x1b" not in capsys.readouterr().err


@pytest.mark.parametrize("command", [["names"], ["lookup", "a"], ["dump"], ["kill"]])
def test_status_is_3_when_nobody_is_there(
    command: list[str], closed_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--port", str(closed_port)]) == 3
    assert capsys.readouterr().err == (
        f"epmd: no EPMD at 127.0.0.1:{closed_port}: Connection refused\n"
    )


def test_status_is_3_when_the_port_to_serve_on_is_busy(
    server: epmd.Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "--address", LOOPBACK, "--port", str(server.port)]) == 3
    assert "ERL_EPMD_PORT" in capsys.readouterr().err


def test_control_characters_in_a_name_are_escaped(
    server: epmd.Server,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def names(**_: object) -> list[epmd.NodeEntry]:
        return [epmd.NodeEntry("smör\x1b[2J\n\u202e", 1)]

    monkeypatch.setattr(epmd, "names", names)
    assert main(["names"]) == 0
    assert capsys.readouterr().out == "name smör\\x1b[2J\\n\\u202e at port 1\n"


@pytest.mark.parametrize("signal_", [signal.SIGTERM, signal.SIGINT])
def test_program_serves_until_it_is_told_to_end(signal_: signal.Signals) -> None:
    command = [sys.executable, "-m", "epmd", "serve", "--address", LOOPBACK]
    with subprocess.Popen(
        [*command, "--port", "0", "--json"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert told["addresses"] == [[LOOPBACK, told["port"]]]
        assert main(["names", "--port", str(told["port"])]) == 0
        process.send_signal(signal_)
        assert process.wait(60) == 0


def test_program_ends_when_it_is_killed_over_the_network() -> None:
    command = [sys.executable, "-m", "epmd", "serve", "--address", LOOPBACK]
    with subprocess.Popen(
        [*command, "--port", "0", "--relaxed"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("epmd: listening on 127.0.0.1 port ")
        assert main(["kill", "--port", line.split()[-1]]) == 0
        assert process.wait(60) == 0
