"""Links, aliases, priority, group leaders and traces across the connection."""

from __future__ import annotations

import pytest

from ergopy import Atom, Down, ExitMessage

from .servers import inside, sleeper, until

PLAIN = "spawn(fun() -> receive stop -> ok end end)"


async def test_ten_thousand_monitors_from_python_leave_nothing(beam, node):
    target = await beam.run(PLAIN)
    watched = "element(2, process_info(P, monitored_by))"

    async def churn(proc):
        refs = [await proc.monitor(target) for _ in range(10_000)]
        for ref in refs[:5_000]:
            proc.demonitor(ref)
        assert await node.ping(beam.name)
        count = await beam.run(f"length({watched})", P=target)
        for ref in refs[5_000:]:
            proc.demonitor(ref)
        return count

    assert await inside(node, churn) == 5_000
    await beam.run(f"ergopy_peer:until(fun() -> {watched} =:= [] end)", P=target)
    peer = node.connections.peer(beam.name)
    assert not peer.monitors
    await beam.run("P ! stop", P=target)


async def test_ten_thousand_monitors_from_a_beam_leave_nothing(beam, node):
    target = await node.spawn(sleeper)
    process = node.runtime.find(target)
    source = """
        Refs = [monitor(process, P) || _ <- lists:seq(1, 10000)],
        {Drop, Keep} = lists:split(5000, Refs),
        [demonitor(R) || R <- Drop],
        pong = net_adm:ping(Py),
        [demonitor(R) || R <- Keep],
        net_adm:ping(Py)
    """
    assert await beam.run(source, P=target, Py=node.name) == "pong"
    assert not process.watchers
    # What takes back the monitor of the ping itself may still be on its way.
    await until(lambda: not node.connections.peer(beam.name).watches)


async def test_links_of_both_sides_leave_nothing(beam, node):
    others = await beam.run(f"[{PLAIN} || _ <- lists:seq(1, 500)]")

    async def churn(proc):
        proc.trap_exit = True
        for pid in others:
            await proc.link(pid)
        for pid in others[:250]:
            proc.unlink(pid)
        assert await node.ping(beam.name)
        count = "length([P || P <- Ps, element(2, process_info(P, links)) =/= []])"
        linked = await beam.run(count, Ps=others)
        await beam.run("[P ! stop || P <- Ps]", Ps=others)
        ends = [await proc.receive(ExitMessage, timeout=5) for _ in range(250)]
        return linked, {end.pid for end in ends}, dict(proc.links)

    linked, ends, left = await inside(node, churn)
    assert (linked, ends) == (250, set(others[250:]))
    await until(lambda: not left or not node.connections.peer(beam.name).links)
    assert not node.connections.peer(beam.name).links


async def test_crossing_links_and_unlinks_end_without_a_link(beam, node):
    """Both sides link and unlink at once, a hundred times; then nothing comes."""
    other = await beam.run("""
        spawn(fun() ->
            Loop = fun Loop() ->
                receive
                    {link, P} -> link(P), Loop();
                    {unlink, P, Whom} -> unlink(P), Whom ! unlinked, Loop();
                    stop -> exit(bye)
                end
            end,
            Loop()
        end)
    """)

    async def cross(proc):
        proc.trap_exit = True
        for _ in range(100):
            await proc.send(other, (Atom("link"), proc.pid))
            await proc.link(other)
            await proc.send(other, (Atom("unlink"), proc.pid, proc.pid))
            proc.unlink(other)
            assert await proc.receive(timeout=5) == "unlinked"
        links = "element(2, process_info(P, links))"
        await beam.run(f"ergopy_peer:until(fun() -> {links} =:= [] end)", P=other)
        ref = await proc.monitor(other)
        await proc.send(other, Atom("stop"))
        return ref, await proc.receive(timeout=5), dict(proc.links)

    ref, message, links = await inside(node, cross)
    assert message == Down(ref, other, Atom("bye"))
    assert links == {}


async def test_a_process_that_exits_over_a_link_gives_its_reason_in_order(beam, node):
    """What it sent before arrives before, and nothing after."""
    source = """
        process_flag(trap_exit, true),
        link(Pid),
        Ref = monitor(process, Pid),
        Pid ! {tell, self()},
        ergopy_peer:collect({'DOWN', Ref, process, Pid, {the, reason}})
    """

    async def teller(proc):
        _, whom = await proc.receive()
        for number in range(5):
            await proc.send(whom, number)
        from ergopy import Exit

        raise Exit((Atom("the"), Atom("reason")))

    pid = await node.spawn(teller)
    mail = await beam.run(source, Pid=pid)
    reason = (Atom("the"), Atom("reason"))
    assert mail == [0, 1, 2, 3, 4, (Atom("EXIT"), pid, reason)]


@pytest.mark.parametrize(
    ("mode", "got"),
    [
        ("explicit_unalias", [1, 2, "down", 3]),
        ("demonitor", [1, 2, "down"]),
        ("reply_demonitor", [1]),
    ],
)
async def test_the_alias_of_a_monitor_on_a_beam_process(beam, node, mode, got):
    other = await beam.run("""
        spawn(fun() ->
            receive {go, Ref} -> Ref ! 1, Ref ! 2 end,
            spawn(fun() -> receive {late, R} -> R ! 3 end end)
        end)
    """)

    async def watch(proc):
        ref = await proc.monitor(other, alias=mode)
        await proc.send(other, (Atom("go"), ref))
        seen = []
        for _ in got[:-1] if got[-1] == 3 else got:
            message = await proc.receive(timeout=5)
            seen.append("down" if isinstance(message, Down) else message)
        late = "net_adm:ping(Py), Ref ! 3, net_adm:ping(Py)"
        await beam.run(late, Ref=ref, Py=node.name)
        return seen + list(proc.messages()), proc.unalias(ref)

    seen, was_alias = await inside(node, watch)
    assert seen == got
    assert was_alias is (mode == "explicit_unalias")
    assert not node.runtime.aliases


async def test_a_beam_sends_to_an_alias_until_it_is_ended(beam, node):
    async def own(proc):
        alias, once = proc.alias(), proc.alias(once=True)
        send = "[A ! N || N <- [1, 2]], net_adm:ping(Py)"
        await beam.run(send, A=alias, Py=node.name)
        await beam.run(send, A=once, Py=node.name)
        assert proc.unalias(alias) is True
        assert proc.unalias(once) is False
        await beam.run(send, A=alias, Py=node.name)
        return list(proc.messages())

    assert await inside(node, own) == [1, 2, 1]
    assert not node.runtime.aliases


async def test_python_sends_to_an_alias_of_a_beam_process(beam, node):
    async def desk(proc):
        alias, once = await proc.receive()
        for _ in range(2):
            for dest in (alias, once):
                await proc.send(dest, 1)
                await proc.send([dest, dest], 2)
            await proc.send(host, Atom("done"))
            await proc.receive(timeout=5)

    host = await beam.run(
        """
        spawn(fun() ->
            A = alias(), R = alias([reply]),
            Report = receive {start, Whom} -> Whom end,
            {desk, Py} ! {A, R},
            receive done -> ok end,
            unalias(A),
            {desk, Py} ! again,
            receive done -> Report ! {mail, ergopy_peer:flush(20)} end,
            {desk, Py} ! again
        end)
        """,
        Py=node.name,
    )
    await node.spawn(desk, name="desk")
    start = "Host ! {start, self()}, receive {mail, Mail} -> Mail end"
    mail = await beam.run(start, Host=host)
    assert mail == [1, 2, 2, 1]


async def test_the_tag_of_a_monitor_comes_back(beam, node):
    other = await beam.run(PLAIN)

    async def watch(proc):
        ref = await proc.monitor(other, tag=(Atom("job"), 7))
        await proc.send(other, Atom("stop"))
        return ref, await proc.receive(timeout=5)

    ref, down = await inside(node, watch)
    job = (Atom("job"), 7)
    assert tuple(down) == (job, ref, Atom("process"), other, Atom("normal"))


async def test_priority_from_a_beam_goes_before_what_is_there(beam, node):
    if beam.release < 28:
        pytest.skip("priority messages are of OTP 28")

    async def own(proc):
        proc.trap_exit = True
        special, plain = proc.alias(priority=True), proc.alias()
        send = """
            Pid ! 1, Plain ! 2, Special ! 3,
            erlang:send(Special, first, [priority]),
            erlang:send(Plain, 4, [priority]),
            erlang:send(Pid, 5, [priority]),
            exit(Special, second, [priority]),
            exit(Plain, third, [priority]),
            erlang:send(Special, fourth, [priority]),
            net_adm:ping(Py)
        """
        await beam.run(send, Pid=proc.pid, Plain=plain, Special=special, Py=node.name)
        return [
            str(m.reason) if isinstance(m, ExitMessage) else m for m in proc.messages()
        ]

    expected = ["first", "second", "fourth", 1, 2, 3, 4, 5, "third"]
    assert await inside(node, own) == expected


async def test_priority_from_python_goes_before_what_is_there(beam, node):
    options = "[priority]" if beam.release >= 28 else "[explicit_unalias]"
    host = await beam.run(
        """
        spawn(fun() ->
            process_flag(trap_exit, true),
            A = alias(Options),
            receive {start, Whom} -> Whom ! A end,
            receive {report, To} -> To ! {mail, ergopy_peer:flush(20)} end
        end)
        """.replace("Options", options)
    )
    alias = await beam.run("Host ! {start, self()}, receive A -> A end", Host=host)

    async def send(proc):
        await proc.send(host, 1)
        await proc.send(alias, 2)
        await proc.send(alias, Atom("first"), priority=True)
        await proc.send(host, 3, priority=True)
        await proc.exit(alias, "second", priority=True)
        return proc.pid

    sender = await inside(node, send)
    report = "Host ! {report, self()}, receive {mail, Mail} -> Mail end"
    assert await node.ping(beam.name)
    mail = await beam.run(report, Host=host)
    if beam.release >= 28:
        exit_ = (Atom("EXIT"), sender, Atom("second"))
        assert mail == [Atom("first"), exit_, 1, 2, 3]
    else:
        assert mail == [1, 2, Atom("first"), 3]


async def test_priority_monitors_and_links_of_python_to_a_beam(beam, node):
    others = await beam.run(f"[{PLAIN}, {PLAIN}]")

    async def watch(proc):
        proc.trap_exit = True
        ref = await proc.monitor(others[0], priority=True)
        await proc.link(others[1], priority=True)
        await proc.send(proc.pid, 1)
        assert await node.ping(beam.name)
        await beam.run("[P ! stop || P <- Ps]", Ps=others)
        await until(lambda: proc.message_count() == 3)
        return ref, list(proc.messages())

    ref, mail = await inside(node, watch)
    assert mail[2] == 1
    assert set(mail[:2]) == {
        Down(ref, others[0], Atom("normal")),
        ExitMessage(others[1], Atom("normal")),
    }


async def test_group_leaders_cross_the_connection(beam, node):
    pid = await node.spawn(sleeper)
    leader = await beam.run("group_leader(self(), Pid), self()", Pid=pid)
    await until(lambda: node.runtime.find(pid).group_leader == leader)
    other = await beam.run(PLAIN)

    async def lead(proc):
        proc.set_group_leader(proc.pid, of=other)
        assert await node.ping(beam.name)
        found = await beam.run("process_info(P, group_leader)", P=other)
        proc.set_group_leader(leader)
        child = await proc.spawn(sleeper)
        return proc.pid, found[1], node.runtime.find(child).group_leader

    me, found, inherited = await inside(node, lead)
    assert found == me
    assert inherited == leader
    await beam.run("P ! stop", P=other)


async def test_traced_messages_arrive_and_are_answered(beam, node, desk):
    """``seq_trace`` puts a token on all that a process sends."""
    source = """
        seq_trace:set_token(label, {my, label}),
        seq_trace:set_token(send, true),
        Desk ! {ping, self()},
        receive {pong, Desk} -> ok end,
        0 = gen_server:call({desk, Py}, value),
        0 = gen_server:call(Desk, value),
        A = receive {alias, X} -> X after 0 -> none end,
        {Pid, Ref} = spawn_monitor(Py, nothing, here, [A]),
        receive {'DOWN', Ref, process, Pid, {undef, _}} -> ok end,
        exit(Sleeper, traced),
        Mon = monitor(process, Other),
        link(Other),
        process_flag(trap_exit, true),
        Other ! {exit, over},
        receive {'EXIT', Other, over} -> ok end,
        receive {'DOWN', Mon, process, Other, over} -> ok end,
        seq_trace:set_token([]),
        ok
    """
    victim, other = await node.spawn(sleeper), await node.spawn(sleeper)
    bindings = {"Desk": desk, "Py": node.name, "Sleeper": victim, "Other": other}
    assert await beam.run(source, **bindings) == "ok"
    await until(lambda: node.runtime.find(victim) is None)


async def test_nothing_of_an_earlier_incarnation_is_found(new_beam, node):
    beam = new_beam()
    # It has the same number in each start.
    pid, alias = await beam.run("{whereis(init), alias()}")
    await beam.restart()
    assert pid.id == (await beam.run("whereis(init)")).id

    async def touch(proc):
        proc.trap_exit = True
        assert await node.ping(beam.name)
        await proc.send(pid, 1)
        await proc.send(alias, 2)
        await proc.send(alias, 2, priority=True)
        await proc.exit(pid, "boom")
        await proc.exit(alias, "boom")
        proc.set_group_leader(proc.pid, of=pid)
        down = await proc.monitor(pid)
        await proc.link(pid)
        proc.unlink(pid)
        mail = [await proc.receive(timeout=5) for _ in range(2)]
        assert proc.demonitor(down) is False
        return down, mail, dict(proc.links)

    down, mail, links = await inside(node, touch)
    noproc = Atom("noproc")
    assert sorted(map(repr, mail)) == sorted(
        map(repr, [ExitMessage(pid, noproc), Down(down, pid, noproc)])
    )
    assert links == {}
    # The connection has survived all of it, and so has the namesake.
    assert await node.ping(beam.name)
    assert await beam.run("process_info(whereis(init), links)")
