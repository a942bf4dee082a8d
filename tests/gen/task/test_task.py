"""One task and its owner: values, ends, links, and what is left behind."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
from ergopy import (
    Atom,
    Down,
    Exit,
    GenServer,
    LocalProtocolError,
    Task,
    TaskExit,
    TaskTimeout,
    Throw,
)
from ergopy.node.exports import Exports
from tests.runtimes import (
    Ends,
    assert_only_the_root,
    find,
    inside,
    mail,
    running,
    settle,
)

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime


async def double(n: int) -> int:
    await trio.lowlevel.checkpoint()
    return 2 * n


def plain_double(n: int) -> int:
    return 2 * n


async def fail(reason: Any = "boom") -> None:
    raise Exit(reason)


async def crash() -> None:
    raise ValueError("wanted")


async def hang() -> None:
    await trio.sleep_forever()


@pytest.fixture(params=["process", "program", "helper"])
def owning(request: pytest.FixtureRequest, runtime: Runtime) -> Any:
    """Run ``body(caller)`` as each kind of owner."""

    async def run(body: Any) -> Any:
        if request.param == "program":
            return await body(runtime.root)
        if request.param == "process":
            return await inside(runtime, body)
        result: list[Any] = []

        async def outer(process: Process) -> None:
            done = trio.Event()

            async def helper() -> None:
                result.append(await body(process))
                done.set()

            process.start_soon(helper)
            await done.wait()

        await inside(runtime, outer)
        return result[0]

    return run


@pytest.mark.parametrize("function", [double, plain_double])
async def test_a_task_gives_the_value_of_its_function(
    runtime: Runtime, owning: Any, function: Any
) -> None:
    async def body(me: Any) -> Any:
        task = await Task.async_(function, 21, caller=me)
        return await task.await_()

    assert await owning(body) == 42
    await settle()
    assert_only_the_root(runtime)


async def test_outside_of_processes_the_caller_has_to_be_said(
    runtime: Runtime,
) -> None:
    with pytest.raises(LocalProtocolError, match="caller=node"):
        await Task.async_(double, 1)
    with pytest.raises(TypeError, match="process, behaviour or node"):
        await Task.async_(double, 1, caller="me")


async def test_inside_of_a_process_that_is_the_caller(runtime: Runtime) -> None:
    async def body(me: Process) -> Any:
        task = await Task.async_(double, 4)
        assert task.owner == me.pid
        return await task.await_()

    assert await inside(runtime, body) == 8


async def test_the_messages_are_those_of_elixir(runtime: Runtime) -> None:
    async def body(me: Process) -> Any:
        task = await Task.async_(double, 1)
        await settle()
        return task, me.messages()

    task, messages = await inside(runtime, body)
    assert messages == [
        (task.ref, 2),
        (Atom("DOWN"), task.ref, Atom("process"), task.pid, Atom("normal")),
    ]


async def test_a_value_leaves_no_message_behind(runtime: Runtime, owning: Any) -> None:
    async def body(me: Any) -> Any:
        task = await Task.async_(double, 1, caller=me)
        await task.await_()
        await settle()
        return mail(me)

    assert await owning(body) == []


async def test_the_process_of_a_task_says_what_it_runs_and_for_whom(
    runtime: Runtime,
) -> None:
    seen = {}

    def look() -> None:
        seen.update(ergopy.self().dictionary)

    async def nested() -> None:
        await (await Task.async_(look)).await_()

    async def body(me: Process) -> Any:
        task = await Task.async_(nested)
        await task.await_()
        return [task.pid, me.pid]

    callers = await inside(runtime, body, name="boss")
    assert seen[Atom("$callers")] == callers
    assert seen[Atom("$ancestors")] == [callers[0], "boss"]
    module, function, arity = seen[Atom("$initial_call")]
    assert (module, arity) == (__name__, 0)
    assert function.endswith("look")


async def test_a_task_without_a_value_raises_its_reason(
    runtime: Runtime, owning: Any
) -> None:
    async def body(me: Any) -> Any:
        task = await Task.async_nolink(fail, caller=me)
        with pytest.raises(TaskExit) as caught:
            await task.await_()
        assert caught.value.task is task
        return caught.value.reason

    assert await owning(body) == "boom"
    await settle()
    assert_only_the_root(runtime)


async def test_an_exception_is_the_reason_that_it_is_elsewhere_and_logged_once(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    task = await Task.async_nolink(crash, caller=runtime.root)
    with pytest.raises(TaskExit) as caught:
        await task.await_()
    kind, name, text, frames = caught.value.reason
    assert (kind, name, text) == ("python", b"builtins.ValueError", b"wanted")
    assert b"test_task.py" in frames[-1]
    (record,) = caplog.records
    assert record.report == "crash_report"  # type: ignore[attr-defined]
    assert record.label == "crash"  # type: ignore[attr-defined]


async def test_a_linked_task_that_fails_ends_its_owner(runtime: Runtime) -> None:
    async def body(me: Process) -> None:
        await (await Task.async_(fail)).await_()

    owner = runtime.spawn(body, ())
    ends = Ends(owner)
    await settle()
    assert ends.reasons == ["boom"]


async def test_an_owner_that_traps_exits_lives_and_hears_of_it(
    runtime: Runtime,
) -> None:
    async def body(me: Process) -> Any:
        me.trap_exit = True
        task = await Task.async_(fail)
        with pytest.raises(TaskExit):
            await task.await_()
        return task, await me.receive()

    task, message = await inside(runtime, body)
    assert message == (Atom("EXIT"), task.pid, "boom")


async def test_an_owner_that_fails_ends_its_linked_task(runtime: Runtime) -> None:
    tasks: list[Any] = []

    async def body(me: Process) -> None:
        tasks.append(await Task.async_(hang))
        tasks.append(await Task.async_nolink(hang))
        raise Exit("gone")

    runtime.spawn(body, ())
    await settle()
    linked, free = tasks
    assert runtime.find(linked.pid) is None
    assert runtime.find(free.pid) is not None


async def test_a_task_that_fails_leaves_a_program_alone(runtime: Runtime) -> None:
    task = await Task.async_(fail, caller=runtime.root)
    with pytest.raises(TaskExit):
        await task.await_()
    assert not runtime.root.links


async def test_a_task_that_takes_too_long_goes_on_unheard(
    runtime: Runtime, owning: Any, autojump_clock: trio.abc.Clock
) -> None:
    async def slow() -> int:
        await trio.sleep(2)
        return 1

    async def body(me: Any) -> Any:
        task = await Task.async_(slow, caller=me)
        began = trio.current_time()
        with pytest.raises(TaskTimeout) as caught:
            await task.await_(1)
        assert trio.current_time() - began == pytest.approx(1)
        assert caught.value.seconds == 1
        assert isinstance(caught.value, TimeoutError)
        assert task.pid is not None
        assert runtime.find(task.pid) is not None
        await trio.sleep(2)
        return mail(me)

    assert await owning(body) == []
    await settle()
    assert_only_the_root(runtime)


async def test_await_has_five_seconds_by_default(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    task = await Task.async_(hang, caller=runtime.root)
    began = trio.current_time()
    with pytest.raises(TaskTimeout):
        await task.await_()
    assert trio.current_time() - began == pytest.approx(5)


async def test_a_cancelled_wait_can_be_begun_again(
    runtime: Runtime, owning: Any, autojump_clock: trio.abc.Clock
) -> None:
    async def slow() -> str:
        await trio.sleep(2)
        return "done"

    async def body(me: Any) -> Any:
        task = await Task.async_(slow, caller=me)
        with trio.move_on_after(1):
            await task.await_()
        return await task.await_()

    assert await owning(body) == "done"


async def test_yield_tells_what_there_is(
    runtime: Runtime, owning: Any, autojump_clock: trio.abc.Clock
) -> None:
    async def slow() -> str:
        await trio.sleep(2)
        return "done"

    async def body(me: Any) -> Any:
        task = await Task.async_(slow, caller=me)
        bad = await Task.async_nolink(fail, caller=me)
        return [await task.yield_(1), await task.yield_(), await bad.yield_()]

    assert await owning(body) == [None, ("ok", "done"), ("exit", "boom")]


async def test_only_the_owner_may_wait_and_only_in_its_body(runtime: Runtime) -> None:
    async def body(me: Process) -> None:
        task = await Task.async_(double, 1)
        raised = trio.Event()

        async def helper() -> None:
            for wait in (task.await_, task.yield_, task.shutdown, task.ignore):
                with pytest.raises(LocalProtocolError, match="in its body only"):
                    await wait()
            raised.set()

        me.start_soon(helper)
        await raised.wait()

        async def other(process: Process) -> None:
            with pytest.raises(LocalProtocolError):
                await task.await_()

        await inside(runtime, other)
        assert await task.await_() == 2

    await inside(runtime, body)


async def test_a_completed_task_has_its_value_at_once(owning: Any) -> None:
    async def body(me: Any) -> Any:
        task = Task.completed(7, caller=me)
        assert task.pid is None
        with pytest.raises(ValueError, match="no process"):
            await Task.completed(7, caller=me).shutdown()
        return await task.await_(0)

    assert await owning(body) == 7


async def test_start_runs_a_function_for_its_effects_alone(runtime: Runtime) -> None:
    ran: list[Any] = []

    async def body(me: Process) -> Any:
        free = await Task.start(ran.append, 1)
        linked = await Task.start_link(ran.append, 2)
        assert linked in me.links
        assert free not in me.links
        await settle()
        return me.messages()

    assert await inside(runtime, body) == []
    assert sorted(ran) == [1, 2]


async def test_start_link_fails_together_with_who_started_it(
    runtime: Runtime,
) -> None:
    async def body(me: Process) -> None:
        await Task.start_link(fail)
        await trio.sleep_forever()

    ends = Ends(runtime.spawn(body, ()))
    await settle()
    assert ends.reasons == ["boom"]


async def test_a_server_finds_the_messages_in_handle_info(runtime: Runtime) -> None:
    class Server(GenServer):
        async def init(self) -> None:
            self.seen: list[Any] = []
            self.task = await Task.async_nolink(double, 5)
            self.bad = await Task.async_nolink(fail)

        async def handle_info(self, message: Any) -> None:
            match message:
                case (ref, value) if ref == self.task.ref:
                    self.demonitor(ref)
                    self.seen.append(value)
                case Down(ref=ref, reason=reason) if ref == self.bad.ref:
                    self.seen.append(reason)
                case _:
                    self.seen.append(message)

        async def handle_call(self, request: Any, from_: Any) -> Any:
            return self.seen

    pid = await runtime.root.start(Server)
    await settle()
    assert sorted(map(str, await runtime.root.call(pid, "seen"))) == ["10", "boom"]


@pytest.mark.parametrize("bad", [None, "name", ("only",), (1, 2)])
async def test_what_is_no_function_is_refused(runtime: Runtime, bad: Any) -> None:
    for start in (Task.async_, Task.async_nolink, Task.start, Task.start_link):
        with pytest.raises(TypeError, match="a function is"):
            await start(bad, caller=runtime.root)
    assert_only_the_root(runtime)


async def test_exported_functions_run_by_name() -> None:
    exports = Exports()

    async def throws() -> None:
        raise Throw("ball")

    exports.export("m", {"double": double, "plain": plain_double, "throws": throws})
    async with running(owner=SimpleNamespace(exports=exports)) as runtime:
        root = runtime.root
        for name in ("double", "plain"):
            task = await Task.async_(("m", name), 3, caller=root)
            assert task.mfa == ("m", name, 1)
            assert await task.await_() == 6
        task = await Task.async_(("m", "double"), 3, 4, caller=root)
        with pytest.raises(TaskExit) as caught:
            await task.await_()
        undef: Any = [(Atom("m"), Atom("double"), [3, 4], [])]
        assert caught.value.reason == ("undef", undef)
        task = await Task.async_(("m", "throws"), caller=root)
        with pytest.raises(TaskExit) as caught:
            await task.await_()
        assert caught.value.reason == (("nocatch", "ball"), [])


async def test_the_process_is_called_what_it_runs(runtime: Runtime) -> None:
    task = await Task.async_(hang, caller=runtime.root)
    assert task.pid is not None
    assert find(runtime, task.pid).label == "hang"
    assert repr(task).startswith(f"<Task {__name__}:hang/0 ")


async def test_a_message_that_only_names_the_task_is_not_its_value(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    async def late() -> str:
        await trio.sleep(1)
        return "done"

    async def body(me: Process) -> Any:
        task = await Task.async_nolink(late)
        strange = [("began", task.ref), (task.ref, 1, 2), (task.ref,)]
        for message in strange:
            await me.send(me.pid, message)
        assert await Task.yield_many([task], 0) == [(task, None)]
        assert await task.yield_(0) is None
        assert await task.await_() == "done"
        return me.messages() == strange

    assert await inside(runtime, body)
