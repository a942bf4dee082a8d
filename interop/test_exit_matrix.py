"""The matrix of exit signals on BEAMs, and between BEAMs and Python.

``ERGOPY_CAPTURE=1`` writes what BEAMs do into ``tests/data/exit_matrix.json``.
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
import trio

import etf
from ergopy import Atom, Reference
from tests.exit_matrix import CASES, PATH, Sender, Target, died, key, known, lives

from .servers import until

# Start a target here; {Pid, Alias}.
TARGET = """
    Host = self(),
    Loop = fun
        Loop(Mail) ->
            receive
                {signal, Reason} -> exit(self(), Reason), Loop(Mail);
                {report, Whom} -> Whom ! lists:reverse(Mail);
                Message -> Loop([Message | Mail])
            end
    end,
    spawn(fun() ->
        process_flag(trap_exit, Trap), Host ! {self(), alias()}, Loop([])
    end),
    receive {Pid, Alias} -> {Pid, Alias} end
"""
# Start a sender on a node, wait for its end, and return its pid.
SENDER = """
    {Pid, Ref} = spawn_monitor(Where, fun() ->
        case Way of
            link -> link(Target), exit(Reason);
            self -> Target ! {signal, Reason};
            exit -> exit(Target, Reason);
            alias -> exit(Alias, Reason)
        end
    end),
    receive {'DOWN', Ref, _, _, _} -> Pid end
"""
# What has become of the target, which has had the signal.
OUTCOME = """
    timer:sleep(15),
    Ref = monitor(process, Target),
    Target ! {report, self()},
    receive
        {'DOWN', Ref, _, _, _} -> dead;
        Mail when is_list(Mail) -> Mail
    end
"""


async def on_beams(beam: Any, where: Any, case: tuple[str, bool, str]) -> Any:
    """Send the signal from a node to a process of *beam*; return the outcome."""
    way, trap, text = case
    reason = etf.parse(text)
    target, alias = await beam.run(TARGET, Trap=trap)
    watcher = """
        spawn(fun() ->
            Ref = monitor(process, Target),
            register(Name, self()),
            receive {'DOWN', Ref, _, _, R} ->
                receive {tell, Whom} -> Whom ! {died, R} end
            end
        end),
        ergopy_peer:until(fun() -> whereis(Name) =/= undefined end)
    """
    name = Atom(f"watcher{target.id}x{target.serial}")
    await beam.run(watcher, Target=target, Name=name)
    signal = {"Target": target, "Alias": alias, "Way": Atom(way), "Reason": reason}
    sender = await beam.run(SENDER, Where=where, **signal)
    mail = await beam.run(OUTCOME, Target=target)
    if mail != "dead":
        return lives(mail, sender, target)
    tell = "Name ! {tell, self()}, receive {died, R} -> R end"
    return died(await beam.run(tell, Name=name))


def cases(beam: Any) -> list[tuple[str, bool, str]]:
    """Return the ways that the release knows: OTP 28 and later signal an alias."""
    return [case for case in CASES if case[0] != "alias" or beam.release >= 28]


@pytest.mark.parametrize("place", ["inside a node", "between two"])
async def test_exit_signals_between_beams(beam, start_beam, place):
    other = start_beam(beam.kind) if place == "between two" else beam
    try:
        where = other.name
        seen = {key(*case): await on_beams(beam, where, case) for case in cases(beam)}
    finally:
        if other is not beam:
            other.stop()
    if os.environ.get("ERGOPY_CAPTURE"):
        old = known() if PATH.exists() else {}
        PATH.write_text(json.dumps(old | seen, indent=1, sort_keys=True) + "\n")
    assert seen == {name: known()[name] for name in seen}


async def test_exit_signals_from_a_beam_to_python(beam, node):
    for case in cases(beam):
        way, trap, text = case
        target = Target(trap)
        pid = await node.spawn(target)
        await until(lambda target=target: isinstance(target.alias, Reference))
        process = node.runtime.find(pid)
        ends = []

        class Ends:
            def fire(self, reason, ends=ends):
                ends.append(reason)

        process.watchers["test"] = Ends()
        signal = {"Target": pid, "Alias": target.alias, "Way": Atom(way)}
        sender = await beam.run(
            SENDER, Where=beam.name, Reason=etf.parse(text), **signal
        )
        await beam.run("timer:sleep(1), net_adm:ping(Node)", Node=node.name)
        if known()[key(*case)][0] == "dies":
            await until(lambda ends=ends: ends)
            assert died(ends[0]) == known()[key(*case)], case
        else:
            # The BEAM tells its own processes of the sender's end before it tells us.
            await until(lambda process=process: not process.links)
            await node.send(pid, Atom("report"))
            await until(lambda target=target: target.reports)
            assert not ends, case
            assert lives(target.mail, sender, pid) == known()[key(*case)], case
            await node.runtime.root.exit(pid, "kill")


async def test_exit_signals_from_python_to_a_beam(beam, node):
    for case in cases(beam):
        way, trap, text = case
        target, alias = await beam.run(TARGET, Trap=trap)
        ends = []

        async def watch(proc, target=target, ends=ends):
            await proc.monitor(target)
            ends.append(None)
            ends.append((await proc.receive()).reason)

        await node.spawn(watch)
        await until(lambda ends=ends: ends)
        body = Sender(way, target, alias, etf.parse(text))
        sender = await node.spawn(body)
        await until(lambda sender=sender: node.runtime.find(sender) is None)
        assert await node.ping(beam.name)
        mail = await beam.run(OUTCOME, Target=target)
        if mail == "dead":
            await until(lambda ends=ends: len(ends) == 2)
            seen = died(ends[1])
        else:
            seen = lives(mail, sender, target)
        assert seen == known()[key(*case)], case


async def test_an_exit_signal_to_an_alias_reaches_no_older_node(new_beam, node):
    beam = new_beam()
    if beam.release >= 28:
        pytest.skip("this release knows them")
    target, alias = await beam.run(TARGET, Trap=True)
    root = node.runtime.root
    await node.connect(beam.name)
    await root.exit(alias, "lost")
    await root.exit(alias, "lost", priority=True)
    await root.exit(target, "plain", priority=True)
    assert await node.ping(beam.name)
    mail = await beam.run(OUTCOME, Target=target)
    assert mail == [(Atom("EXIT"), root.pid, Atom("plain"))]


async def test_the_reason_is_the_one_given_though_the_process_is_busy(beam, node):
    """A signal that comes while a callback runs is not overtaken by its end."""
    import ergopy

    class Busy(ergopy.GenServer):
        async def init(self) -> None:
            self.entered = 0

        async def handle_cast(self, request: Any) -> None:
            await trio.sleep(3600)

    for number in range(20):
        pid = await node.start(Busy)
        source = """
            Ref = monitor(process, Pid),
            gen_server:cast(Pid, work),
            [exit(Pid, {given, N}) || N <- [Number, other, shutdown]],
            exit(Pid, kill),
            receive {'DOWN', Ref, _, _, R} -> R end
        """
        seen = await beam.run(source, Pid=pid, Number=number)
        assert seen == (Atom("given"), number)
