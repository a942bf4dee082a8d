"""Events of a Python node, for processes of a BEAM."""

from __future__ import annotations

import pytest
import trio

from ergopy import Atom, Events, events

from .servers import until


@pytest.fixture
async def server(node):
    await node.start(Events, name="events")
    return node


async def test_a_beam_process_subscribes_and_gets_plain_tuples(beam, server):
    prices = await events.register("prices", buffer=2, caller=server)
    for n in range(3):
        await prices.publish((Atom("price"), n))
    source = """
        Collect = fun Collect(0) -> [];
                      Collect(N) -> receive M -> [M | Collect(N - 1)]
                                    after 5000 -> [timeout] end
                  end,
        {ok, #{buffer := 2}} = gen_server:call({events, Py}, {subscribe, prices}),
        Kept = Collect(2),
        Ready ! go,
        {Kept, Collect(3)}
    """
    ready = []

    async def publish(proc):
        await proc.receive()
        ready.append(1)

    pid = await server.spawn(publish)
    answers = []
    async with trio.open_nursery() as nursery:

        async def ask():
            answers.append(await beam.run(source, Py=server.name, Ready=pid))

        nursery.start_soon(ask)
        await until(lambda: ready)
        await prices.publish(b"three")
        await prices.publish({Atom("four"): 4})
        prices.unregister()
    key = (Atom("prices"), server.name)
    kept, later = answers[0]
    assert kept == [(Atom("event"), key, (Atom("price"), n)) for n in (1, 2)]
    assert later == [
        (Atom("event"), key, b"three"),
        (Atom("event"), key, {Atom("four"): 4}),
        (Atom("event_down"), key, Atom("unregistered")),
    ]


async def test_many_subscribers_of_a_beam_get_the_same(beam, server):
    registered = []

    async def owner(proc):
        prices = await events.register("prices")
        registered.append(prices)
        await proc.receive()
        for n in range(100):
            await prices.publish(n)
        prices.unregister()

    pid = await server.spawn(owner)
    await until(lambda: registered)
    source = """
        Self = self(),
        Loop = fun Loop(Sum) ->
            receive
                {event, _, N} -> Loop(Sum + N);
                {event_down, _, Reason} -> Self ! {Reason, Sum}
            end
        end,
        Subscribe = fun() ->
            {ok, _} = gen_server:call({events, Py}, {subscribe, prices}),
            Self ! up,
            Loop(0)
        end,
        All = lists:seq(1, 50),
        [spawn(Subscribe) || _ <- All],
        [receive up -> ok end || _ <- All],
        Owner ! up,
        [receive {unregistered, Sum} -> Sum after 5000 -> late end || _ <- All]
    """
    sums = await beam.run(source, Py=server.name, Owner=pid)
    assert sums == [sum(range(100))] * 50


async def test_a_subscriber_that_ends_over_there_is_one_no_more(beam, server):
    prices = await events.register("prices", caller=server)
    source = """
        {Pid, Ref} = spawn_monitor(fun() ->
            {ok, _} = gen_server:call({events, Py}, {subscribe, prices})
        end),
        receive {'DOWN', Ref, process, Pid, normal} -> ok end
    """
    await beam.run(source, Py=server.name)
    await until(lambda: not len(prices.channel))


async def test_a_beam_process_owns_an_event(beam, server):
    got = []

    async def subscriber(proc):
        await proc.receive()
        await events.subscribe("weather")
        ready.append(1)
        while len(got) < 3:
            got.append(await proc.receive())

    ready = []
    pid = await server.spawn(subscriber)
    source = """
        Events = {events, Py},
        ok = gen_server:call(Events, {register, weather, #{buffer => 1}}),
        {error, {taken, Me}} = gen_server:call(Events, {register, weather}),
        true = Me =:= self(),
        ok = gen_server:call(Events, {publish, weather, sun}),
        Sub ! go,
        Wait = fun Wait() ->
            case gen_server:call(Events, {info, weather}) of
                #{subscribers := 1} -> ok;
                _ -> Wait()
            end
        end,
        Wait(),
        ok = gen_server:call(Events, {publish, weather, rain}),
        {gen_server:call(Events, events), gen_server:call(Events, {publish, other, x})}
    """
    answer = await beam.run(source, Py=server.name, Sub=pid)
    assert answer == ([Atom("weather")], (Atom("error"), Atom("unknown")))
    # The process that ran the expression has ended, and with it what it owned.
    await until(lambda: len(got) == 3)
    assert [message[2] for message in got[:2]] == ["sun", "rain"]
    assert got[2][0] == "event_down"


async def test_a_beam_process_waits_for_an_event(beam, server):
    source = "gen_server:call({events, Py}, {wait_for, later}, infinity)"
    answers = []
    async with trio.open_nursery() as nursery:

        async def ask():
            answers.append(await beam.run(source, Py=server.name))

        nursery.start_soon(ask)
        await until(lambda: beam.name in server.nodes())
        await events.register("later", caller=server)
    assert answers == ["ok"]


async def test_a_lost_beam_takes_its_subscribers_with_it(server, new_beam):
    beam = new_beam()
    prices = await events.register("prices", caller=server)
    source = """
        Self = self(),
        spawn(fun() ->
            {ok, _} = gen_server:call({events, Py}, {subscribe, prices}),
            Self ! up,
            receive never -> ok end
        end),
        receive up -> ok end
    """
    await beam.run(source, Py=server.name)
    assert len(prices.channel) == 1
    beam.kill9()
    await until(lambda: not len(prices.channel))
    await prices.publish(1)
