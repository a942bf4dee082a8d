"""Sagas of a Python node, as a BEAM sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

import ergopy
from ergopy import Atom, Events, saga
from tests.gen.saga.seeing import Part, start

from .servers import until

if TYPE_CHECKING:
    from .beam import Beam


async def test_a_beam_can_ask_a_saga_what_it_does(
    beam: Beam, node: ergopy.Node
) -> None:
    await node.start(Part, steps=["hotel"], name="booking")
    await node.start(Part, name="hotel")
    tx = await start("booking", node)
    source = """
        Ask = fun(Request) -> gen_server:call({booking, Py}, Request) end,
        #{name := <<"booking">>, transactions := [#{id := Tx}],
          statistics := #{open := 1}} = Ask({'$saga', show}),
        [#{id := Tx, state := open, steps := [#{saga := <<"hotel">>}]} = Info] =
            Ask({'$saga', transaction, Tx}),
        [#{id := Tx}] = Ask({'$saga', transaction, Printed}),
        [] = Ask({'$saga', transaction, make_ref()}),
        ok = Ask({'$saga', set_max_transactions, 7}),
        7 = Ask({'$saga', max_transactions}),
        ok = Ask({'$saga', set_max_transactions, infinity}),
        infinity = Ask({'$saga', max_transactions}),
        {badarg, _} = try Ask({'$saga', dance}) catch exit:Reason -> Reason end,
        [#{name := <<"booking">>}, #{name := <<"hotel">>}] =
            rpc:call(Py, ergopy, sagas, []),
        [#{parent := nil}, #{name := <<"hotel">>}] =
            rpc:call(Py, ergopy, saga_transaction, [Tx]),
        Info
    """
    told = await beam.run(source, Py=node.name, Printed=str(tx).encode())
    info = saga.TransactionInfo.from_term(told)
    assert (info.id, info.name, info.state) == (tx.id, "booking", "open")


async def test_a_step_to_a_beam_is_shown_and_nobody_there_is_asked(
    beam: Beam, node: ergopy.Node
) -> None:
    far = await beam.run("P = spawn(fun() -> receive stop -> ok end end), P")
    await node.start(Part, steps=[far], name="booking")
    tx = await start("booking", node)
    await node.ping(beam.name)
    graph = await saga.graph("booking", tx, caller=node)
    (step,) = graph.roots[0].steps
    assert (step.node, step.unseen) == (beam.name, f"{beam.name} shows no sagas")
    tags = "[element(1, M) || M <- element(2, process_info(P, messages))]"
    assert await beam.run(tags, P=far) == [Atom("$saga_next")]


async def test_a_beam_hears_of_what_happens(beam: Beam, node: ergopy.Node) -> None:
    await node.start(Events, name="events")
    await node.start(Part, result=1, events="bookings", name="booking")
    ready: list[int] = []

    async def wait(proc: ergopy.Process) -> None:
        await proc.receive()
        ready.append(1)

    source = """
        {ok, _} = gen_server:call({events, Py}, {subscribe, bookings}),
        Ready ! go,
        [receive {event, {bookings, Py}, #{kind := Kind, transaction := Tx}}
             -> {Kind, Tx} after 5000 -> timeout end || _ <- [1, 2]]
    """
    pid = await node.spawn(wait)
    told: list[object] = []
    async with trio.open_nursery() as nursery:

        async def listen() -> None:
            told.append(await beam.run(source, Py=node.name, Ready=pid))

        nursery.start_soon(listen)
        await until(lambda: ready)
        tx = await start("booking", node)
    assert told == [[(Atom("started"), tx.id), (Atom("done"), tx.id)]]
