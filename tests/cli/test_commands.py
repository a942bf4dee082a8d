"""Each command against a node of the test's own, as a user would run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
from ergopy import Atom
from ergopy.cli import COMMANDS, main
from ergopy.cli.common import jsonable
from tests.nodes import COOKIE, Echo, unique_name

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def served(epmd_port: int) -> AsyncIterator[ergopy.Node]:
    async with ergopy.Node(unique_name(), cookie=COOKIE) as node:
        await node.start(Echo, name="echo")
        node.export("lists", {"seq": lambda a, b: list(range(a, b + 1))})
        node.export("bad", {"luck": _raise})
        yield node


def _raise() -> None:
    raise RuntimeError("no luck")


async def ergopy_command(
    *words: str, cookie: str | None = COOKIE, cwd: Path | None = None, **env: str
) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, **env}
    environment.pop("ERGOPY_COOKIE", None)
    if cookie is not None:
        environment["ERGOPY_COOKIE"] = cookie
    return await trio.run_process(
        [sys.executable, "-m", "ergopy", *words],
        env=environment,
        capture_stdout=True,
        capture_stderr=True,
        check=False,
        cwd=cwd,
    )


async def test_ping_says_pong_or_pang_and_why(served: ergopy.Node) -> None:
    done = await ergopy_command("ping", served.name)
    assert (done.returncode, done.stdout) == (0, b"pong\n")
    done = await ergopy_command("ping", served.name, cookie="wrong")
    assert (done.returncode, done.stdout) == (1, b"pang\n")
    assert b"cookie" in done.stderr
    done = await ergopy_command("ping", "absent@127.0.0.1", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["pong"] is False


async def test_names_lists_the_nodes_of_epmd(served: ergopy.Node) -> None:
    local = served.name.partition("@")[0]
    done = await ergopy_command("names")
    assert done.stdout.decode().split() == [local, str(served.port)]
    done = await ergopy_command("names", "--json")
    assert json.loads(done.stdout) == [{"name": local, "port": served.port}]


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (['{add, 3, <<"x">>}'], '{add,3,<<"x">>}'),
        (["{:add, 3, nil}", "--syntax", "elixir"], "{:add, 3, nil}"),
        (["#{a => [1, 2.5]}", "--json"], '{"a": [1, 2.5]}'),
    ],
)
async def test_call_reads_and_prints_terms(
    served: ergopy.Node, words: list[str], printed: str
) -> None:
    done = await ergopy_command("call", served.name, "echo", *words)
    assert (done.returncode, done.stdout.decode().strip()) == (0, printed)


async def test_call_says_by_its_status_how_it_failed(served: ergopy.Node) -> None:
    nobody = await ergopy_command("call", served.name, "nobody", "1")
    assert nobody.returncode == 1
    assert b"noproc" in nobody.stderr
    late = await ergopy_command(
        "call", served.name, "echo", "wait", "--timeout", "0.05"
    )
    assert late.returncode == 1
    crash = await ergopy_command("call", served.name, "echo", "crash")
    assert crash.returncode == 4
    absent = await ergopy_command("call", "absent@127.0.0.1", "echo", "1")
    assert absent.returncode == 3
    assert b"ergopy doctor absent@127.0.0.1" in absent.stderr
    for one in (nobody, late, crash, absent):
        assert b"Traceback" not in one.stderr


@pytest.mark.parametrize(
    ("syntax", "shown"),
    [("erlang", b"{python,<<"), ("elixir", b'{:python, "')],
)
async def test_a_reason_is_shown_in_the_syntax_that_was_asked_for(
    served: ergopy.Node, syntax: str, shown: bytes
) -> None:
    crash = "crash" if syntax == "erlang" else ":crash"
    for words in (
        ["call", served.name, "echo", crash],
        ["rpc", served.name, "bad", "luck"],
    ):
        failed = await ergopy_command(*words, "--syntax", syntax)
        assert failed.returncode == 4
        assert shown in failed.stderr


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("shop:Plain", b"no behaviour"),
        ("shop:plain", b"no 'async def'"),
        ("shop:nothing", b"too many positional"),
        ("shop:absent", b"absent"),
        ("nowhere:main", b"nowhere"),
        ("..:C", b"cannot load"),
        ("shop", b"MODULE:OBJECT"),
    ],
)
async def test_run_says_in_a_line_what_cannot_be_run(
    tmp_path: Path, target: str, words: bytes
) -> None:
    (tmp_path / "shop.py").write_text(
        "class Plain: pass\ndef plain(node): pass\nasync def nothing(): pass\n"
    )
    done = await ergopy_command(
        "run", target, "--name", unique_name(), cwd=tmp_path, PYTHONPATH=str(tmp_path)
    )
    assert done.returncode == 2
    assert words in done.stderr
    assert b"Traceback" not in done.stderr


async def test_values_that_cannot_work_are_mistakes_in_usage(
    served: ergopy.Node,
) -> None:
    for words in (
        ["call", served.name, "x" * 300, "1"],
        ["call", "nohost", "x", "1"],
        ["ping", served.name, "--timeout", "soon"],
        ["run", "a:b", "--name", served.name, "--port", "x"],
    ):
        done = await ergopy_command(*words)
        assert done.returncode == 2, words
        assert b"Traceback" not in done.stderr


async def test_rpc_prints_the_value_or_says_who_raised(served: ergopy.Node) -> None:
    done = await ergopy_command("rpc", served.name, "lists", "seq", "[1, 3]", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, [1, 2, 3])
    failed = await ergopy_command("rpc", served.name, "bad", "luck")
    assert failed.returncode == 4
    assert b"no luck" in failed.stderr
    usage = await ergopy_command("rpc", served.name, "bad", "luck", "{1}")
    assert usage.returncode == 2


async def test_doctor_finds_a_healthy_node_healthy(served: ergopy.Node) -> None:
    done = await ergopy_command("doctor", served.name)
    assert done.returncode == 0
    assert b"pong" in done.stdout
    assert b"V4_NC" in done.stdout
    assert b"BAD" not in done.stdout


@pytest.mark.parametrize(
    ("node", "cookie", "step", "words"),
    [
        ("absent@127.0.0.1", COOKIE, "epmd", "does not know 'absent'"),
        ("absent@localhost", COOKIE, "epmd", "does not know 'absent'"),
        (None, "wrong", "handshake", "cookie"),
    ],
)
async def test_doctor_names_the_step_that_fails_and_what_to_try(
    served: ergopy.Node, node: str | None, cookie: str, step: str, words: str
) -> None:
    target = node or served.name
    done = await ergopy_command("doctor", target, "--json", cookie=cookie)
    assert done.returncode == 3
    last = json.loads(done.stdout)["steps"][-1]
    assert (last["step"], last["ok"]) == (step, False)
    assert words in last["found"]
    assert last["try"]


async def test_doctor_without_epmd_says_so(epmd_port: int) -> None:
    done = await ergopy_command("doctor", "x@127.0.0.1", "--json")
    last = json.loads(done.stdout)["steps"][-1]
    assert (done.returncode, last["step"]) == (3, "epmd")


async def test_with_a_port_no_epmd_is_asked(epmd_port: int) -> None:
    options = {"cookie": COOKIE, "epmd": "off"}
    async with ergopy.Node("lone@127.0.0.1", **options) as node:
        port = ("--port", str(node.port))
        for command in ("ping", "doctor"):
            done = await ergopy_command(command, node.name, *port)
            assert done.returncode == 0, done.stdout
        done = await ergopy_command("doctor", "other@127.0.0.1", *port)
        assert b"ergopy doctor lone@127.0.0.1" in done.stdout
    done = await ergopy_command("ping", "lone@127.0.0.1", "--port", "0")
    assert done.returncode == 2


async def test_doctor_recognises_what_is_no_node(served: ergopy.Node) -> None:
    import epmd

    async def talk_http(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(
            partial(trio.serve_tcp, talk_http, 0, host="127.0.0.1")
        )
        port = listeners[0].socket.getsockname()[1]
        async with epmd.register("web", port):
            done = await ergopy_command("doctor", "web@127.0.0.1", "--json")
        nursery.cancel_scope.cancel()
    last = json.loads(done.stdout)["steps"][-1]
    assert (last["step"], last["ok"]) == ("handshake", False)
    assert "HTTP" in last["found"]


async def test_run_takes_where_to_listen_and_who_gives_the_name(
    served: ergopy.Node, tmp_path: Path
) -> None:
    (tmp_path / "shop.py").write_text(
        "async def main(node):\n"
        "    print(node.name, node.port, *node.nodes('connected'), flush=True)\n"
    )
    run = partial(ergopy_command, "run", "shop:main", "--name", cwd=tmp_path)
    done = await run("undefined@127.0.0.1", "--named-by", served.name)
    assert done.returncode == 0, done.stdout
    name, port, peer = done.stdout.split()[-3:]
    assert name.endswith(b"@127.0.0.1")
    assert (port, peer.decode()) == (b"0", served.name)
    hosts = ["--listen-host", "127.0.0.1", "--listen-host", "127.0.0.2"]
    done = await run(unique_name("run"), *hosts, "--epmd", "off")
    assert done.returncode == 0, done.stdout
    done = await run(unique_name("run"), "--listen-host", "192.0.2.1")
    assert done.returncode == 3


async def test_run_starts_a_behaviour_and_stops_on_sigterm(
    epmd_port: int, tmp_path: Path
) -> None:
    (tmp_path / "shop.py").write_text(
        "import ergopy\n"
        "class Till(ergopy.GenServer):\n"
        "    async def init(self):\n"
        "        self.trap_exit = True\n"
        "    async def handle_call(self, request, from_):\n"
        "        return request\n"
        "    async def terminate(self, reason):\n"
        "        print('closed:', reason, flush=True)\n"
    )
    (tmp_path / "cookie").write_text(COOKIE + "\n")
    (tmp_path / "cookie").chmod(0o400)
    name = unique_name("run")
    async with trio.open_nursery() as nursery:
        words = ["run", "shop:Till", "--name", name, "--cookie-file"]
        process: trio.Process = await nursery.start(
            partial(
                trio.run_process,
                [sys.executable, "-m", "ergopy", *words, str(tmp_path / "cookie")],
                cwd=tmp_path,
                stdout=subprocess.PIPE,
                check=False,
            )
        )
        assert process.stdout is not None
        assert b"is up on port" in await process.stdout.receive_some()
        async with ergopy.Node(unique_name(), cookie=COOKIE) as node:
            assert await node.call(("till", name), b"sold") == b"sold"
        process.terminate()
        rest = b"".join([chunk async for chunk in process.stdout])
        assert b"closed: shutdown\n" in rest
        assert await process.wait() == 0


async def test_demo_with_a_second_python_process_shows_both_directions() -> None:
    done = await ergopy_command("demo", "--with", "python", cookie=None)
    assert done.returncode == 0, done.stderr
    printed = done.stdout.decode()
    assert "\n13\n" in printed
    assert "Hello from the second process, Python!" in printed
    assert "as you wish" in printed


async def test_a_cookie_file_that_others_can_read_is_refused(
    served: ergopy.Node, tmp_path: Path
) -> None:
    file = tmp_path / "cookie"
    file.write_text(COOKIE)
    file.chmod(0o644)
    done = await ergopy_command(
        "ping", served.name, "--cookie-file", str(file), cookie=None
    )
    assert done.returncode == 2
    assert b"chmod 400" in done.stderr
    assert COOKIE.encode() not in done.stderr


@pytest.mark.parametrize(
    "words", [[], ["frob"], ["ping"], ["call", "a@b", "x"], ["run", "x"]]
)
def test_mistakes_in_usage_have_status_2(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = main(words)
    except SystemExit as exit_:
        status = exit_.code  # type: ignore[assignment]
    assert status == 2
    assert "usage" in capsys.readouterr().err


def test_help_and_usage_errors_import_neither_trio_nor_cryptography() -> None:
    script = (
        "import sys\n"
        "from ergopy.cli import main\n"
        f"for words in (['--help'], *([c, '--help'] for c in {list(COMMANDS)!r})):\n"
        "    try:\n"
        "        main(words)\n"
        "    except SystemExit as exit:\n"
        "        assert exit.code == 0\n"
        "assert not {'trio', 'cryptography', 'asyncio'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("term", "plain"),
    [
        (Atom("ok"), "ok"),
        (b"text", "text"),
        (b"\xff\0", "<<255,0>>"),
        ((1, [Atom("a")]), [1, ["a"]]),
        ({1: None, b"k": True}, {"1": None, "k": True}),
    ],
)
def test_terms_become_the_nearest_json(term: Any, plain: Any) -> None:
    assert jsonable(term) == plain
