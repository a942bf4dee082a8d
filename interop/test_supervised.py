"""A supervisor of the BEAM with a Python process on another node as its child.

The start functions are those of ``examples``: nothing but OTP on the BEAM's side.
"""

from __future__ import annotations

import pytest

from ergopy import Atom

from .beam import BeamError
from .servers import until
from .supervised import model, python_child, supervise

__all__ = ["model", "python_child", "supervise"]


async def test_supervisor_starts_calls_and_lists_its_child(
    beam, node, model, supervise
):
    sup = await supervise(node.name, Atom("small"))
    pid = await sup.child()
    assert pid.node == node.name
    assert await sup.call(Atom("hello")) == ("hello", "small")
    assert model == [("init", pid, sup.pid)]
    linked = await sup.run("{links, L} = process_info(Sup, links), L")
    assert linked == [pid]


async def test_count_children_of_otp_fails_for_any_child_on_another_node(
    beam, node, model, supervise
):
    """It asks ``is_process_alive``, which is for pids of its own node only."""
    sup = await supervise(node.name)
    with pytest.raises(BeamError) as caught:
        await sup.run("supervisor:count_children(Sup)")
    (why, [(_, function, _, _), *_]), _ = caught.value.reason
    assert (why, function) == ("badarg", "is_process_alive")
    await until(lambda: len(model) == 2)
    assert model[1][0] == "terminate"


async def test_child_knows_its_ancestors_and_how_it_was_called(node, model, supervise):
    sup = await supervise(node.name)
    dictionary = dict(await sup.call(Atom("dictionary")))
    assert dictionary["$ancestors"][0] == sup.pid
    assert dictionary["$initial_call"] == ("model", "start_link", 0)


async def test_exit_signal_of_another_is_a_message_for_a_child_that_traps(
    node, model, supervise
):
    sup = await supervise(node.name)
    pid = await sup.child()
    await sup.run("exit(Pid, oops)", Pid=pid)
    assert await sup.call(Atom("hello")) == ("hello", None)
    assert await sup.child() == pid


@pytest.mark.parametrize("how", ["exit", "kill", "crash"])
async def test_child_that_ends_is_started_again(node, model, supervise, how):
    sup = await supervise(node.name)
    pid = await sup.child()
    if how == "crash":
        await sup.run("catch gen_server:call(Pid, crash), ok", Pid=pid)
    else:
        await sup.call(Atom("stop trapping"))
        reason = Atom("kill" if how == "kill" else "oops")
        await sup.run("exit(Pid, Why)", Pid=pid, Why=reason)
    new = await sup.replaced(pid)
    assert await sup.call(Atom("hello")) == ("hello", None)
    assert model[-1] == ("init", new, sup.pid)


async def test_end_of_the_connection_restarts_the_child(node, model, supervise):
    sup = await supervise(node.name)
    pid = await sup.child()
    await sup.run("true = erlang:disconnect_node(Py)", Py=node.name)
    new = await sup.replaced(pid)
    await until(lambda: len(model) >= 3)
    # The old one traps exits: for it the link's end was the end of its parent.
    assert ("terminate", pid, "noconnection") in model
    assert ("init", new, sup.pid) in model


async def test_supervisor_ends_the_child_with_shutdown(node, model, supervise):
    sup = await supervise(node.name)
    pid = await sup.child()
    assert await sup.run("supervisor:terminate_child(Sup, model)") == "ok"
    assert model[1:] == [("terminate", pid, "shutdown")]
    ((_, state, _, _),) = await sup.run("supervisor:which_children(Sup)")
    assert state == "undefined"
    assert (await sup.run("supervisor:restart_child(Sup, model)"))[0] == "ok"
    assert await sup.call(Atom("hello")) == ("hello", None)


async def test_end_of_the_supervisor_ends_the_child(node, model, supervise):
    sup = await supervise(node.name)
    pid = await sup.child()
    await sup.run("gen_server:stop(Sup, shutdown, 5000)")
    assert model[1:] == [("terminate", pid, "shutdown")]


async def test_brutal_kill_leaves_no_time_to_clean_up(node, model, supervise):
    sup = await supervise(node.name, shutdown=Atom("brutal_kill"))
    await sup.child()
    assert await sup.run("supervisor:terminate_child(Sup, model)") == "ok"
    assert len(model) == 1


async def test_child_that_ends_too_often_ends_the_supervisor(node, model, supervise):
    sup = await supervise(node.name, intensity=2)
    for _ in range(2):
        pid = await sup.child()
        await sup.run("exit(Pid, kill)", Pid=pid)
        await sup.replaced(pid)
    pid = await sup.child()
    source = """
        Ref = monitor(process, Sup),
        exit(Pid, kill),
        receive {'DOWN', Ref, process, Sup, Reason} -> Reason end
    """
    assert await sup.run(source, Pid=pid) == "shutdown"
    assert len(model) == 3


@pytest.mark.parametrize(
    ("restart", "reason", "again"),
    [
        ("temporary", "oops", False),
        ("transient", "normal", False),
        ("transient", "oops", True),
        ("permanent", "normal", True),
    ],
)
async def test_restart_is_as_the_child_specification_says(
    node, model, supervise, restart, reason, again
):
    sup = await supervise(node.name, restart=Atom(restart))
    pid = await sup.child()
    source = """
        Ref = monitor(process, Pid),
        catch gen_server:call(Pid, {exit, Why}),
        receive {'DOWN', Ref, process, Pid, Reason} -> Reason end
    """
    assert await sup.run(source, Pid=pid, Why=Atom(reason)) == reason
    if again:
        assert await sup.replaced(pid) != pid
    else:
        # The supervisor has the exit signal already: it was sent before the answer.
        active = await sup.run(
            "proplists:get_value(active, supervisor:count_children(Sup))"
        )
        assert active == 0
        assert len(model) == 2


async def test_child_with_a_name_is_found_under_it(beam, node, model, supervise):
    sup = await supervise(node.name, Atom("x"), name="modeller")
    pid = await sup.child()
    assert node.whereis("modeller") == pid
    source = "gen_server:call({modeller, Py}, hello)"
    assert await beam.run(source, Py=node.name) == ("hello", "x")
    source = """
        Start = {python_child, start_link, [modeller, Py, model, y]},
        supervisor:start_child(Sup, #{id => other, start => Start})
    """
    error, why = await sup.run(source, Py=node.name)
    taken = ("already_started", pid)
    # OTP 25 has the child specification with it.
    assert error == "error"
    assert why == taken or why[0] == taken
    await sup.run("exit(Pid, kill)", Pid=pid)
    new = await sup.replaced(pid)
    assert node.whereis("modeller") == new
