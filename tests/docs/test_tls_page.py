"""The page on TLS, followed word by word as far as that goes without a BEAM."""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING

import pytest

import ergopy
from ergopy.cli import main
from tests.docs.pages import DOCS, blocks, program

if TYPE_CHECKING:
    from pathlib import Path

PAGE = DOCS / "howto" / "tls.md"
COMMANDS = [
    line.removeprefix("$ ")
    for block in blocks(PAGE, "console")
    for line in block.text.splitlines()
]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def made(here: Path) -> Path:
    """A folder in which the commands of the page that make something were run."""
    for command in COMMANDS:
        if re.match(r"ergopy certs (init|node|beam)", command):
            assert main(shlex.split(command)[1:]) == 0, command
    return here


def test_the_commands_make_the_files_that_the_page_shows(made: Path) -> None:
    (tree,) = [block.text for block in blocks(PAGE, "") if "ca.key" in block.text]
    for line in tree.splitlines():
        assert (made / line.split()[0]).exists(), line
    options = (made / "certs" / "shop@10.0.0.5" / "ssl_dist.conf").read_text()
    assert '"/etc/shop/tls/key.pem"' in options


def test_the_commands_of_a_beam_name_the_options_that_were_written(made: Path) -> None:
    started = [c for c in COMMANDS if c.startswith(("iex ", "erl "))]
    assert len(started) == 2
    for command in started:
        (path,) = re.findall(r"-ssl_dist_optfile ([^\s\"]+)", command)
        assert os.path.exists(path.replace("$PWD", str(made)))
        assert "-proto_dist inet_tls" in command


async def test_the_program_and_the_commands_reach_the_other_node(
    start, run_command, made: Path
) -> None:
    (made / "py.py").write_text(program(PAGE))
    tls = ergopy.Tls.from_folder("certs/iex@127.0.0.1")
    async with (
        ergopy.Node("iex@127.0.0.1", cookie="secret", tls=tls) as iex,
        start(made / "py.py") as running,
    ):
        assert await running.line() == "True"
        assert await iex.ping("py@127.0.0.1")
        export, ping, check = (
            next(c for c in COMMANDS if c.startswith(start))
            for start in ("export", "ergopy ping", "ergopy certs check iex")
        )
        assert await run_command(f"{export}; {ping}") == "pong\n"
        assert "BAD" not in await run_command(check)


def test_every_reason_is_explained() -> None:
    from ergopy.cli.tls import REMEDIES

    text = PAGE.read_text()
    explained = set(re.findall(r"`(\w+)`", "\n".join(re.findall(r"(?m)^\| .*", text))))
    documented = set(re.findall(r"``(\w+)``", f"{ergopy.TlsError.__doc__}"))
    documented |= set(re.findall(r"``(\w+)``", f"{ergopy.CertificateError.__doc__}"))
    reasons = documented - {"reason", "ours", "revoked"}
    assert len(reasons) > 10
    assert reasons <= explained
    assert set(REMEDIES) <= reasons
