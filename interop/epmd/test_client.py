"""Our client at the EPMDs of both releases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import trio

import epmd

from .conftest import Daemon, Otp, unique, until

Start = Callable[..., Any]


@pytest.fixture
def theirs(otp: Otp, start_theirs: Start) -> Daemon:
    daemon: Daemon = start_theirs(otp)
    return daemon


def watch() -> tuple[trio.Event, trio.Event, Callable[[epmd.Registration], None]]:
    """Events for the loss of a registration and its return, and what sets them."""
    lost, regained = trio.Event(), trio.Event()

    def on_change(registration: epmd.Registration) -> None:
        (regained if registration.registered else lost).set()

    return lost, regained, on_change


async def none_registered(port: int) -> bool:
    return not await epmd.names(port=port)


async def test_everything_that_is_registered_is_found_again(theirs: Daemon) -> None:
    port = theirs.port
    async with epmd.register(
        "smörgås", 7, hidden=True, epmd_port=port, extra=b"\0extra"
    ) as registration:
        node = epmd.NodeInfo("smörgås", 7, 72, extra=b"\0extra")
        assert await epmd.lookup("smörgås", port=port) == node
        assert await epmd.lookup("nobody", port=port) is None
        assert await epmd.names(port=port) == [epmd.NodeEntry("smörgås", 7)]
        (entry,) = await epmd.dump(port=port)
        assert (entry.name, entry.port, entry.active) == ("smörgås", 7, True)
        assert registration.creation > 2**30
        with pytest.raises(epmd.EpmdRefused):
            await epmd.kill(port=port)
        with pytest.raises(epmd.EpmdRefused):
            await epmd.stop("smörgås", port=port)
        with pytest.raises(epmd.NameTaken):
            async with epmd.register("smörgås", 8, epmd_port=port, patience=0):
                pass
    await until(lambda: none_registered(port))
    (entry,) = await epmd.dump(port=port)
    assert (entry.name, entry.active) == ("smörgås", False)
    await epmd.kill(port=port)
    assert theirs.wait() == 0


async def test_longest_name_and_extra_are_taken(theirs: Daemon) -> None:
    # OTP's EPMD registers 255 characters, but does not look them up.
    name = "\N{GRINNING FACE}" * 254
    async with epmd.register(name, 7, epmd_port=theirs.port, extra=bytes(1020)):
        found = await epmd.lookup(name, port=theirs.port)
        assert found == epmd.NodeInfo(name, 7, extra=bytes(1020))


async def test_old_node_gets_a_small_creation(theirs: Daemon) -> None:
    async with epmd.register("old", 7, epmd_port=theirs.port, high=5) as registration:
        assert 1 <= registration.creation <= 3


async def test_name_of_a_predecessor_that_ends_is_waited_for(theirs: Daemon) -> None:
    async def predecessor(task_status: trio.TaskStatus[int]) -> None:
        async with epmd.register("a", 7, epmd_port=theirs.port) as registration:
            task_status.started(registration.creation)
            await trio.sleep(0.3)

    async with trio.open_nursery() as nursery:
        before: int = await nursery.start(predecessor)
        async with epmd.register("a", 8, epmd_port=theirs.port) as registration:
            assert registration.creation == before + 1


async def test_registration_survives_kill_9_of_epmd_with_its_creation(
    otp: Otp, theirs: Daemon, start_beam: Start
) -> None:
    beam = start_beam(otp, theirs.port)
    lost, regained, on_change = watch()
    name = unique("py")
    async with epmd.register(
        name,
        7777,
        epmd_port=theirs.port,
        on_change=on_change,
    ) as registration:
        creation = registration.creation
        theirs.kill9()
        await lost.wait()
        theirs.start()
        await regained.wait()
        assert registration.creation == creation
        asked = f'erl_epmd:port_please("{name}", {{127,0,0,1}})'
        assert await trio.to_thread.run_sync(beam.eval, asked) == "{port,7777,6}"


async def test_relaxed_epmd_stops_a_node_and_it_comes_back(
    otp: Otp, start_theirs: Start
) -> None:
    theirs = start_theirs(otp, "-relaxed_command_check")
    _, regained, on_change = watch()
    async with epmd.register("a", 7, epmd_port=theirs.port, on_change=on_change):
        with pytest.raises(epmd.NotRegistered):
            await epmd.stop("b", port=theirs.port)
        await epmd.stop("a", port=theirs.port)
        await regained.wait()
        assert await epmd.lookup("a", port=theirs.port) == epmd.NodeInfo("a", 7)
        await epmd.kill(port=theirs.port)
        assert theirs.wait() == 0
