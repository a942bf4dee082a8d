"""Our EPMD serves BEAM nodes of both releases for each other."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import Beam, Daemon, Otp, unique

if TYPE_CHECKING:
    import subprocess

Start = Callable[..., Any]


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for what a BEAM does in its own time."""
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.1)


def pings(one: Beam, other: Beam) -> str:
    return one.eval(f"net_adm:ping('{other.name}')")


@pytest.fixture
def ours(start_ours: Start) -> Daemon:
    daemon: Daemon = start_ours()
    return daemon


@pytest.mark.parametrize("first", [0, 1])
def test_nodes_of_two_releases_find_each_other(
    first: int, otps: list[Otp], ours: Daemon, start_beam: Start
) -> None:
    beams = [start_beam(otp, ours.port) for otp in otps]
    assert pings(beams[first], beams[1 - first]) == "pong"
    assert beams[first].eval("nodes()") == f"['{beams[1 - first].name}']"


def test_net_adm_lists_the_living_nodes(
    otp: Otp, otps: list[Otp], ours: Daemon, start_beam: Start
) -> None:
    witness, *others = [start_beam(release, ours.port) for release in (otp, *otps)]
    assert witness.listed() == {witness.short, *(beam.short for beam in others)}
    others[0].stop()
    until(lambda: witness.listed() == {witness.short, others[1].short})


def test_second_node_of_a_name_is_refused(
    otp: Otp, otps: list[Otp], ours: Daemon, start_beam: Start
) -> None:
    first = start_beam(otps[0], ours.port)
    with pytest.raises(RuntimeError, match="seems to be in use"):
        start_beam(otp, ours.port, first.short)
    assert first.listed() == {first.short}


def test_node_has_our_creation_and_its_successor_the_next(
    otp: Otp, ours: Daemon, start_beam: Start, run_epmd: Start
) -> None:
    name = unique("again")
    creations = []
    before = int(time.time())
    for _ in range(2):
        beam = start_beam(otp, ours.port, name)
        creations.append(int(beam.eval("erlang:system_info(creation)")))
        beam.stop()
        # The name is free when the server has seen the end of its connection.
        until(lambda: name not in run_epmd(otp, ours.port, "-names").stdout)
    assert before <= creations[0] <= before + 60
    assert creations[1] == creations[0] + 1


def test_nodes_come_back_when_our_server_is_killed_and_restarted(
    otps: list[Otp], ours: Daemon, start_beam: Start
) -> None:
    beams = [start_beam(otp, ours.port) for otp in otps]
    creations = [beam.eval("erlang:system_info(creation)") for beam in beams]
    ours.kill9()
    ours.start()
    until(lambda: len(beams[0].listed()) == 2)
    assert pings(*beams) == "pong"
    assert [b.eval("erlang:system_info(creation)") for b in beams] == creations


def test_epmd_program_of_otp_is_a_client_of_ours(
    otp: Otp, ours: Daemon, start_beam: Start, run_epmd: Start
) -> None:
    beam = start_beam(otp, ours.port)
    listed: subprocess.CompletedProcess[str] = run_epmd(otp, ours.port, "-names")
    assert f"up and running on port {ours.port}" in listed.stdout
    assert f"name {beam.short} at port " in listed.stdout
    assert "Killing not allowed" in run_epmd(otp, ours.port, "-kill").stdout
    beam.stop()
    until(lambda: beam.short not in run_epmd(otp, ours.port, "-names").stdout)
    assert run_epmd(otp, ours.port, "-kill").stdout == "Killed\n"
    assert ours.wait() == 0


def test_epmd_program_of_otp_stops_a_node_of_a_relaxed_server(
    otp: Otp, start_ours: Start, start_beam: Start, run_epmd: Start
) -> None:
    ours = start_ours("--relaxed")
    beam = start_beam(otp, ours.port)
    assert run_epmd(otp, ours.port, "-stop", beam.short).stdout == "STOPPED\n"
    assert beam.short not in run_epmd(otp, ours.port, "-names").stdout
    until(lambda: beam.short in run_epmd(otp, ours.port, "-names").stdout)
