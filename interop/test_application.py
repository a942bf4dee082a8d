"""Applications next to those of OTP, and as a BEAM sees them."""

from __future__ import annotations

import pytest
import trio

import ergopy
from ergopy import Application, ApplicationTerminated, Atom, ChildSpec

from .beam import BeamGone
from .played import play
from .servers import Desk

KILL = Atom("kill")


def end(whom: str, what: object) -> tuple[object, ...]:
    return (Atom("whom"), Atom(whom), what)


SCENES = {
    "is stopped": ({}, [Atom("stop")]),
    "runs on": ({}, []),
    "has phases": ({"phases": [(Atom("go"), 1), (Atom("open"), 2)]}, [Atom("stop")]),
    "prep_stop crashes": ({"prep_stop": Atom("crash")}, [Atom("stop")]),
    "stop crashes": ({"stop": Atom("crash")}, [Atom("stop")]),
    "its child ends": ({}, [end("child", Atom("oops"))]),
    "its child is killed": ({}, [end("child", KILL)]),
    "its top ends normally": ({"start": Atom("top")}, [end("top", Atom("normal"))]),
    "its top shuts down": ({"start": Atom("top")}, [end("top", Atom("shutdown"))]),
    "its top crashes": ({"start": Atom("top")}, [end("top", Atom("oops"))]),
    "its top is killed": ({"start": Atom("top")}, [end("top", KILL)]),
    "a top is stopped": ({"start": Atom("top")}, [Atom("stop")]),
    "start fails": ({"start": (Atom("error"), Atom("unfit"))}, []),
    "start crashes": ({"start": Atom("crash")}, []),
    "its top does not start": ({"start": Atom("top"), "child": Atom("fails")}, []),
}


@pytest.mark.parametrize("scene", SCENES)
async def test_callbacks_come_as_in_otp(beam, node, scene):
    plan, steps = SCENES[scene]
    plan = {Atom(key): value for key, value in plan.items()}
    theirs = await beam.run("ergopy_peer_app:play(Plan, Steps)", Plan=plan, Steps=steps)
    ours = await play(node, plan, steps)
    assert ours == theirs


class Stock(Application):
    description = "What there is"


class Shop(Application):
    version = "1.2"
    description = "Sells"
    dependencies = (Stock,)
    environment = {"secret": "s"}  # noqa: RUF012 - as users write it
    children = (ChildSpec(Desk, name="desk"),)


async def test_which_applications_by_rpc_and_by_erpc(beam, node):
    await node.applications.start(Shop)
    source = """
        Rpc = rpc:call(Py, application, which_applications, []),
        Rpc = rpc:call(Py, application, which_applications, [1000]),
        Rpc = erpc:call(Py, application, which_applications, []),
        Rpc = gen_server:call({application_controller, Py}, which_applications),
        true = lists:all(fun({N, D, V}) ->
            is_atom(N) andalso io_lib:printable_unicode_list(D) andalso is_list(V)
        end, Rpc),
        {shop, "Sells", "1.2"} = lists:keyfind(shop, 1, Rpc),
        [N || {N, _, _} <- Rpc]
    """
    names = ["shop", "stock", "ergopy", "kernel"]
    assert await beam.run(source, Py=node.name) == names


async def test_what_a_beam_asks_about_one_application(beam, node):
    await node.applications.start(Shop)
    node.applications.load(ergopy.ApplicationSpec(name="other"))
    source = """
        Ask = fun(F, A) -> rpc:call(Py, application, F, A) end,
        {ok, "1.2"} = Ask(get_key, [shop, vsn]),
        {ok, [stock]} = Ask(get_key, [shop, applications]),
        undefined = Ask(get_key, [shop, nope]),
        undefined = Ask(get_all_key, [nope]),
        [{other, "", ""} | _] = Ask(loaded_applications, []),
        {ok, Keys} = Ask(get_all_key, [shop]),
        {ok, Kernel} = application:get_all_key(kernel),
        env = hd([K || {K, _} <- Kernel] -- [K || {K, _} <- Keys]),
        [] = [K || {K, _} <- Keys] -- [K || {K, _} <- Kernel],
        Desk = rpc:call(Py, tools, desk, []),
        {ok, shop} = Ask(get_application, [Desk]),
        Master = rpc:call(Py, application_controller, get_master, [shop]),
        {Top, _} = application_master:get_child(Master),
        {ok, Top} = Ask(get_supervisor, [shop]),
        [{desk, Desk, worker, _}] = supervisor:which_children(Top),
        undefined = rpc:call(Py, application_controller, get_master, [stock]),
        yes
    """
    desk = node.whereis("desk")
    node.export("tools", {"desk": lambda: desk})
    assert await beam.run(source, Py=node.name) == "yes"
    ask = "rpc:call(Py, application, get_env, [shop, secret])"
    assert await beam.run(ask, Py=node.name) == ("ok", b"s")
    node.unexport("application", "get_env")
    source = f"{{badrpc, {{'EXIT', {{undef, _}}}}}} = {ask}, yes"
    assert await beam.run(source, Py=node.name) == "yes"


async def test_the_keys_of_otp_are_in_its_order(beam, node):
    node.applications.load(Shop)
    source = """
        {ok, Kernel} = application:get_all_key(kernel),
        {ok, Keys} = rpc:call(Py, application, get_all_key, [shop]),
        {[K || {K, _} <- Kernel, K =/= env], [K || {K, _} <- Keys]}
    """
    theirs, ours = await beam.run(source, Py=node.name)
    assert ours == theirs


async def test_the_services_are_below_the_supervisors_of_otp(beam, node):
    source = """
        Ids = fun(Sup) ->
            lists:sort([{I, T} || {I, _, T, _} <- supervisor:which_children({Sup, Py})])
        end,
        {rpc:call(Py, application, get_application, [Rex]),
         Ids(kernel_sup), Ids(kernel_safe_sup)}
    """
    rex = node.whereis("rex")
    ours, top, safe = await beam.run(source, Py=node.name, Rex=rex)
    assert ours == ("ok", "kernel")
    assert top == [("kernel_safe_sup", "supervisor")]
    names = ["global_name_server", "logger_proxy", "net_kernel", "pg", "rex"]
    names += ["standard_error", "user"]
    assert safe == [(name, "worker") for name in names]
    # A node of OTP has the second below the first as well.
    source = (
        "lists:keymember(kernel_safe_sup, 1, supervisor:which_children(kernel_sup))"
    )
    assert await beam.run(source) is True


async def test_a_killed_rex_is_there_again_for_the_next_rpc(beam, node):
    node.export("m", {"f": lambda: 1})
    source = """
        Ref = monitor(process, {rex, Py}),
        exit(Rex, kill),
        receive {'DOWN', Ref, _, _, killed} -> ok end,
        {call, Again} = {call, fun Again(0) -> lost; Again(N) ->
            try gen_server:call({rex, Py}, {call, m, f, [], group_leader()})
            catch exit:{noproc, _} -> timer:sleep(10), Again(N - 1) end
        end},
        {Again(100), net_adm:ping(Py)}
    """
    rex = node.whereis("rex")
    assert await beam.run(source, Py=node.name, Rex=rex) == (1, "pong")


async def test_what_a_beam_prints_for_an_application_goes_through_its_master(
    beam, node, capsys
):
    async def child(process):
        assert process.group_leader == node.applications.info("printing").pid
        source = ["io", "format", [b"~p~n", [Atom("from_there")]]]
        assert await process.rpc(beam.name, *source) == "ok"
        printed.set()
        await trio.sleep_forever()

    printed = trio.Event()
    await node.applications.start(
        ergopy.ApplicationSpec(name="printing", children=[child])
    )
    with trio.fail_after(10):
        await printed.wait()
    assert capsys.readouterr().out == "from_there\n"


async def test_a_beam_sees_the_order_of_the_end_when_a_permanent_one_fails(
    beam, node_options
):
    class Failing(Application):
        dependencies = (Shop,)
        intensity = 0
        children = (ChildSpec(Desk, name="failing"),)

    answers = []
    source = """
        ok = net_kernel:monitor_nodes(true),
        pong = net_adm:ping(Py),
        receive {nodeup, Py} -> ok end,
        Refs = [{monitor(process, {N, Py}), N} || N <- [failing, desk, rex]],
        gen_server:cast({failing, Py}, {stop, oops}),
        Next = fun() -> receive
            {'DOWN', Ref, _, _, Reason} -> {proplists:get_value(Ref, Refs), Reason};
            {nodedown, Py} -> nodedown
            after 10000 -> nothing end end,
        [Next(), Next(), Next(), Next()]
    """

    async def main():
        async with ergopy.Node(**node_options, applications=[Failing]) as node:
            nursery.start_soon(watch, node.name)
            await node.wait_closed()

    async def watch(name):
        answers.append(await beam.run(source, Py=name))

    async with trio.open_nursery() as nursery:
        with pytest.raises(ApplicationTerminated) as caught:
            await main()
    assert (caught.value.application, caught.value.reason) == ("failing", "shutdown")
    assert answers == [
        [
            ("failing", "oops"),
            ("desk", "shutdown"),
            ("rex", "shutdown"),
            "nodedown",
        ]
    ]


END_OF_ONE = """
    Plan = #{start => top, log => self()},
    Keys = [{vsn, "1"}, {mod, {ergopy_peer_app, Plan}}],
    ok = application:load({application, frail, Keys}),
    ok = application:start(frail, Type),
    gen_server:cast(top, Reason),
    Wait = fun Wait() ->
        try lists:keymember(frail, 1, application:which_applications()) of
            true -> timer:sleep(5), Wait();
            false -> went_on
        catch
            exit:_ -> receive after infinity -> ok end
        end
    end,
    Wait()
"""


@pytest.mark.parametrize(
    ("start_type", "reason", "goes_on"),
    [
        ("permanent", "normal", False),
        ("transient", "normal", True),
        ("transient", "shutdown", False),
        ("transient", "oops", False),
        ("temporary", "oops", True),
    ],
)
async def test_what_start_types_mean_in_otp(new_beam, start_type, reason, goes_on):
    """Here "shutdown" is no failure of a transient one; the manual tells so."""
    beam = new_beam()
    bindings = {"Type": Atom(start_type), "Reason": Atom(reason)}
    went_on = True
    try:
        assert await beam.run(END_OF_ONE, **bindings) == "went_on"
    except BeamGone:
        went_on = False
    assert went_on == goes_on
