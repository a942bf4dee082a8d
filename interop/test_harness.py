"""The harness itself: two BEAMs, no Python node."""

import os

import pytest
import trio

from .beam import BeamError, BeamGone, otp_release


def test_expression_gives_its_value(beam):
    assert beam.eval('{1 + 1, <<"x">>, atom}') == (2, b"x", "atom")


def test_bindings_are_variables_of_the_expression(beam):
    assert beam.eval("{A, B, [A | B]}", A=1, B=[2, 3]) == (1, [2, 3], [1, 2, 3])


def test_multi_line_source_with_a_fun_is_evaluated(beam):
    source = """
        Double = fun(X) -> X * 2 end,
        lists:map(Double, [1, 2, 3])
    """
    assert beam.eval(source) == [2, 4, 6]


@pytest.mark.parametrize("kind", ["throw", "error", "exit"])
def test_each_kind_of_exception_is_told_apart(beam, kind):
    with pytest.raises(BeamError) as caught:
        beam.eval(f"erlang:{kind}({{oops, 1}})")
    assert (caught.value.kind, caught.value.reason) == (kind, ("oops", 1))


def test_killed_expression_is_an_exit(beam):
    with pytest.raises(BeamError) as caught:
        beam.eval("exit(self(), kill)")
    assert (caught.value.kind, caught.value.reason) == ("exit", "killed")


def test_release_is_the_one_asked_for(beam):
    assert beam.release == otp_release(beam.kind)


def test_process_id_is_that_of_the_emulator(beam):
    assert beam.eval("list_to_integer(os:getpid())") == beam.pid


def test_large_value_comes_back_whole(beam):
    data = os.urandom(3_000_000)
    assert beam.eval("Data", Data=data) == data


async def test_other_tasks_run_while_an_expression_does(beam):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(beam.run, "receive go -> ok end", 10)
        nursery.start_soon(beam.run, "register(waiting, self()), receive go -> ok end")
        await beam.run("ergopy_peer:until(fun() -> whereis(waiting) =/= undefined end)")
        await beam.run("waiting ! go")
        assert await beam.run("answered") == "answered"
        nursery.cancel_scope.cancel()


def test_registered_with_the_private_port_mapper(beam, epmd):
    assert beam.name.partition("@")[0] in epmd.names()


def test_the_two_releases_ping_each_other(beam, new_beam):
    other = new_beam()
    assert beam.eval("net_adm:ping(Other)", Other=other.name) == "pong"
    assert other.eval("nodes()") == [beam.name]


def test_killed_node_is_gone_and_its_next_incarnation_is_another(new_beam):
    beam = new_beam()
    old = beam.creation
    beam.kill9()
    with pytest.raises(BeamGone):
        beam.eval("ok")
    beam.start()
    assert beam.creation != old
    assert beam.eval("node()") == beam.name


async def test_restart_under_trio_gives_the_next_incarnation(new_beam):
    beam = new_beam()
    old = beam.creation
    await beam.restart()
    assert beam.creation != old


async def test_paused_node_answers_after_it_is_resumed(new_beam):
    beam = new_beam()
    beam.pause()
    with pytest.raises(trio.TooSlowError):
        await beam.run("ok", 0.1)
    beam.resume()
    assert await beam.run("ok") == "ok"


def test_node_that_cannot_start_tells_what_it_printed(new_beam):
    with pytest.raises(BeamGone, match="nosuchmodule"):
        new_beam(args=("-s", "nosuchmodule"))


def test_wrong_cookie_keeps_beams_apart(beam, new_beam):
    stranger = new_beam(cookie="other")
    assert beam.eval("net_adm:ping(N)", N=stranger.name) == "pang"


def test_end_of_the_request_pipe_ends_the_node(new_beam):
    beam = new_beam()
    beam._requests.close()
    assert beam._process.wait(5) == 0


async def test_elixir_node_runs_both_languages(elixir):
    assert await elixir.run("node()") == elixir.name
    assert await elixir.elixir("Node.self()") == elixir.name
    source = "Enum.map(list, &(&1 + by))"
    assert await elixir.elixir(source, list=[1, 2], by=1) == [2, 3]


async def test_elixir_modules_of_the_peer_are_loaded(elixir):
    source = "{:ok, pid} = Peer.Counter.start(:counter, 1); GenServer.call(pid, :value)"
    assert await elixir.elixir(source) == 1
