"""``net_ticktime`` of 8 seconds: who is frozen is given up, who idles is not."""

from __future__ import annotations

import signal

import trio

from ergopy import Atom, Node

from .beam import unique_name
from .servers import start_program, until

TICKS = ("-kernel", "net_ticktime", "8")

# How long after `go` each of some nodes is lost, in seconds; the others are kept.
WATCH = """
    [monitor_node(N, true) || N <- Nodes],
    register(Watcher, self()),
    Begin = receive go -> erlang:monotonic_time(millisecond) end,
    Lose = fun
        Lose(0, Lost) -> Lost;
        Lose(Left, Lost) ->
            receive {nodedown, N} ->
                Took = erlang:monotonic_time(millisecond) - Begin,
                Lose(Left - 1, Lost#{N => Took / 1000})
            end
    end,
    Lost = Lose(Count, #{}),
    receive {nodedown, N} -> {Lost, N} after 3000 -> {Lost, kept} end
"""


async def test_the_frozen_are_given_up_in_time_and_the_idle_are_kept(
    new_beam, node_options
):
    """One BEAM and one Python node watch; each loses a frozen one of either kind."""
    beam, frozen_beam = new_beam(args=TICKS), new_beam(args=TICKS)
    frozen, busy = Atom(unique_name("frozen")), Atom(unique_name("busy"))
    cookie = node_options["cookie"]
    async with (
        trio.open_nursery() as nursery,
        Node(**node_options) as idle,
        Node(**(node_options | {"name": unique_name("shy")}), hidden=True) as shy,
        Node(**(node_options | {"name": unique_name("py")}), net_ticktime=8) as watcher,
    ):
        icy = await start_program(nursery, "busy.py", frozen, cookie, "8")
        wild = await start_program(nursery, "busy.py", busy, cookie, "8")
        names = [frozen, busy, frozen_beam.name]
        lost, lost_here = {}, {}
        begin = trio.Event()
        clock = [0.0]

        def note(name, up):
            if not up:
                lost_here[name] = trio.current_time() - clock[0]

        for name in names:
            await watcher.connect(name)
        await idle.connect(beam.name)
        await shy.connect(beam.name)
        watcher.runtime.node_watchers.append(note)

        @nursery.start_soon
        async def watch():
            everybody = [*names, idle.name, shy.name]
            found = await beam.run(
                WATCH, 60, Watcher=Atom("watch"), Nodes=everybody, Count=3
            )
            lost.update(found[0])
            lost["last"] = found[1]
            begin.set()

        await beam.run(
            "ergopy_peer:until(fun() -> whereis(watch) =/= undefined "
            "andalso Nodes -- nodes(connected) =:= [] end)",
            Nodes=[*names, idle.name, shy.name],
        )
        await beam.run("watch ! go")
        clock[0] = trio.current_time()
        frozen_beam.pause()
        icy.send_signal(signal.SIGSTOP)
        await beam.run("gen_server:cast({busy, N}, 14)", N=busy)
        await begin.wait()
        assert lost.pop("last") == "kept"
        # Two nodes may notice the same end up to four seconds apart.
        await until(lambda: len(lost_here) == len(names))
        assert set(lost) == set(lost_here) == set(names)
        for seconds in (*lost.values(), *lost_here.values()):
            assert 5.5 < seconds < 14
        assert idle.nodes() == [beam.name]
        assert shy.nodes("hidden") == [beam.name]
        # They come back as if nothing had been.
        frozen_beam.resume()
        icy.send_signal(signal.SIGCONT)
        for node in (frozen, busy):
            ask = "gen_server:call({busy, N}, back, 15000)"
            assert await beam.run(ask, 20, N=node) == "back"
            assert await watcher.call(("busy", node), 1, timeout=15) == 1
        assert await watcher.ping(frozen_beam.name)
        for process in (icy, wild):
            process.stdin.close()
