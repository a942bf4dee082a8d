"""``supervisor:...`` of a BEAM on a supervisor of ours, and on its own, side by side.

The same specifications go to both: ``gen_server:start_link`` of a module that the BEAM
has, and that the Python node provides. The answers have to be the same, but for pids.
"""

from __future__ import annotations

from typing import Any

import pytest

from ergopy import (
    AlreadyStarted,
    Atom,
    ChildError,
    ChildSpec,
    Exit,
    GenServer,
    StartError,
    Stop,
    Supervisor,
    supervisor,
)

from .supervised import python_child, supervise

__all__ = ["python_child", "supervise"]

SAME = """
    {ok, Theirs} = gen_server:start(supervisor, {self, ergopy_peer_sup, Init}, []),
    %% Pids differ, and so do the frames below the function that is not there.
    Plain = fun Plain(Pid) when is_pid(Pid) -> pid;
                Plain({undef, [Top | _]}) -> {undef, Plain(Top)};
                Plain([H | T]) -> [Plain(H) | Plain(T)];
                Plain(Map) when is_map(Map) -> maps:map(fun(_, V) -> Plain(V) end, Map);
                Plain(Tuple) when is_tuple(Tuple) ->
                    list_to_tuple(Plain(tuple_to_list(Tuple)));
                Plain(Term) -> Term
            end,
    Run = fun(Sup) -> [Plain(gen_server:call(Sup, Request)) || Request <- Requests] end,
    Both = {Run(Theirs), Run(Ours)},
    exit(Theirs, kill),
    Both
"""

GEN_SERVER = Atom("gen_server")
START_LINK = Atom("start_link")
PEER = Atom("ergopy_peer_server")


class Peer(GenServer):
    """The mirror of ``ergopy_peer_server``, as a child; its argument may say more."""

    async def init(self, state: Any) -> Any:
        if state == "unfit":
            return Stop("unfit")
        self.state = state
        return None

    async def handle_call(self, request: Any, from_: Any) -> Any:
        match request:
            case Atom("value"):
                return self.state
            case (Atom("exit"), reason):
                raise Exit(reason)
        return request


def atoms(**spec: Any) -> dict[Any, Any]:
    return {Atom(key): value for key, value in spec.items() if value is not ...}


def mfa(*args: Any) -> Any:
    return (GEN_SERVER, START_LINK, [PEER, *args])


def child(name: str, **more: Any) -> dict[Any, Any]:
    return atoms(**{"id": Atom(name), "start": mfa(0, []), **more})


def asked(what: str, about: Any = ...) -> Any:
    return Atom(what) if about is ... else (Atom(what), about)


@pytest.fixture
async def provided(node):
    node.provide_spawn("ergopy_peer_server", Peer)
    return node


async def same(beam: Any, node: Any, requests: list[Any], **flags: Any) -> list[Any]:
    """Send *requests* to both; check that the answers are the same and return them."""
    children = flags.pop("children", [])
    ours = await node.start(Supervisor, children, **flags)
    init = (atoms(**{key: Atom(value) for key, value in flags.items()}), children)
    theirs, got = await beam.run(SAME, Init=init, Ours=ours, Requests=requests)
    await node.stop(ours)
    # One of them at a time, for the sake of the message.
    for request, expected, answer in zip(requests, theirs, got, strict=True):
        assert (request, answer) == (request, expected)
    return got  # type: ignore[no-any-return]


async def test_management_calls_answer_as_a_supervisor_of_otp(beam, provided):
    requests = [
        asked("which_children"),
        asked("count_children"),
        asked("start_child", child("c")),
        asked("start_child", child("c")),
        asked("start_child", child("t", restart=Atom("temporary"))),
        asked("which_children"),
        asked("get_childspec", Atom("a")),
        asked("get_childspec", Atom("t")),
        asked("get_childspec", Atom("x")),
        asked("restart_child", Atom("a")),
        asked("delete_child", Atom("a")),
        asked("terminate_child", Atom("a")),
        asked("terminate_child", Atom("a")),
        asked("which_children"),
        asked("count_children"),
        asked("start_child", child("a")),
        asked("restart_child", Atom("a")),
        asked("terminate_child", Atom("t")),
        asked("restart_child", Atom("t")),
        asked("terminate_child", Atom("a")),
        asked("delete_child", Atom("a")),
        asked("delete_child", Atom("a")),
        asked("restart_child", Atom("a")),
        asked("terminate_child", Atom("x")),
        asked("which_children"),
    ]
    children = [
        child("a"),
        child("b", type=Atom("supervisor"), modules=Atom("dynamic")),
    ]
    answers = await same(beam, provided, requests, children=children)
    assert answers[2] == ("ok", "pid")


async def test_old_tuples_are_taken_and_shown_as_maps(beam, provided):
    old = (Atom("o"), mfa(0, []), Atom("transient"), 2000, Atom("worker"), [PEER])
    requests = [asked("start_child", old), asked("get_childspec", Atom("o"))]
    ok, spec = (await same(beam, provided, requests))[1]
    assert (ok, spec["shutdown"], spec["restart"]) == ("ok", 2000, "transient")


async def test_starts_that_fail_say_what_those_of_otp_say(beam, provided):
    nobody = (Atom("nobody"), Atom("start"), [1])
    twice = (GEN_SERVER, START_LINK, [(Atom("local"), Atom("twice")), PEER, 0, []])
    requests = [
        asked("start_child", child("u", start=nobody, shutdown=Atom("brutal_kill"))),
        asked("which_children"),
        asked("start_child", child("n", start=twice)),
        asked("which_children"),
    ]
    error, ((exit_, (undef, top)), record) = (await same(beam, provided, requests))[0]
    assert (error, exit_, undef) == ("error", "EXIT", "undef")
    assert top == (*nobody, [])
    assert record[0] == "child"


async def test_a_name_that_is_taken_is_answered_as_by_newer_releases(beam, provided):
    twice = (GEN_SERVER, START_LINK, [(Atom("local"), Atom("twice")), PEER, 0, []])
    sup = await provided.start(Supervisor)
    source = """
        {ok, Pid} = supervisor:start_child(Sup, One),
        {Pid, supervisor:start_child(Sup, Two)}
    """
    one, two = child("n", start=twice), child("m", start=twice)
    pid, answer = await beam.run(source, Sup=sup, One=one, Two=two)
    assert answer == ("error", ("already_started", pid))


BAD = [
    7,
    [],
    {},
    (1, 2, 3),
    (1, 2, 3, 4, 5, 6),
    (1, 2, 3, 4, 5, 6, 7),
    child("x", id=...),
    child("x", start=...),
    child("x", start=Atom("m")),
    child("x", start=(Atom("m"), Atom("f"), 1)),
    child("x", start=(b"m", Atom("f"), [])),
    child("x", start=[Atom("m"), Atom("f"), []]),
    child("x", restart=Atom("often")),
    child("x", restart=None),
    child("x", restart=True),
    child("x", significant=True),
    child("x", significant=True, restart=Atom("transient")),
    child("x", significant=Atom("yes"), restart=Atom("transient")),
    child("x", significant=True, restart=Atom("transient"), type=1),
    child("x", type=Atom("boss")),
    child("x", type=[]),
    child("x", shutdown=-1),
    child("x", shutdown=1.5),
    child("x", shutdown=Atom("soon")),
    child("x", shutdown=True),
    child("x", shutdown=b"infinity"),
    child("x", modules=Atom("some")),
    child("x", modules=None),
    child("x", modules=(Atom("m"),)),
    child("x", modules=[1]),
    child("x", modules=[b"m"]),
    child("x", restart=Atom("often"), type=Atom("boss")),
    child("x", type=Atom("boss"), shutdown=-1),
    child("x", shutdown=-1, modules=1),
    child("x", id=..., start=...),
]

GOOD = [
    child("x", id=1),
    child("y", id=1.0),
    child("z", id=True),
    child("w", id=b"1"),
    child("v", id=[1, (2,)]),
    child("u", id=None),
    child("t", id={Atom("k"): 1}),
    child("s", shutdown=0),
    child("r", shutdown=Atom("infinity"), modules=[]),
    child("q", shutdown=Atom("brutal_kill"), modules=[True, None]),
    child("p", modules=Atom("dynamic"), type=Atom("supervisor")),
    child("o", extra=1),
]


@pytest.mark.parametrize("ending", ["never", "any_significant"])
async def test_a_table_of_specifications_is_judged_as_otp_does(beam, provided, ending):
    requests = [asked("start_child", spec) for spec in (*BAD, *GOOD)]
    requests += [asked("get_childspec", spec[Atom("id")]) for spec in GOOD]
    requests += [asked("terminate_child", spec[Atom("id")]) for spec in GOOD]
    requests += [asked("which_children"), asked("count_children")]
    answers = await same(beam, provided, requests, auto_shutdown=ending)
    refused = [answer for answer in answers if answer[0] == "error"]
    assert len(refused) >= len(BAD) - 2


async def test_simple_one_for_one_answers_as_that_of_otp(beam, provided):
    template = child("kid", start=mfa())
    requests = [
        asked("which_children"),
        asked("count_children"),
        asked("start_child", [1, []]),
        asked("start_child", [2, []]),
        asked("start_child", [Atom("unfit")]),
        asked("which_children"),
        asked("count_children"),
        asked("get_childspec", Atom("kid")),
        asked("get_childspec", Atom("x")),
        asked("terminate_child", Atom("kid")),
        asked("restart_child", Atom("kid")),
        asked("delete_child", Atom("kid")),
    ]
    answers = await same(
        beam, provided, requests, children=[template], strategy="simple_one_for_one"
    )
    assert answers[2] == ("ok", "pid")


async def test_a_beam_terminates_a_dynamic_child_by_pid(beam, provided):
    sup = await provided.start(
        Supervisor, [child("kid", start=mfa())], strategy="simple_one_for_one"
    )
    source = """
        {ok, Pid} = supervisor:start_child(Sup, [7, []]),
        7 = gen_server:call(Pid, value),
        {error, not_found} = supervisor:terminate_child(Sup, self()),
        ok = supervisor:terminate_child(Sup, Pid),
        ok = supervisor:terminate_child(Sup, Pid),
        {ok, #{id := kid}} = supervisor:get_childspec(Sup, Pid),
        supervisor:count_children(Sup)
    """
    counts = await beam.run(source, Sup=sup)
    assert dict(counts)["active"] == 0


async def test_which_child_is_one_row(beam, provided):
    sup = await provided.start(Supervisor, [child("a")])
    source = """
        case erlang:function_exported(supervisor, which_child, 2) of
            true -> {ok, Row} = supervisor:which_child(Sup, a),
                    {error, not_found} = supervisor:which_child(Sup, b),
                    Row;
            false -> hd(supervisor:which_children(Sup))
        end
    """
    row = await beam.run(source, Sup=sup)
    assert (
        [row]
        == [tuple(row)]
        == await beam.run("supervisor:which_children(Sup)", Sup=sup)
    )


async def test_a_supervisor_here_is_known_as_one_to_the_tools_of_otp(beam, provided):
    sup = await provided.start(Supervisor, [child("a")], name="shop")
    source = """
        {status, Sup, {module, _}, [Dictionary | _]} = sys:get_status(Sup),
        {supervisor, _, 1} = proplists:get_value('$initial_call', Dictionary),
        sys:get_state(Sup)
    """
    state = await beam.run(source, Sup=sup)
    assert state["strategy"] == "one_for_one"
    assert state["children"][0][0] == "a"


async def test_a_beam_kills_a_child_and_sees_it_restarted(beam, provided):
    sup = await provided.start(Supervisor, [child("a")], strategy="one_for_all")
    source = """
        [{a, Old, worker, _}] = supervisor:which_children(Sup),
        exit(Old, kill),
        ergopy_peer:until(fun() ->
            case supervisor:which_children(Sup) of
                [{a, New, _, _}] when is_pid(New), New =/= Old -> true;
                _ -> false
            end
        end),
        Ref = monitor(process, Sup),
        exit(Sup, shutdown),
        receive {'DOWN', Ref, process, Sup, Reason} -> Reason after 500 -> alive end
    """
    # It traps, and a BEAM that is not its parent cannot shut it down.
    assert await beam.run(source, Sup=sup) == "alive"


class Below(Supervisor):
    """What a supervisor of the BEAM starts here."""

    async def init(self, *specs: Any) -> Any:
        return list(specs)


async def test_a_supervisor_of_the_beam_has_one_of_ours_below(node, supervise):
    node.provide_spawn("ergopy_peer_server", Peer)
    node.provide_spawn("model", Below)
    above = await supervise(node.name, child("a"), child("b"))
    first = await above.child()
    rows = await above.run("supervisor:which_children(Pid)", Pid=first)
    assert [row[0] for row in rows] == ["b", "a"]
    await above.run("exit(Pid, kill)", Pid=first)
    second = await above.replaced(first)
    rows = await above.run("supervisor:which_children(Pid)", Pid=second)
    pids = [row[1] for row in rows]
    await above.run("supervisor:terminate_child(Sup, model)")
    assert not any(node.runtime.find(pid) for pid in (second, *pids))


async def test_verbs_of_ours_work_on_a_supervisor_of_the_beam(beam, node):
    init = (atoms(intensity=5, period=5), [])
    source = """
        {ok, Sup} = gen_server:start(supervisor, {self, ergopy_peer_sup, Init}, []),
        Sup
    """
    sup = await beam.run(source, Init=init)
    by: Any = {"caller": node}
    spec = ChildSpec(
        ("gen_server", "start_link"), PEER, 5, [], id="p", restart="transient"
    )
    pid = await supervisor.start_child(sup, spec, **by)
    assert pid.node == beam.name
    assert await node.call(pid, Atom("value")) == 5
    with pytest.raises(AlreadyStarted) as taken:
        await supervisor.start_child(sup, spec, **by)
    assert taken.value.pid == pid
    assert await supervisor.get_childspec(sup, "p", **by) == spec.replace(
        modules=["gen_server"]
    )
    (row,) = await supervisor.which_children(sup, **by)
    assert row == ("p", pid, False, "worker", ["gen_server"])
    assert await supervisor.count_children(sup, **by) == (1, 1, 0, 1)
    with pytest.raises(ChildError) as refused:
        await supervisor.delete_child(sup, "p", **by)
    assert refused.value.reason == "running"
    await supervisor.terminate_child(sup, "p", **by)
    assert await supervisor.restart_child(sup, "p", **by)
    with pytest.raises(ChildError):
        await supervisor.restart_child(sup, "q", **by)
    bad = ChildSpec(("nobody", "start"), id="bad")
    with pytest.raises(StartError) as failed:
        await supervisor.start_child(sup, bad, **by)
    assert failed.value.reason[1][0] == "undef"
    named = ChildSpec(
        ("gen_server", "start_link"), (Atom("local"), Atom("twice")), PEER, 5, []
    )
    await supervisor.start_child(sup, named.replace(id="one"), **by)
    with pytest.raises(AlreadyStarted):
        await supervisor.start_child(sup, named.replace(id="two"), **by)
    await node.exit(sup, "kill")
