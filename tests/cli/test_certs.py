"""``ergopy certs``, and the other commands over TLS, as a user would run them."""

from __future__ import annotations

import argparse
import json
import stat
from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
from ergopy.cli import certs as command
from ergopy.cli import main
from tests.certificates import Desk, certificates
from tests.cli.test_commands import ergopy_command
from tests.nodes import COOKIE, Echo, unique_name

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

__all__ = ["certificates"]

NODE = "py@127.0.0.1"


@pytest.fixture
async def served(epmd_port: int, certificates: Desk) -> AsyncIterator[ergopy.Node]:
    name = unique_name()
    async with ergopy.Node(name, cookie=COOKIE, tls=certificates.good(name)) as node:
        await node.start(Echo, name="echo")
        yield node


@pytest.fixture
def mine(certificates: Desk) -> str:
    """A folder with a certificate of our own."""
    return str(certificates.files("cli@127.0.0.1"))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def certs(*words: str) -> int:
    try:
        return main(["certs", *words])
    except SystemExit as exit_:
        return int(exit_.code or 0)


def test_three_commands_make_all_that_a_cluster_needs(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert certs("init") == 0
    assert f"next: ergopy certs node {NODE}" in capsys.readouterr().out
    assert certs("node", NODE) == 0
    printed = capsys.readouterr().out
    assert "good for 127.0.0.1 until" in printed
    assert "ergopy.Tls.from_folder('certs/py@127.0.0.1')" in printed
    assert certs("node", "iex@127.0.0.1") == 0
    capsys.readouterr()
    assert certs("beam", "iex@127.0.0.1") == 0
    printed = capsys.readouterr().out
    path = here / "certs" / "iex@127.0.0.1" / "ssl_dist.conf"
    assert f"-proto_dist inet_tls -ssl_dist_optfile {path}" in printed
    assert "erl -name iex@127.0.0.1" in printed
    assert "iex --name iex@127.0.0.1 --erl" in printed
    assert path.exists()
    key = here / "certs" / NODE / "key.pem"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    ergopy.Tls.from_folder(here / "certs" / NODE)


def test_a_short_name_is_started_with_sname(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    certs("init")
    certs("node", "iex@myhost")
    certs("beam", "iex@myhost", "--at", "/etc/tls")
    printed = capsys.readouterr().out
    assert "iex --sname iex@myhost" in printed
    assert "-ssl_dist_optfile /etc/tls/ssl_dist.conf" in printed


def test_options_shape_what_is_made(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from ergopy.certs import load, looks

    assert certs("init", "--title", "shop", "--folder", "pki", "--days", "9") == 0
    assert "--folder pki" in capsys.readouterr().out
    words = ["node", NODE, "--folder", "pki", "--host", "shop.lan", "--days", "2"]
    assert certs(*words) == 0
    made = looks(load(here / "pki" / NODE / "cert.pem")[0])
    assert made.hosts == ("127.0.0.1", "shop.lan")
    assert (made.issuer, made.days_left()) == ("shop", 2)
    assert certs(*words, "--force", "--rsa") == 0
    made = looks(load(here / "pki" / NODE / "cert.pem")[0])
    assert made.key.startswith("RSA")


def test_nothing_is_overwritten_without_force(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    certs("init")
    certs("node", NODE)
    certs("beam", NODE)
    files = {path: path.read_bytes() for path in here.rglob("*.*") if path.is_file()}
    for words in (["init"], ["node", NODE], ["beam", NODE]):
        capsys.readouterr()
        assert certs(*words) == 2
        assert "--force" in capsys.readouterr().err
    assert files == {path: path.read_bytes() for path in files}
    assert certs("node", NODE, "--force") == 0
    assert (
        files[here / "certs" / NODE / "key.pem"]
        != (here / "certs" / NODE / "key.pem").read_bytes()
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["node", NODE], "ergopy certs init"),
        (["node", "py"], "by its full name"),
        (["beam", NODE], f"ergopy certs node {NODE}"),
        (["init", "--days", "0"], "not a number of days"),
        (["init", "--days", "many"], "not a number of days"),
        (["check"], "give a NODE"),
        (["check", "nowhere"], "neither NODE nor HOST:PORT"),
        ([], "TASK"),
        (["frob"], "invalid choice"),
    ],
)
def test_mistakes_are_answered_in_a_line(
    here: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    if words == ["node", "py"]:
        certs("init")
    assert certs(*words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def test_check_looks_at_the_files_of_a_node(
    here: Path, certificates: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    own = str(certificates.files(NODE))
    assert certs("check", "--files", own) == 0
    assert "BAD" not in capsys.readouterr().out
    certificates.bad(NODE, "expired")
    assert certs("check", "--files", own, "--json") == 1
    steps = json.loads(capsys.readouterr().out)["steps"]
    (bad,) = [step for step in steps if not step["ok"]]
    assert bad["step"] == "dates"
    assert "ended at" in bad["found"]
    assert "certs node" in bad["try"]


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run ``ergopy certs check``; give its status, and what it found."""
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)

    async def run(*words: str) -> tuple[int, list[dict[str, Any]]]:
        status = await command.run(parser.parse_args(["check", "--json", *words]))
        return status, json.loads(capsys.readouterr().out)["steps"]

    return run


async def test_check_says_who_is_there_and_that_it_is_to_be_trusted(
    served: ergopy.Node, mine: str, check: Any
) -> None:
    status, steps = await check(served.name, "--tls", mine)
    found = {step["step"]: step["found"] for step in steps}
    assert status == 0
    assert list(found) == [
        "epmd", "tls", "who", "hosts", "dates", "sha256", "trust", "ours"
    ]  # fmt: skip
    assert found["tls"].startswith("TLSv1.3 with ")
    assert found["who"].startswith(served.name)
    assert found["hosts"] == "127.0.0.1"
    assert "365 days" in found["dates"]
    port = await check(f"127.0.0.1:{served.port}", "--tls", mine)
    assert [step["step"] for step in port[1]] == list(found)[1:]


async def test_check_without_a_certificate_of_ours_shows_that_of_the_other(
    served: ergopy.Node, check: Any
) -> None:
    status, steps = await check(served.name)
    assert status == 0
    assert steps[-1]["step"] == "trust"
    assert "--tls" in steps[-1]["found"]


@pytest.mark.parametrize(
    ("kind", "days"), [("wrong_name", True), ("expired", False), ("self_signed", True)]
)
async def test_check_names_what_is_wrong_over_there(
    epmd_port: int, certificates: Desk, mine: str, check: Any, kind: str, days: bool
) -> None:
    name = unique_name()
    tls = certificates.bad(name, kind)
    async with ergopy.Node(name, cookie=COOKIE, tls=tls):
        status, steps = await check(name, "--tls", mine)
    assert status == 1
    bad = [step for step in steps if not step["ok"]]
    assert bad[-1]["step"] == "trust"
    assert f"[{kind}]" in bad[-1]["found"]
    assert (len(bad) == 1) is days


async def test_check_names_what_is_wrong_here(
    served: ergopy.Node, certificates: Desk, check: Any
) -> None:
    certificates.bad("cli@127.0.0.1", "expired")
    status, steps = await check(
        served.name, "--tls", str(certificates.folder / "cli@127.0.0.1")
    )
    assert status == 1
    assert steps[-1]["step"] == "ours"
    assert "[expired]" in steps[-1]["found"]


async def test_check_of_what_is_not_there_has_status_3(
    served: ergopy.Node, mine: str, check: Any
) -> None:
    status, steps = await check("absent@127.0.0.1", "--tls", mine)
    assert (status, steps[-1]["step"]) == (3, "epmd")
    status, steps = await check("127.0.0.1:1", "--tls", mine)
    assert (status, steps[-1]["step"]) == (3, "connect")


async def test_check_of_a_node_without_tls_says_so(
    epmd_port: int, mine: str, check: Any
) -> None:
    async with ergopy.Node(unique_name(), cookie=COOKIE) as plain:
        status, steps = await check(plain.name, "--tls", mine)
    assert status == 1
    assert not steps[-1]["ok"]
    assert "[closed]" in steps[-1]["found"]


async def test_the_other_commands_reach_a_node_over_tls(
    served: ergopy.Node, mine: str
) -> None:
    done = await ergopy_command("ping", served.name, "--tls", mine)
    assert (done.returncode, done.stdout) == (0, b"pong\n")
    done = await ergopy_command("call", served.name, "echo", "hello", ERGOPY_TLS=mine)
    assert (done.returncode, done.stdout) == (0, b"hello\n")


async def test_the_files_may_be_given_one_by_one(
    served: ergopy.Node, mine: str
) -> None:
    files = ["--tls-cert", f"{mine}/cert.pem", "--tls-key", f"{mine}/key.pem"]
    done = await ergopy_command(
        "doctor", served.name, *files, "--tls-ca", f"{mine}/ca.pem"
    )
    assert done.returncode == 0, done.stdout
    assert b"pong" in done.stdout
    done = await ergopy_command("ping", served.name, "--tls-key", files[-1])
    assert done.returncode == 2
    assert b"--tls-cert" in done.stderr


async def test_without_tls_the_commands_say_what_is_missing(
    served: ergopy.Node,
) -> None:
    done = await ergopy_command("ping", served.name)
    assert (done.returncode, done.stdout) == (1, b"pang\n")
    assert b"TLS" in done.stderr


async def test_the_doctor_knows_what_can_be_wrong_with_tls(
    served: ergopy.Node, mine: str, certificates: Desk
) -> None:
    done = await ergopy_command("doctor", served.name, "--json")
    last = json.loads(done.stdout)["steps"][-1]
    assert "TLS" in last["found"]
    assert "--tls" in last["try"]
    certificates.bad("cli@127.0.0.1", "unknown_authority")
    done = await ergopy_command("doctor", served.name, "--json", "--tls", mine)
    last = json.loads(done.stdout)["steps"][-1]
    assert "refuses our certificate" in last["found"]
    assert "authority" in last["try"]


async def test_a_folder_that_is_not_there_is_a_mistake_in_usage(
    epmd_port: int, tmp_path: Path
) -> None:
    done = await ergopy_command("ping", "a@127.0.0.1", "--tls", str(tmp_path / "no"))
    assert done.returncode == 2
    assert b"no such folder" in done.stderr


async def test_run_serves_over_tls(
    epmd_port: int, certificates: Desk, tmp_path: Path
) -> None:
    (tmp_path / "shop.py").write_text(
        "async def main(node):\n    await node.wait_closed()\n"
    )
    name, own = unique_name("run"), unique_name()
    folder = certificates.files(name)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(
            lambda: ergopy_command(
                "run",
                "shop:main",
                "--name",
                name,
                "--tls",
                str(folder),
                cwd=tmp_path,
                PYTHONPATH=str(tmp_path),
            )
        )
        tls = certificates.good(own)
        async with ergopy.Node(own, cookie=COOKIE, tls=tls) as node:
            with trio.fail_after(60):
                while not await node.ping(name):  # noqa: ASYNC110 - until it is up
                    await trio.sleep(0.05)
        nursery.cancel_scope.cancel()
