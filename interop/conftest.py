"""Fixtures for chapters that talk to real BEAM nodes.

One port mapper on a private port serves the run. ``beam`` is an OTP 25 and an OTP 28
node in turn, ``elixir`` an Elixir node; both are shared by the tests of a module, so
each test has its own Python ``node`` under a new name. A test that kills, freezes or
misconfigures a BEAM makes its own with ``new_beam``. What is called ``otp25`` is the
``erl`` of PATH, which may be of another release: ``beam.release`` says which.

Without the programs the tests skip; with ``ERGOPY_REQUIRE_BEAM=1`` they fail.
"""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING, Any

import pytest

from .beam import Beam, Epmd, Missing, compile_peer, unique_name
from .terminals import Terminal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    import ergopy


def missing(problem: object) -> None:
    """Skip, or fail where a BEAM has to be."""
    if os.environ.get("ERGOPY_REQUIRE_BEAM") == "1":
        pytest.fail(f"a BEAM is required here: {problem}", pytrace=False)
    pytest.skip(str(problem))


@pytest.fixture(scope="session")
def cookie() -> str:
    """The cookie of every node of this run."""
    return secrets.token_hex(8)


@pytest.fixture(scope="session")
def epmd() -> Iterator[Epmd]:
    """The port mapper of every node of this run."""
    try:
        epmd = Epmd()
    except Missing as problem:
        missing(problem)
    yield epmd
    epmd.stop()


@pytest.fixture(scope="session")
def peer_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the compiled Erlang side of the harness."""
    try:
        return compile_peer(tmp_path_factory.mktemp("peer"))
    except Missing as problem:
        missing(problem)
        raise


@pytest.fixture(scope="session")
def start_beam(
    peer_code: Path, epmd: Epmd, cookie: str, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Beam]:
    """``start_beam(kind, **options)``: a BEAM that the caller has to stop."""
    folder = tmp_path_factory.mktemp("beam")

    def start(kind: str, **options: Any) -> Beam:
        defaults = {
            "code": peer_code,
            "folder": folder,
            "epmd_port": epmd.port,
            "cookie": cookie,
        }
        try:
            return Beam(kind, **(defaults | options))
        except Missing as problem:
            missing(problem)
            raise

    return start


@pytest.fixture(scope="module", params=["otp25", "otp28"])
def beam(
    request: pytest.FixtureRequest, start_beam: Callable[..., Beam]
) -> Iterator[Beam]:
    """A BEAM of each release, shared by the tests of a module."""
    beam = start_beam(request.param)
    yield beam
    beam.stop()


@pytest.fixture(scope="module")
def elixir(start_beam: Callable[..., Beam]) -> Iterator[Beam]:
    """An Elixir node, shared by the tests of a module."""
    beam = start_beam("elixir")
    yield beam
    beam.stop()


@pytest.fixture(params=["otp25", "otp28"])
def new_beam(
    request: pytest.FixtureRequest, start_beam: Callable[..., Beam]
) -> Iterator[Callable[..., Beam]]:
    """``new_beam(**options)``: a BEAM of each release, for this test alone."""
    started: list[Beam] = []

    def start(kind: str = request.param, **options: Any) -> Beam:
        started.append(start_beam(kind, **options))
        return started[-1]

    yield start
    for beam in started:
        beam.stop()


@pytest.fixture
def open_terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """``open_terminal(command, env=..)``: a program in a terminal of its own."""
    opened: list[Terminal] = []

    def start(command: list[str], **options: Any) -> Terminal:
        try:
            opened.append(Terminal(command, folder=tmp_path, **options))
        except Missing as problem:
            missing(problem)
        return opened[-1]

    yield start
    for terminal in opened:
        terminal.stop()


@pytest.fixture
def node_options(
    epmd: Epmd, cookie: str, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """What makes an ``ergopy.Node`` a member of this run's cluster."""
    monkeypatch.setenv("ERL_EPMD_PORT", str(epmd.port))
    return {"name": unique_name("py"), "cookie": cookie}


@pytest.fixture
async def node(node_options: dict[str, Any]) -> AsyncIterator[ergopy.Node]:
    """A visible Python node under a new name."""
    from ergopy import Node

    async with Node(**node_options) as node:
        yield node


@pytest.fixture
async def desk(node: ergopy.Node) -> Any:
    """A Python server registered as ``desk``; the value is its pid."""
    from .servers import Desk

    return await node.start(Desk, name="desk")


@pytest.fixture
async def server(beam: Beam) -> AsyncIterator[Any]:
    """An Erlang server on ``beam``, as ``(name, node)``."""
    from .servers import local_name

    name = local_name("server")
    await beam.run("{ok, _} = ergopy_peer_server:start(Name)", Name=name)
    yield name, beam.name
    await beam.run(
        "case whereis(Name) of undefined -> ok; Pid -> exit(Pid, kill) end", Name=name
    )
