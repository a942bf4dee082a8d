"""A Python process takes over from the EPMD of OTP, and BEAM nodes follow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import trio

import epmd
from ergopy.testing.ports import free_port

from .conftest import LOOPBACK, Beam, Otp, unique, until

Start = Callable[..., Any]


async def on_beam(beam: Beam, expression: str) -> str:
    return await trio.to_thread.run_sync(beam.eval, expression)


async def test_auto_uses_the_epmd_of_otp_and_takes_over_when_it_is_killed(
    otp: Otp, otps: list[Otp], start_theirs: Start, start_beam: Start
) -> None:
    theirs = start_theirs(otp)
    port = theirs.port
    beams = [start_beam(release, port) for release in otps]
    name = unique("py")
    async with epmd.PortMapper("auto", port, address=LOOPBACK) as mapper:
        creation = await mapper.register(name, 7777)
        assert mapper.server is None
        theirs.kill9()
        await until(lambda: are_registered(port, 3))
        assert mapper.server is not None
        assert mapper.registrations[0].creation == creation
        listed = {node.name for node in await epmd.names(port=port)}
        assert listed == {name, *(beam.short for beam in beams)}
        ping = f"net_adm:ping('{beams[1].name}')"
        assert await on_beam(beams[0], ping) == "pong"
        asked = f'erl_epmd:port_please("{name}", {{127,0,0,1}})'
        assert await on_beam(beams[1], asked) == "{port,7777,6}"
        found = await mapper.lookup(beams[0].short, LOOPBACK)
        assert found is not None
        assert (found.high, found.low) == (6, 5)


async def are_registered(port: int, count: int) -> bool:
    try:
        return len(await epmd.names(port=port)) == count
    except epmd.EpmdUnreachable:
        return False


async def test_python_without_any_epmd_serves_beam_nodes(
    otp: Otp, start_beam: Start
) -> None:
    port = free_port()
    async with epmd.PortMapper("auto", port, address=LOOPBACK) as mapper:
        assert mapper.server is not None
        await mapper.register("py", 7777)
        beams = [await trio.to_thread.run_sync(start_beam, otp, port) for _ in range(2)]
        assert await on_beam(beams[0], f"net_adm:ping('{beams[1].name}')") == "pong"
        listed = await trio.to_thread.run_sync(beams[0].listed)
        assert listed == {"py", *(beam.short for beam in beams)}
