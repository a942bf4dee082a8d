"""Process groups of Python nodes and BEAMs: each knows the members of the other."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
import trio

from ergopy import Atom, GroupChange, Node

from .servers import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .beam import Beam

SCOPE = Atom("interop")

HOLD = "spawn(fun() -> receive stop -> ok end end)"


@pytest.fixture(params=[False, True], ids=["visible", "hidden"])
async def node(request, beam, node_options) -> AsyncIterator[Node]:
    """A node that is connected to the BEAM; both have the scope."""
    await beam.run("pg:start(interop)")
    scope = await beam.run("whereis(interop)")
    async with Node(**node_options, hidden=request.param) as node:
        node.pg(SCOPE)
        await node.connect(beam.name)
        yield node
    # Whatever the test did, the scope of the BEAM has not crashed.
    assert await beam.run("whereis(interop)") == scope
    left = "[P || P <- pg:get_members(interop, g), node(P) =/= node()]"
    await until_async(lambda: beam.run(left), [])
    await beam.run("[P ! stop || P <- pg:get_local_members(interop, g)]")


async def holder(process):
    await trio.sleep_forever()


async def members(beam: Beam, group: object) -> Counter:
    return Counter(await beam.run("pg:get_members(interop, G)", G=group))


async def test_members_of_both_are_known_to_both(beam, node):
    here = [await node.spawn(holder), await node.spawn(holder)]
    node.pg(SCOPE).join("g", [*here, here[0]])
    there = await beam.run(
        f"A = {HOLD}, B = {HOLD}, pg:join(interop, g, [A, B, A]), [A, B]"
    )
    everybody = Counter([*here, here[0], *there, there[0]])
    await until(lambda: Counter(node.pg(SCOPE).members("g")) == everybody)
    await until_async(lambda: members(beam, Atom("g")), everybody)
    node.pg(SCOPE).leave("g", here)
    await beam.run("pg:leave(interop, g, [A])", A=there[0])
    everybody = Counter([here[0], *there])
    await until(lambda: Counter(node.pg(SCOPE).members("g")) == everybody)
    await until_async(lambda: members(beam, Atom("g")), everybody)
    await node.exit(here[0], "kill")
    await beam.run("[exit(P, kill) || P <- Pids]", Pids=there)
    await until(lambda: node.pg(SCOPE).groups() == [])
    await until_async(lambda: beam.run("pg:which_groups(interop)"), [])


async def until_async(ask, wanted) -> None:
    with trio.fail_after(10):
        while await ask() != wanted:  # noqa: ASYNC110
            await trio.sleep(0.01)


GROUPS = [b"binary", "text", 1, 1.0, (Atom("a"), [1, b"x"]), {1: [2]}, None, []]


async def test_groups_of_any_term(beam, node):
    pid = await node.spawn(holder)
    theirs = await beam.run(HOLD)
    for group in GROUPS:
        node.pg(SCOPE).join(group, pid)
    source = "[pg:join(interop, G, P) || G <- Gs], lists:sort(pg:which_groups(interop))"
    wanted = [Atom(g) if isinstance(g, str) else g for g in GROUPS]
    await node.ping(beam.name)
    assert len(await beam.run(source, Gs=wanted, P=theirs)) == len(GROUPS)
    for group in GROUPS:
        await until(lambda g=group: len(node.pg(SCOPE).members(g)) == 2)
    assert len(node.pg(SCOPE).groups()) == len(GROUPS)
    await beam.run("exit(P, kill)", P=theirs)


async def test_monitors_of_both(beam, node):
    source = """
        {Ref, []} = pg:monitor(interop, g),
        Wait = fun() -> receive {Ref, What, g, Pids} -> {What, Pids} end end,
        persistent_term:put(pg_heard, []),
        Me = self(),
        Me ! ready,
        receive ready -> ok end,
        pg:join(interop, ready, self()),
        Heard = [Wait(), Wait(), Wait()],
        pg:demonitor(interop, Ref),
        pg:leave(interop, ready, self()),
        Heard
    """
    pid = await node.spawn(holder)
    heard = []

    async def listen():
        heard.extend(await beam.run(source))

    async with node.pg(SCOPE).changes("ready") as changes:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            there = (await anext(changes)).pids
            node.pg(SCOPE).join("g", [pid, pid])
            node.pg(SCOPE).leave("g", pid)
            await node.exit(pid, "kill")
        assert await anext(changes) == GroupChange(Atom("leave"), Atom("ready"), there)
    join, leave = Atom("join"), Atom("leave")
    assert heard == [(join, [pid, pid]), (leave, [pid]), (leave, [pid])]


async def test_restart_of_either_scope(beam, node):
    pid = await node.spawn(holder)
    node.pg(SCOPE).join("g", pid)
    await until_async(lambda: members(beam, Atom("g")), Counter([pid]))
    await node.exit(node.whereis(SCOPE), "kill")
    there = await beam.run(f"P = {HOLD}, pg:join(interop, g, P), P")
    both = Counter([pid, there])
    await until_async(lambda: members(beam, Atom("g")), both)
    await until(lambda: Counter(node.pg(SCOPE).members("g")) == both)


async def test_scope_of_the_beam_that_is_started_later(beam, node):
    pid = await node.spawn(holder)
    scope = f"later_{'hidden' if node.hidden else 'visible'}"
    node.pg(scope).join("g", pid)
    await node.ping(beam.name)
    source = """
        {ok, Scope} = pg:start(Name),
        Until = fun Until() ->
            case pg:get_members(Name, g) of
                [P] -> P;
                [] -> timer:sleep(10), Until()
            end
        end,
        Found = Until(),
        gen_server:stop(Scope),
        Found
    """
    assert await beam.run(source, Name=Atom(scope)) == pid
    # The next one has forgotten all, and has to be asked again.
    if not node.hidden:
        assert await beam.run(source, Name=Atom(scope)) == pid


async def test_connection_that_is_lost_and_made_again(beam, node):
    pid = await node.spawn(holder)
    there = await beam.run(f"P = {HOLD}, pg:join(interop, g, P), P")
    node.pg(SCOPE).join("g", pid)
    both = Counter([pid, there])
    for _ in range(3):
        await until(lambda: Counter(node.pg(SCOPE).members("g")) == both)
        await until_async(lambda: members(beam, Atom("g")), both)
        node.disconnect(beam.name)
        assert node.pg(SCOPE).members("g") == [pid] or node.nodes("connected") == []
        await until_async(lambda: members(beam, Atom("g")), Counter([there]))
        await node.connect(beam.name)


async def test_what_is_asked_by_rpc(beam, node):
    pid = await node.spawn(holder)
    node.pg.join("asked", pid)
    source = "[rpc:call(Py, pg, F, A) || {F, A} <- Asked]"
    asked = [
        (Atom("get_members"), [Atom("asked")]),
        (Atom("get_local_members"), [Atom("pg"), Atom("asked")]),
        (Atom("which_groups"), []),
        (Atom("get_members"), [SCOPE, Atom("asked")]),
        (Atom("get_members"), [Atom("nothing"), Atom("asked")]),
        (Atom("which_groups"), [Atom("nothing")]),
    ]
    answers = await beam.run(source, Py=node.name, Asked=asked)
    assert answers[:5] == [[pid], [pid], [Atom("asked")], [], []]
    assert answers[5][0] == Atom("badrpc")
