"""What ``handle_call`` may return, and what the caller gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

import ergopy
from ergopy import NOREPLY, Atom, Exit, GenServer, NoReply, Reply, Stop
from tests.gen.scripted import begin
from tests.runtimes import Ends, find, settle

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


@pytest.mark.parametrize(
    "value", [1, None, b"x", "text", (), [1], {}, Atom("ok"), False]
)
async def test_what_handle_call_returns_is_the_reply(
    runtime: Runtime, value: Any
) -> None:
    server = await begin(runtime)
    assert await server.call(value) == value


async def test_a_reply_with_a_timeout(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    server = await begin(runtime)
    assert await server.call(Reply("answer", timeout=2)) == "answer"
    await trio.sleep(1.5)
    assert server.log == ["call"]
    await trio.sleep(1)
    assert server.log == ["call", ("info", Atom("timeout"))]


async def test_a_reply_with_a_continuation_goes_out_first(runtime: Runtime) -> None:
    order: list[str] = []

    class Continues(GenServer):
        async def handle_call(self, request: Any, from_: Any) -> Any:
            return Reply("answer", then="more")

        async def handle_continue(self, value: Any) -> None:
            await trio.testing.wait_all_tasks_blocked()
            order.append(value)

    pid = await runtime.root.start(Continues)
    order.append(await runtime.root.call(pid, 1))
    await settle()
    await settle()
    assert order == ["answer", "more"]


async def test_no_reply_leaves_the_caller_waiting(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    server = await begin(runtime)
    for value in (NOREPLY, NoReply(), NoReply(then=1)):
        with pytest.raises(ergopy.CallTimeout):
            await server.call(value, timeout=1)
    assert server.log == ["call", "call", "call", ("continue", 1)]


async def test_stop_without_a_reply_ends_the_call_with_the_reason(
    runtime: Runtime,
) -> None:
    server = await begin(runtime)
    with pytest.raises(ergopy.CallExit) as caught:
        await server.call(Stop("shutdown"))
    assert caught.value.reason == "shutdown"
    assert server.log == ["call", ("terminate", "shutdown")]
    assert server.ends.reasons == ["shutdown"]


@pytest.mark.parametrize("value", [None, 0, "bye"])
async def test_stop_with_a_reply_answers_after_terminate(
    runtime: Runtime, value: Any
) -> None:
    """In OTP the answer of ``{stop, Reason, Reply, State}`` is the last thing sent."""
    server = await begin(runtime)
    assert await server.call(Stop("normal", reply=value)) == value
    assert server.log == ["call", ("terminate", "normal")]
    await settle()
    assert server.ends.reasons == ["normal"]


async def test_a_caller_that_is_stopped_with_a_reply_gets_it_though_terminate_fails(
    runtime: Runtime,
) -> None:
    class Fails(GenServer):
        async def handle_call(self, request: Any, from_: Any) -> Any:
            return Stop("normal", reply="bye")

        async def terminate(self, reason: Any) -> None:
            raise Exit("failed")

    server = find(runtime, await runtime.root.start(Fails))
    ends = Ends(server)
    assert await runtime.root.call(server.pid, 1) == "bye"
    await settle()
    assert ends.reasons == ["failed"]


@pytest.mark.parametrize("wrong", [ergopy.IGNORE])
async def test_a_wrong_return_of_handle_call_is_a_crash(
    runtime: Runtime, wrong: Any
) -> None:
    server = await begin(runtime)
    with pytest.raises(ergopy.CallExit) as caught:
        await server.call(wrong)
    assert caught.value.reason[1] == b"builtins.TypeError"
