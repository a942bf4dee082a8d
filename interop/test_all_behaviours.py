"""Every behaviour in Python, as ``sys`` and observer of a BEAM see it."""

from __future__ import annotations

import pytest

from ergopy import Atom, HostedNode
from tests.gen.behaviours import SPECS, STATUS_OF, SUPERVISORS, start

from .beam import unique_name

KINDS = [*SPECS, "HostedNode", "application_controller"]


async def begin(node, kind):
    """Have one of them on *node*; return its registered name."""
    if kind == "application_controller":
        return Atom(kind)
    if kind == "HostedNode":
        target, options = "tests.hosted.programs:Worker", {"named": unique_name("h")}
        await node.start(HostedNode, target, name="it", where="thread", **options)
    else:
        await start(node, kind, name="it")
    return Atom("it")


@pytest.mark.parametrize("kind", KINDS)
async def test_sys_of_a_beam_works_on_each(beam, node, kind):
    name = await begin(node, kind)
    source = """
        To = {Name, Py},
        ok = sys:statistics(To, true),
        ok = sys:log(To, true),
        ok = sys:trace(To, false),
        {status, Pid, {module, _}, [PDict, running, Parent, [], Misc]} =
            sys:get_status(To),
        true = is_pid(Pid) andalso is_pid(Parent),
        true = is_list(proplists:get_value('$ancestors', PDict)),
        {_, _, _} = proplists:get_value('$initial_call', PDict),
        Header = proplists:get_value(header, Misc),
        _ = sys:get_state(To),
        catch gen_server:call(To, what_is_this, 50),
        {ok, Counted} = sys:statistics(To, get),
        {ok, Events} = sys:log(To, get),
        ok = sys:no_debug(To),
        {ok, no_statistics} = sys:statistics(To, get),
        ok = sys:suspend(To),
        {status, Pid, _, [_, suspended | _]} = sys:get_status(To),
        {'EXIT', {timeout, _}} = (catch gen_server:call(To, what_is_this, 50)),
        ok = sys:resume(To),
        _ = sys:get_state(To),
        {Header, proplists:get_value(messages_in, Counted), length(Events) > 0}
    """
    header, messages, logged = await beam.run(source, Name=name, Py=node.name)
    called = STATUS_OF.get(kind, "generic server")
    assert bytes(header).decode() == f"Status for {called} {name}"
    assert messages >= 1
    assert logged


@pytest.mark.parametrize("kind", KINDS[:-1])
@pytest.mark.parametrize("reason", ["shutdown", "{shutdown, done}", "normal"])
async def test_a_beam_ends_each(beam, node, kind, reason):
    name = await begin(node, kind)
    source = f"""
        Ref = monitor(process, {{Name, Py}}),
        ok = gen:stop({{Name, Py}}, {reason}, 5000),
        receive {{'DOWN', Ref, process, _, Reason}} -> Reason =:= {reason} end
    """
    assert await beam.run(source, Name=name, Py=node.name) is True
    assert node.whereis("it") is None


@pytest.mark.parametrize("kind", SUPERVISORS)
async def test_supervisor_of_a_beam_asks_each_that_has_children(beam, node, kind):
    name = await begin(node, kind)
    source = """
        To = {Name, Py},
        Children = supervisor:which_children(To),
        Counts = supervisor:count_children(To),
        [true = is_pid(Pid) andalso lists:member(Type, [worker, supervisor])
         || {_, Pid, Type, _} <- Children],
        Counted = if is_map(Counts) -> Counts; true -> maps:from_list(Counts) end,
        {length(Children), lists:sort(maps:keys(Counted)), maps:get(active, Counted)}
    """
    number, keys, active = await beam.run(source, Name=name, Py=node.name)
    assert keys == ["active", "specs", "supervisors", "workers"]
    assert number == active
