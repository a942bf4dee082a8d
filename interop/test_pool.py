"""Pools called from a BEAM, as one server."""

from __future__ import annotations

import pytest
import trio

from ergopy import NOREPLY, Atom, Exit, GenServer, Pool, pool

from .servers import until


class Worker(GenServer):
    async def handle_call(self, request, from_):
        match request:
            case ("sleep", ms):
                await trio.sleep(ms / 1000)
                return "slept"
            case ("later", ms):
                self.start_soon(self.later, ms, from_)
                return NOREPLY
            case ("exit", reason):
                raise Exit(reason)
            case "from":
                return from_[0]
        return (self.pid, request)

    async def later(self, ms, from_):
        await trio.sleep(ms / 1000)
        await self.reply(from_, "later")


@pytest.fixture
async def workers(node):
    await node.start(Pool, Worker, size=4, max_waiting=5, name="workers")
    return node


async def test_a_beam_calls_a_pool_as_a_server(beam, workers):
    source = """
        Pool = {workers, Py},
        {[gen_server:call(Pool, N) || N <- lists:seq(1, 8)],
         gen_server:call(Pool, from) =:= self(),
         gen_server:call(Pool, {later, 5})}
    """
    answers, direct, later = await beam.run(source, Py=workers.name)
    assert [request for _, request in answers] == list(range(1, 9))
    assert len({pid for pid, _ in answers}) == 4
    assert (direct, later) == (True, b"later")


async def test_more_callers_than_workers_wait_their_turn(beam, workers):
    await pool.resize("workers", 2, caller=workers)
    source = """
        Self = self(),
        Call = fun() ->
            Self ! {self(), gen_server:call({workers, Py}, {sleep, 20})}
        end,
        Pids = [spawn(Call) || _ <- lists:seq(1, 7)],
        [receive {Pid, Answer} -> Answer after 5000 -> timeout end || Pid <- Pids]
    """
    assert await beam.run(source, Py=workers.name) == [b"slept"] * 7


async def test_a_caller_too_many_is_told_so_at_once(beam, workers):
    await workers.start(Pool, Worker, size=1, max_waiting=0, name="narrow")
    source = """
        spawn(fun() -> gen_server:call({narrow, Py}, {sleep, 60000}, infinity) end),
        Wait = fun Wait() ->
            case gen_server:call({narrow, Py}, {'$pool', statistics}) of
                #{busy := 1} -> ok;
                _ -> Wait()
            end
        end,
        Wait(),
        Began = erlang:monotonic_time(millisecond),
        Call = fun(Time) -> catch gen_server:call({narrow, Py}, x, Time) end,
        Result = lists:map(Call, [9000, infinity]),
        Took = erlang:monotonic_time(millisecond) - Began,
        {[Reason || {'EXIT', {Reason, {gen_server, call, _}}} <- Result], Took < 5000}
    """
    answer = await beam.run(source, Py=workers.name)
    assert answer == (["overloaded", "overloaded"], True)


async def test_the_end_of_a_worker_is_that_of_its_call(beam, workers):
    source = """
        Result = (catch gen_server:call({workers, Py}, {exit, boom})),
        {'EXIT', {Reason, {gen_server, call, _}}} = Result,
        {Pid, again} = gen_server:call({workers, Py}, again),
        {Reason, is_pid(Pid)}
    """
    assert await beam.run(source, Py=workers.name) == ("boom", True)


async def test_a_pool_is_a_supervisor_for_a_beam(beam, workers):
    source = """
        Rows = supervisor:which_children({workers, Py}),
        Counts = supervisor:count_children({workers, Py}),
        {[{Id, Type} || {Id, _, Type, _} <- Rows], proplists:get_value(active, Counts)}
    """
    rows, active = await beam.run(source, Py=workers.name)
    assert rows == [(n, "worker") for n in (3, 2, 1, 0)]
    assert active == 4


async def test_a_beam_borrows_a_worker(beam, workers):
    source = """
        Lease = make_ref(),
        {ok, Pid} = gen_server:call({workers, Py}, {'$pool', checkout, Lease}),
        {Pid, hello} = gen_server:call(Pid, hello),
        #{busy := Busy} = gen_server:call({workers, Py}, {'$pool', statistics}),
        gen_server:cast({workers, Py}, {'$pool', checkin, Lease}),
        #{busy := Then} = gen_server:call({workers, Py}, {'$pool', statistics}),
        {Busy, Then, gen_server:call({workers, Py}, {'$pool', resize, 2})}
    """
    assert await beam.run(source, Py=workers.name) == (1, 0, "ok")


async def test_what_a_beam_process_has_borrowed_comes_back_with_its_end(beam, workers):
    source = """
        {Pid, Ref} = spawn_monitor(fun() ->
            {ok, _} = gen_server:call({workers, Py}, {'$pool', checkout, x}),
            exit(gone)
        end),
        receive {'DOWN', Ref, process, Pid, Reason} -> Reason end
    """
    assert await beam.run(source, Py=workers.name) == "gone"
    with trio.fail_after(10):
        while (await pool.statistics("workers", caller=workers)).busy:  # noqa: ASYNC110
            await trio.sleep(0.005)


async def test_requests_without_a_wait_are_passed_on(beam, workers):
    seen = []

    class Notes(GenServer):
        async def handle_cast(self, request):
            seen.append(request)

        async def handle_info(self, message):
            seen.append(message)

        async def handle_call(self, request, from_):
            return request

    await workers.start(Pool, Notes, size=2, name="notes")
    source = """
        gen_server:cast({notes, Py}, one),
        {notes, Py} ! two,
        Request = gen_server:send_request({notes, Py}, three),
        gen_server:receive_response(Request, 5000)
    """
    answer = await beam.run(source, Py=workers.name)
    assert answer == (Atom("reply"), Atom("three"))
    await until(lambda: sorted(seen) == ["one", "two"])


async def test_a_lost_caller_costs_the_pool_nothing(workers, new_beam):
    beam = new_beam()
    lost = trio.Event()

    class Busy(Worker):
        async def handle_call(self, request, from_):
            if request == "busy":
                await lost.wait()
            return await super().handle_call(request, from_)

    await workers.start(Pool, Busy, size=1, name="single")
    source = """
        Call = fun() -> gen_server:call({single, Py}, busy, infinity) end,
        [spawn(Call) || _ <- lists:seq(1, 5)],
        ok
    """
    await beam.run(source, Py=workers.name)
    with trio.fail_after(10):
        while (await pool.statistics("single", caller=workers)).waiting < 4:  # noqa: ASYNC110
            await trio.sleep(0.005)
    beam.kill9()
    await until(lambda: not workers.nodes())
    lost.set()
    _, answer = await workers.call("single", "still there")
    assert answer == "still there"
    numbers = await pool.statistics("single", caller=workers)
    assert numbers.abandoned == 4
