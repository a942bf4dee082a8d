"""What a BEAM does with every control message, good or bad.

The outcomes are kept in ``tests/data/signal_outcomes.json``, for ``tests/`` to demand
them of ours. ``ERGOPY_CAPTURE=1`` writes those of the releases that run anew. A release
that is not there has to do what the newest one before it does.
"""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import pytest
import trio

import etf
from etf import Atom, Pid, Reference
from tests.signal_rows import ROWS, Row, fill, name

from . import raw

OUTCOMES = Path(__file__).parents[1] / "tests" / "data" / "signal_outcomes.json"
FLAGS = raw.FLAGS & ~1 | 1 << 37  # hidden, and with ALTACT_SIG
CREATION = 7  # that of every node which `raw` plays
THIRD = Atom("third@127.0.0.1")

BOB = """
    catch (bob ! stop),
    ergopy_peer:until(fun() -> whereis(bob) =:= undefined end),
    Host = self(),
    spawn(fun() ->
        process_flag(trap_exit, true),
        group_leader(whereis(init), self()),
        register(bob, self()),
        {Dead, Ref} = spawn_monitor(fun() -> ok end),
        receive {'DOWN', Ref, _, _, _} -> ok end,
        Host ! {self(), alias(), Dead},
        Whom = receive {report, Them} -> Them end,
        [{_, Links}, {_, Watchers}, {_, Leader}] =
            process_info(self(), [links, monitored_by, group_leader]),
        Report = {Links, Watchers, Leader =:= whereis(init), ergopy_peer:flush()},
        Whom ! Report,
        receive stop -> ok end
    end),
    receive {Pid, Alias, Dead} -> {Pid, Alias, Dead} end
"""
REPORT = """
    bob ! {report, self()},
    receive Report -> Report end
"""


class Wire:
    """A pass-through connection to the BEAM, packet by packet."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.data = b""

    async def send(self, control: Any, payload: Any) -> None:
        body = b"p" + etf.encode(control)
        if payload is not None:
            body += etf.encode(payload)
        await self.stream.send_all(raw.packet(body))

    async def receive(self) -> tuple[Any, Any] | None:
        """Return the next packet but ticks; None if there will be none."""
        while True:
            if len(self.data) >= 4:
                (size,) = struct.unpack(">I", self.data[:4])
                if len(self.data) >= 4 + size:
                    body, self.data = self.data[4 : 4 + size], self.data[4 + size :]
                    if body:
                        return _terms(body[1:])
                    continue
            try:
                more = await self.stream.receive_some(65536)
            except trio.BrokenResourceError:
                return None
            if not more:
                return None
            self.data += more

    async def until_answered(self, me: Pid) -> list[Any]:
        """Return all packets up to the answer to a question; none if closed."""
        ref = Reference(me.node, CREATION, (9, 9, 9))
        await self.send((19, me, Atom("nobody"), ref), None)
        packets = []
        while (packet := await self.receive()) is not None:
            control, message = packet
            packets.append(control if message is None else (*control, message))
            if control[0] == 28 and control[3] == ref:
                return packets
        return []


def recorded(outcomes: Path, release: int) -> dict[str, Any]:
    """The outcomes of the newest release there that is not newer than *release*."""
    known: dict[str, Any] = json.loads(outcomes.read_text())
    return known[str(max(kept for kept in map(int, known) if kept <= release))]


def _terms(body: bytes) -> tuple[Any, Any]:
    control, used = etf.decode_prefix(body)
    return control, etf.decode(body[used:]) if used < len(body) else None


async def outcome(beam: Any, node_port: int, number: int, row: Row) -> Any:
    """Send one row over a connection of its own, and see what comes of it."""
    bob, alias, dead = await beam.run(BOB)
    me = Atom(f"raw{os.getpid()}x{number}@127.0.0.1")
    early = beam.creation - 1
    words = {
        "me": Pid(me, 5, 0, CREATION),
        "my old": Pid(me, 5, 0, CREATION - 1),
        "third": Pid(THIRD, 5, 0, CREATION),
        "bob": bob,
        "dead": dead,
        "old": Pid(beam.name, bob.id, bob.serial, early),
        "ref": Reference(me, CREATION, (1, 2, 3)),
        "their ref": Reference(beam.name, beam.creation, (1, 2, 3)),
        "old ref": Reference(beam.name, early, (1, 2, 3)),
        "third ref": Reference(THIRD, CREATION, (1, 2, 3)),
        "alias": alias,
        "old alias": Reference(beam.name, early, alias.words),
    }
    stream = await raw.connect(node_port, me, beam.cookie, FLAGS)
    wire = Wire(stream)
    async with stream:
        await wire.send(fill(row.control, words), row.payload)
        answers = await wire.until_answered(words["me"])
        # Some answers come from the process, when it looks at its signals.
        links, watchers, same_leader, mail = await beam.run(REPORT)
        more = answers and await wire.until_answered(words["me"])
    if not more:
        # Links and watchers are gone with the connection, with exit signals.
        return {"closed": True}
    return {
        "sent": [name(answer, words) for answer in answers[:-1] + more[:-1]],
        "mail": name(mail, words),
        "links": name(links, words),
        "watchers": [n for n in name(watchers, words) if n == "<me>"],
        "leader": not same_leader,
    }


async def test_every_control_message_has_the_known_outcome(beam):
    local = [ord(letter) for letter in beam.name.partition("@")[0]]
    source = "element(2, erl_epmd:port_please(Name, {127, 0, 0, 1}))"
    port = await beam.run(source, Name=local)
    seen = {}
    for number, row in enumerate(ROWS):
        if beam.release < 28 and row.control[:1] == (37,):
            continue
        with trio.fail_after(10):
            seen[row.name] = await outcome(beam, port, number, row)
    if os.environ.get("ERGOPY_CAPTURE"):
        known = json.loads(OUTCOMES.read_text()) if OUTCOMES.exists() else {}
        known[str(beam.release)] = seen
        lines = json.dumps(known, indent=1, sort_keys=True)
        OUTCOMES.write_text(lines + "\n")
        pytest.skip("captured")
    assert seen == recorded(OUTCOMES, beam.release)
