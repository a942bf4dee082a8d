"""One task: what it runs, who owns it, and what it leaves behind."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import ergopy
from ergopy import Atom, Down, GenServer, LocalProtocolError, Task, TaskExit, Throw
from ergopy.node.exports import Exports
from tests.gen.task.kit import double, fail, hang
from tests.runtimes import assert_only_the_root, find, inside, mail, running, settle

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime


def plain_double(n: int) -> int:
    return 2 * n


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


async def test_the_process_is_called_what_it_runs(runtime: Runtime) -> None:
    task = await Task.async_(hang, caller=runtime.root)
    assert task.pid is not None
    assert find(runtime, task.pid).label == "hang"
    assert repr(task).startswith(f"<Task {hang.__module__}:hang/0 ")


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
