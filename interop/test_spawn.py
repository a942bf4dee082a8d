"""Python processes that a BEAM starts, with each of its functions for it."""

from __future__ import annotations

import pytest

import etf
from ergopy import Atom, Exit

from .beam import BeamError
from .servers import Desk, inside, sleeper, until


async def greeter(proc, to, word):
    """Say something and end."""
    await proc.send(to, (word, proc.pid))
    raise Exit(Atom("said"))


@pytest.fixture
async def providing(node):
    """The node, which lets others start ``greeter`` and ``sleeper``."""
    node.provide_spawn("greeter", greeter)
    node.provide_spawn("sleeper", sleeper)
    return node


async def test_beam_spawns_what_is_provided(beam, providing):
    source = """
        Pid = spawn(Py, greeter, start, [self(), hello]),
        receive {hello, Pid} -> node(Pid) end
    """
    assert await beam.run(source, Py=providing.name) == providing.name


async def test_spawn_monitor_tells_the_end(beam, providing):
    source = """
        {Pid, Ref} = erlang:spawn_monitor(Py, greeter, start, [self(), hello]),
        receive {hello, Pid} -> ok end,
        receive {'DOWN', Ref, process, Pid, Reason} -> Reason end
    """
    assert await beam.run(source, Py=providing.name) == "said"


async def test_spawn_link_links(beam, providing):
    source = """
        process_flag(trap_exit, true),
        Pid = spawn_link(Py, sleeper, start, []),
        Pid ! {exit, linked},
        receive {'EXIT', Pid, Reason} -> Reason end
    """
    assert await beam.run(source, Py=providing.name) == "linked"


async def test_spawn_request_is_answered_without_being_asked_twice(beam, providing):
    source = """
        process_flag(trap_exit, true),
        Id = spawn_request(Py, greeter, start, [self(), hello], [monitor, link]),
        Pid = receive {spawn_reply, Id, ok, P} -> P end,
        [receive {'DOWN', Id, process, Pid, Reason} -> Reason end,
         receive {'EXIT', Pid, Reason2} -> Reason2 end]
    """
    assert await beam.run(source, Py=providing.name) == ["said", "said"]


@pytest.mark.parametrize("mfa", ["os, cmd, [[]]", "greeter, start, [1]"])
async def test_what_is_not_provided_is_undef(beam, node, mfa):
    source = f"""
        {{Pid, Ref}} = erlang:spawn_monitor(Py, {mfa}),
        receive {{'DOWN', Ref, process, Pid, Reason}} -> Reason end
    """
    reason, [(module, function, args, _)] = await beam.run(source, Py=node.name)
    assert reason == "undef"
    assert mfa.startswith(f"{module}, {function}")
    assert len(args) == 1


@pytest.mark.parametrize(
    "spawn",
    [
        "spawn(Py, greeter, start, [self(), hello])",
        "spawn_link(Py, greeter, start, [self(), hello])",
        "element(1, spawn_monitor(Py, greeter, start, [self(), hello]))",
        "spawn_opt(Py, greeter, start, [self(), hello], [])",
        "element(1, spawn_opt(Py, greeter, start, [self(), hello], [monitor, link]))",
        "spawn_opt(Py, greeter, start, [self(), hello], [{priority, high}])",
        "spawn(Py, erlang, apply, [greeter, start, [self(), hello]])",
        "spawn(Py, erlang, apply, [fun greeter:start/2, [self(), hello]])",
        "proc_lib:spawn(Py, greeter, start, [self(), hello])",
        "proc_lib:spawn_link(Py, greeter, start, [self(), hello])",
        "proc_lib:spawn_opt(Py, greeter, start, [self(), hello], [link])",
    ],
)
async def test_every_way_to_spawn_starts_it_with_its_arguments(beam, providing, spawn):
    source = f"""
        process_flag(trap_exit, true),
        Pid = {spawn},
        receive {{hello, Pid}} -> node(Pid) end
    """
    assert await beam.run(source, Py=providing.name) == providing.name


@pytest.mark.parametrize(
    "spawn",
    [
        "spawn_monitor(Py, counter, start, [])",
        "spawn_monitor(Py, fun counter:start/0)",
        "spawn_opt(Py, fun counter:start/0, [monitor])",
        "proc_lib:spawn_opt(Py, fun counter:start/0, [monitor])",
    ],
)
async def test_no_arguments_are_none(beam, node, spawn):
    async def counter(proc, *args):
        raise Exit(len(args))

    node.provide_spawn("counter", counter)
    source = f"""
        {{Pid, Ref}} = {spawn},
        receive {{'DOWN', Ref, process, Pid, Reason}} -> Reason end
    """
    assert await beam.run(source, Py=node.name) == 0


async def test_crash_on_the_first_step_is_one_exit_and_one_down(beam, node):
    async def crash(proc):
        raise Exit(Atom("early"))

    node.provide_spawn("crash", crash)
    source = """
        process_flag(trap_exit, true),
        [begin
            Id = spawn_request(Py, crash, start, [], [link, monitor]),
            Three = [receive M -> M end || _ <- [1, 2, 3]],
            [{spawn_reply, Id, ok, Pid} | Rest] = Three,
            [{'EXIT', Pid, early}, {'DOWN', Id, process, Pid, early}] = lists:sort(Rest)
         end || _ <- lists:seq(1, 100)],
        ergopy_peer:flush(50)
    """
    assert await beam.run(source, Py=node.name) == []


async def test_link_is_there_before_the_first_step(beam, providing):
    """Each of a hundred that end at once takes its linked starter with it."""
    source = """
        Ends = [begin
            {_, Ref} = spawn_monitor(fun() ->
                spawn_link(Py, greeter, start, [self(), hello]),
                receive after infinity -> ok end
            end),
            receive {'DOWN', Ref, _, _, Reason} -> Reason end
         end || _ <- lists:seq(1, 100)],
        lists:usort(Ends)
    """
    assert await beam.run(source, Py=providing.name) == ["said"]


async def test_group_leader_of_the_starter_is_given(beam, node):
    async def body(proc):
        raise Exit(proc.group_leader)

    node.provide_spawn("leader", body)
    source = """
        {Pid, Ref} = spawn_monitor(Py, leader, start, []),
        receive {'DOWN', Ref, process, Pid, Reason} -> Reason =:= group_leader() end
    """
    assert await beam.run(source, Py=node.name) is True


@pytest.mark.parametrize(
    ("mfa", "reason"),
    [
        ("fun() -> halt() end", "{undef, [{Fun, [], []}]}"),
        ("erlang, apply, [greeter, no, [1]]", "{undef, [{greeter, no, [1], []}]}"),
        ("erlang, apply, [x, [1]]", "{{badfun, x}, [{erlang, apply, 2, []}]}"),
        (
            "erlang, apply, [fun greeter:start/2, []]",
            "{{badarity, {fun greeter:start/2, []}}, [{erlang, apply, 2, []}]}",
        ),
    ],
)
async def test_what_cannot_run_ends_as_on_a_beam(beam, node, mfa, reason):
    async def greeter(proc, *args):
        raise AssertionError("it ran")

    node.provide_spawn("greeter", greeter, "start")
    source = f"""
        {{Pid, Ref}} = spawn_monitor(Py, {mfa}),
        receive {{'DOWN', Ref, process, Pid, Reason}} -> Reason end
    """
    got = await beam.run(source, Py=node.name)
    if mfa.startswith("fun()"):
        why, [(fun, args, _)] = got
        assert (why, fun.arity, args) == ("undef", 0, [])
    else:
        assert etf.same(got, etf.parse(reason, "erlang"))


@pytest.mark.parametrize(
    "options",
    [
        "[]",
        "[{priority, low}, {min_heap_size, 1000}, {fullsweep_after, 5}]",
        "[{max_heap_size, #{size => 100000, kill => true}}]",
        "[{message_queue_data, off_heap}, {min_bin_vheap_size, 10}]",
        "[{monitor, [{alias, explicit_unalias}, {tag, mine}]}, link]",
        "[{reply_tag, spawn_reply}, {reply, yes}]",
    ],
)
async def test_options_of_a_beam_are_taken(beam, providing, options):
    source = f"""
        Id = spawn_request(Py, sleeper, start, [], {options}),
        receive {{spawn_reply, Id, ok, Pid}} -> Pid ! stop, ok end
    """
    assert await beam.run(source, Py=providing.name) == "ok"


@pytest.mark.parametrize(
    "options",
    [
        "[{unknown, option}]",
        "[unknown]",
        "[{priority, 7}]",
        "[{max_heap_size, #{}}]",
        "[link, {min_heap_size, -1}]",
    ],
)
async def test_other_options_are_badopt(beam, providing, options):
    source = f"""
        Id = spawn_request(Py, sleeper, start, [], {options}),
        Refused = receive {{spawn_reply, Id, error, Why}} -> Why end,
        {{'EXIT', {{Error, _}}}} = (catch spawn_opt(Py, sleeper, start, [], {options})),
        {{Refused, Error}}
    """
    assert await beam.run(source, Py=providing.name) == ("badopt", "badarg")


@pytest.mark.parametrize(
    ("options", "answers"),
    [
        ("[{reply, no}]", []),
        ("[{reply, error_only}]", []),
        ("[{reply, success_only}, {reply_tag, {my, tag}}]", [("my", "tag")]),
    ],
)
async def test_reply_options_are_the_affair_of_the_beam(
    beam, providing, options, answers
):
    source = f"""
        Self = self(),
        spawn_request(Py, greeter, start, [Self, hello], {options}),
        receive {{hello, _}} -> ok end,
        [element(1, M) || M <- ergopy_peer:flush(0)]
    """
    assert await beam.run(source, Py=providing.name) == answers


async def test_alias_of_a_monitor_request_reaches_the_starter(beam, providing):
    source = """
        {Pid, Alias} = spawn_opt(Py, greeter, start, [self(), hello],
                                 [{monitor, [{alias, explicit_unalias}]}]),
        receive {hello, Pid} -> ok end,
        receive {'DOWN', Alias, process, Pid, said} -> ok end,
        spawn(Py, greeter, start, [Alias, again]),
        receive {again, _} -> ok end
    """
    assert await beam.run(source, Py=providing.name) == "ok"


async def test_abandoned_request_ends_what_was_to_be_linked(beam, node):
    ended = []

    async def body(proc):
        try:
            await proc.receive()
        finally:
            ended.append(proc.exit_reason)

    node.provide_spawn("body", body)
    source = """
        process_flag(trap_exit, true),
        Id = spawn_request(Py, body, start, [], [link, monitor]),
        {spawn_request_abandon(Id), ergopy_peer:flush(100)}
    """
    abandoned, left = await beam.run(source, Py=node.name)
    assert abandoned is True
    assert left == []
    await until(lambda: ended == ["abandoned"])


async def test_too_many_processes_are_a_system_limit(beam, providing):
    providing.runtime.max_processes = 3
    source = "spawn_link(Py, sleeper, start, [])"
    with pytest.raises(BeamError) as caught:
        await beam.run(source, Py=providing.name)
    assert caught.value.reason == "system_limit"


async def test_node_that_stops_answers_with_the_loss_of_the_connection(beam, node):
    """A supervisor would use up its restarts on a refusal that comes at once."""
    answers = []

    async def lose(proc):
        source = """
            Request = spawn_request(Py, sleeper, start, [], [link]),
            Whom ! self(),
            receive go -> ok end,
            receive {spawn_reply, Request, error, Reason} -> Reason end
        """

        async def run():
            answers.append(await beam.run(source, Py=node.name, Whom=proc.pid))

        node.runtime.closing = True
        proc.start_soon(run)
        # This comes behind the request, and the ping goes behind all that we answered.
        asker = await proc.receive(timeout=5)
        assert await node.ping(beam.name)
        length = "{_, N} = process_info(Asker, message_queue_len), N"
        assert await beam.run(length, Asker=asker) == 0
        node.disconnect(beam.name)
        await beam.run("Asker ! go", Asker=asker)
        await until(lambda: answers)

    await node.connect(beam.name)
    try:
        await inside(node, lose)
    finally:
        node.runtime.closing = False
    assert answers == ["noconnection"]


async def test_node_that_stops_runs_no_erpc(beam, node):
    """It says so at once: the caller may ask another node."""
    await node.connect(beam.name)
    node.runtime.closing = True
    try:
        call = await beam.run("catch erpc:call(Py, erlang, node, [])", Py=node.name)
    finally:
        node.runtime.closing = False
    assert call[1][0] == ("erpc", "noconnection")


async def test_name_is_held_by_one_process_at_a_time(beam, node):
    node.provide_spawn("only", sleeper, name="only")
    source = """
        Pid = spawn(Py, only, start, []),
        {Other, Ref} = spawn_monitor(Py, only, start, []),
        Taken = receive {'DOWN', Ref, process, Other, Reason} -> Reason end,
        {only, Py} ! stop,
        {Taken, {already_started, Pid}}
    """
    got, expected = await beam.run(source, Py=node.name)
    assert got == expected


async def test_provided_behaviour_is_a_server(beam, node):
    node.provide_spawn("desk", Desk)
    source = """
        Pid = spawn(Py, desk, start, [5]),
        gen_server:call(Pid, value)
    """
    assert await beam.run(source, Py=node.name) == 5
