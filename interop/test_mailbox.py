"""Mailboxes under load from a BEAM: limits, and receiving by reference."""

from __future__ import annotations

from typing import Any

import pytest
import trio

import ergopy
from ergopy import Atom, Down, MailboxLimit

from .servers import inside, until

FLOOD = "[Dest ! {N, <<0:8000>>} || N <- lists:seq(1, Count)], ok"


async def deaf(proc: ergopy.Process) -> None:
    """Read nothing before it is told that the flood is over."""
    proc.dictionary["go"] = go = trio.Event()
    await go.wait()
    while True:
        await proc.receive()


def process(node: ergopy.Node, pid: Any) -> ergopy.Process:
    found = node.runtime.find(pid)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("policy", "kept"), [("drop_new", [1, 2, 3]), ("drop_old", [8, 9, 10])]
)
async def test_a_flood_is_cut_at_the_limit(beam, node, policy, kept):
    pid = await node.spawn(deaf, mailbox=MailboxLimit(3, policy))
    await beam.run(FLOOD, Dest=pid, Count=10)
    await until(lambda: process(node, pid).dropped == 7)
    assert [message[0] for message in process(node, pid).messages()] == kept
    assert await node.ping(beam.name)


async def test_senders_on_other_nodes_are_not_refused_but_dropped(beam, node):
    pid = await node.spawn(deaf, mailbox=MailboxLimit(3, "raise"))
    await beam.run(FLOOD, Dest=pid, Count=10)
    await until(lambda: process(node, pid).dropped == 7)
    with pytest.raises(ergopy.MailboxFull):
        await node.send(pid, "one more")


async def test_the_flooded_one_is_killed_and_the_beam_is_told(beam, node):
    pid = await node.spawn(deaf, mailbox=MailboxLimit(3, "kill"))
    source = f"""
        process_flag(trap_exit, true),
        Ref = monitor(process, Dest), link(Dest),
        {FLOOD},
        receive {{'EXIT', Dest, R1}} -> ok after 5000 -> R1 = nothing end,
        receive {{'DOWN', Ref, _, _, R2}} -> ok after 5000 -> R2 = nothing end,
        {{R1, R2}}
    """
    assert await beam.run(source, Dest=pid, Count=10) == ("killed", "killed")


async def test_signals_of_a_beam_pass_the_limit(beam, node):
    pid = await node.spawn(deaf, mailbox=MailboxLimit(3))
    full = process(node, pid)
    full.trap_exit = True
    await beam.run(FLOOD, Dest=pid, Count=10)
    victim = await beam.run("spawn(fun() -> receive stop -> exit(over) end end)")
    await full.monitor(victim)
    await full.link(victim)
    await node.send(victim, Atom("stop"))
    await until(lambda: full.message_count() == 5)
    assert {message[-1] for message in full.messages()[3:]} == {"over"}
    await beam.run("exit(Dest, hello), ok", Dest=pid)
    await until(lambda: full.message_count() == 6)
    assert full.messages()[5][-1] == "hello"


async def test_what_a_beam_starts_has_the_limit_that_is_provided(beam, node):
    node.provide_spawn("deaf", deaf, mailbox=MailboxLimit(3))
    for start in ("spawn(Py, deaf, start, [])", "proc_lib:spawn(Py, deaf, start, [])"):
        pid = await beam.run(start, Py=node.name)
        await until(lambda pid=pid: "go" in process(node, pid).dictionary)
        await beam.run(FLOOD, Dest=pid, Count=10)
        await until(lambda pid=pid: process(node, pid).dropped == 7)


async def test_a_reply_is_found_behind_a_full_mailbox(beam, node):
    """By reference: the monitor, an alias and a spawn request of this process."""
    looked_into = []

    class Old(tuple):
        __slots__ = ()

        def __getitem__(self, index: Any) -> Any:
            looked_into.append(index)
            return super().__getitem__(index)

    async def body(proc: ergopy.Process) -> None:
        for number in range(100_000):
            proc.deliver(Old((Atom("old"), number)))
        alias = proc.alias(once=True)
        echo = await beam.run(
            "spawn(fun() -> receive {From, M} -> From ! {From, M}, exit(over) end end)"
        )
        down = await proc.monitor(echo)
        await proc.send(echo, (alias, Atom("hello")))
        assert await proc.receive(alias, timeout=10) == (alias, "hello")
        assert await proc.receive(down, timeout=10) == Down(down, echo, Atom("over"))
        request = await proc.spawn_request(beam.name, "erlang", "now")
        answer = await proc.receive(request, timeout=10)
        assert answer[:3] == ("spawn_reply", request, "ok")
        assert proc.message_count() == 100_000

    await inside(node, body)
    assert looked_into == []
