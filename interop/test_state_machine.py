"""State machines: ours does what ``gen_statem`` does, and answers its functions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import trio

import etf
from ergopy import Atom, CallExit, StateMachine, Supervisor, sys
from ergopy.gen.state_machine import (
    POSTPONE,
    Keep,
    Next,
    Reply,
    StateTimeout,
    Stop,
    Timeout,
)

from .beam import BeamError
from .servers import local_name, until
from .supervised import python_child

__all__ = ["python_child"]

CASES = Path(__file__).parents[1] / "tests" / "data" / "state_machine_cases.json"
UNITS_MS = (25, 100)
"""A machine that is busy with other things may need the longer one."""


class Door(StateMachine):
    """Locked until the code is typed; what is typed while it is open waits."""

    async def init(self, code):
        self.code = code
        self.typed = []
        return Next("locked")

    async def handle_event(self, kind, content, state):
        match state, kind, content:
            case "locked", "cast", ("digit", digit):
                self.typed = [*self.typed, digit][-len(self.code) :]
                if self.typed == self.code:
                    return Next("open", StateTimeout(1, "lock"))
            case "open", "cast", ("digit", _):
                return Keep(POSTPONE)
            case "open", "state_timeout", "lock":
                self.typed = []
                return Next("locked")
            case _, ("call", from_), "typed":
                return Keep(Reply(from_, self.typed))
            case _, ("call", from_), "later":
                return Keep(Timeout("later", 0.01, from_))
            case _, ("timeout", "later"), from_:
                return Keep(Reply(from_, Atom("now")))
            case _, ("call", _), ("stop", reason):
                return Stop(reason, reply=Atom("bye"))
            case _, ("call", _), "crash":
                raise ValueError("wanted")
            case _, "info", ("tell", pid):
                await self.send(pid, (Atom("state"), Atom(state)))
        return None


@pytest.fixture
async def door(node):
    return await node.start(Door, [1, 2], name="door")


async def test_random_machines_do_on_this_release_what_they_do_in_python(beam):
    some = [row[:2] for row in rows() if row[2] or beam.release >= 28]
    assert len(some) > 190
    assert await others(beam, some) == []


async def test_otp_25_loses_a_timeout_that_is_started_while_one_of_its_kind_is_due(
    beam,
):
    lost = [row[:2] for row in rows() if not row[2]]
    assert lost
    if beam.release >= 28:
        assert await others(beam, lost) == []
    else:
        assert await others(beam, lost, UNITS_MS[:1]) == lost


def rows():
    """The cases: what to do, the log, and whether OTP 25 has the same."""
    return [tuple(map(etf.parse, row)) for row in json.loads(CASES.read_text("utf-8"))]


async def others(beam, rows, units=UNITS_MS):
    """Those of the *rows* for which *beam* has another log, with each of *units*."""
    source = "ergopy_peer_statem:run_all(Cases, Unit)"
    for unit in units:
        cases = [case for case, _ in rows]
        logs = await beam.run(source, 60, Cases=cases, Unit=unit)
        pairs = zip(rows, logs, strict=True)
        rows = [row for row, log in pairs if not etf.same(row[1], log)]
        if not rows:
            break
    return rows


async def test_beam_casts_to_a_python_machine_and_calls_it(beam, node, door):
    source = """
        [gen_statem:cast({door, Py}, {digit, D}) || D <- [7, 1, 2, 3]],
        Open = sys:get_state({door, Py}),
        ergopy_peer:until(fun() ->
            locked =:= element(1, sys:get_state({door, Py}))
        end),
        {Open, sys:get_state({door, Py}), gen_statem:call({door, Py}, typed)}
    """
    opened, locked, typed = await beam.run(source, Py=node.name)
    assert opened == ("open", {"code": [1, 2], "typed": [1, 2]})
    assert locked == ("locked", {"code": [1, 2], "typed": [3]})
    assert typed == [3]


@pytest.mark.parametrize("timeout", ["infinity", "5000", "{dirty_timeout, 5000}"])
async def test_beam_is_answered_by_a_later_event(beam, node, door, timeout):
    source = f"gen_statem:call({{door, Py}}, later, {timeout})"
    assert await beam.run(source, Py=node.name) == "now"


async def test_beam_sends_a_request_and_a_plain_message(beam, node, door):
    source = """
        Id = gen_statem:send_request({door, Py}, later),
        {door, Py} ! {tell, self()},
        State = receive {state, S} -> S end,
        {State, gen_statem:receive_response(Id, 5000)}
    """
    assert await beam.run(source, Py=node.name) == ("locked", ("reply", "now"))


@pytest.mark.parametrize("reason", ["normal", "{shutdown, done}", "because"])
async def test_beam_stops_a_python_machine(beam, node, door, reason):
    source = f"gen_statem:stop({{door, Py}}, {reason}, 5000)"
    assert await beam.run(source, Py=node.name) == "ok"
    assert node.whereis("door") is None


async def test_beam_hears_the_last_word_of_a_machine_and_why_it_ended(beam, node, door):
    source = """
        Monitor = monitor(process, {door, Py}),
        Bye = gen_statem:call({door, Py}, {stop, {because, 1}}),
        receive {'DOWN', Monitor, process, _, Reason} -> {Bye, Reason} end
    """
    answer = await beam.run(source, Py=node.name)
    assert answer == ("bye", ("because", 1))


async def test_beam_hears_of_a_crash(beam, node, door):
    with pytest.raises(BeamError) as caught:
        await beam.run("gen_statem:call({door, Py}, crash)", Py=node.name)
    (reason, _) = caught.value.reason
    assert reason[:3] == ("python", b"builtins.ValueError", b"wanted")


async def test_beam_looks_into_a_python_machine(beam, node, door):
    source = """
        gen_statem:cast({door, Py}, {digit, 1}),
        gen_statem:cast({door, Py}, {digit, 2}),
        gen_statem:cast({door, Py}, {digit, 9}),
        {status, Pid, {module, _}, [_, running, _, [], Parts]} =
            sys:get_status({door, Py}),
        [{header, Header} | _] = Parts,
        Items = lists:append([Data || {data, Data} <- Parts]),
        {list_to_binary(Header), is_pid(Pid), [element(2, lists:keyfind(Key, 1, Items))
            || Key <- ["Status", "Time-outs", "Postponed", "State"]]}
    """
    header, is_pid, items = await beam.run(source, Py=node.name)
    assert header == b"Status for state machine door"
    assert is_pid is True
    status, timeouts, postponed, (state, _) = items
    assert (status, state) == ("running", "open")
    assert timeouts == (1, [("state_timeout", b"lock")])
    assert postponed == [("cast", ("digit", 9))]


async def test_beam_suspends_and_resumes_a_python_machine(beam, node, door):
    source = """
        ok = sys:suspend({door, Py}),
        gen_statem:cast({door, Py}, {digit, 5}),
        {_, #{typed := Before}} = sys:get_state({door, Py}),
        ok = sys:resume({door, Py}),
        {Before, gen_statem:call({door, Py}, typed)}
    """
    assert await beam.run(source, Py=node.name) == ([], [5])


async def test_a_supervisor_on_the_beam_has_a_python_machine_as_a_child(
    beam, node, python_child
):
    node.provide_spawn("door", Door)
    source = """
        true = code:add_patha(Folder),
        Start = {python_child, start_link, [door, Py, door, [1, 2]]},
        Spec = {#{}, [#{id => door, start => Start, shutdown => 5000}]},
        {ok, Sup} = gen_server:start(supervisor, {self, ergopy_peer_sup, Spec}, []),
        [{door, First, worker, _}] = supervisor:which_children(Sup),
        gen_statem:cast({door, Py}, {digit, 1}),
        [1] = gen_statem:call({door, Py}, typed),
        {'EXIT', _} = catch gen_statem:call(First, crash),
        [{door, Second, worker, _}] = supervisor:which_children(Sup),
        Typed = gen_statem:call(Second, typed),
        ok = gen_server:stop(Sup),
        {First =:= Second, Typed}
    """
    folder = etf.Charlist(python_child)
    assert await beam.run(source, Py=node.name, Folder=folder) == (False, [])
    assert node.whereis("door") is None


async def test_beam_starts_a_machine_under_a_python_supervisor(beam, node):
    node.provide_spawn("door", Door)
    await node.start(Supervisor, [], name="top")
    source = """
        Start = {gen_statem, start_link, [{local, front}, door, [1, 2], []]},
        {ok, Pid} = supervisor:start_child({top, Py}, #{id => front, start => Start}),
        gen_statem:cast({front, Py}, {digit, 1}),
        Typed = gen_statem:call(Pid, typed),
        {'EXIT', _} = catch gen_statem:call(Pid, crash),
        [{front, Next, worker, _}] = supervisor:which_children({top, Py}),
        {Typed, gen_statem:call({front, Py}, typed), Pid =:= Next}
    """
    assert await beam.run(source, Py=node.name) == ([1], [], False)


@pytest.fixture
async def switch(beam):
    """A state machine on the BEAM, as ``(name, node)``."""
    name = local_name("switch")
    await beam.run("{ok, _} = ergopy_peer_switch:start(Name)", Name=name)
    yield name, beam.name
    await beam.run(
        "case whereis(Name) of undefined -> ok; Pid -> exit(Pid, kill) end", Name=name
    )


async def test_python_uses_a_state_machine_of_the_beam(node, switch):
    await node.cast(switch, Atom("flip"))
    assert await node.call(switch, Atom("state")) == ("on", 1)
    assert await sys.get_state(switch, caller=node) == ("on", 1)
    await node.stop(switch)


async def test_python_hears_how_a_state_machine_of_the_beam_ends(node, switch):
    with pytest.raises(CallExit) as caught:
        await node.call(switch, (Atom("stop"), Atom("because")))
    assert caught.value.reason == "because"


async def test_elixir_uses_a_python_machine(elixir, node, door):
    source = """
        :gen_statem.cast({:door, py}, {:digit, 1})
        typed = :gen_statem.call({:door, py}, :typed)
        typed = {typed, GenServer.call({:door, py}, :typed)}
        {typed, :sys.get_state({:door, py}), GenServer.stop({:door, py})}
    """
    typed, (state, _), stopped = await elixir.elixir(source, py=node.name)
    assert (typed, state, stopped) == (([1], [1]), "locked", "ok")
    with trio.fail_after(5):
        await until(lambda: node.whereis("door") is None)
