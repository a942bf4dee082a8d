"""``ergopy.sys``: asking behaviours what OTP's ``sys`` asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import ergopy
import etf
from ergopy import Atom, GenServer, sys
from ergopy.testing import node_pair

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


class Counter(GenServer):
    async def init(self, value: int = 0) -> None:
        self.value = value

    async def handle_call(self, request: Any, from_: Any) -> Any:
        self.value += 1
        return self.value

    async def code_change(self, old: Any, extra: Any) -> None:
        self.value = extra


async def test_the_state_is_shown_here_and_from_another_node() -> None:
    async with node_pair() as (a, b):
        pid = await a.start(Counter, 3, name="counter")
        for dest, node in ((pid, a), ("counter", a), (("counter", a.name), b)):
            assert await sys.get_state(dest, caller=node) == {"value": 3}
        status = await sys.get_status(pid, caller=b)
        assert status[:2] == ("status", pid)


async def test_a_behaviour_of_this_node_can_be_changed() -> None:
    async with node_pair() as (a, b):
        pid = await a.start(Counter, 3)

        def double(counter: Any) -> Any:
            counter.value *= 2
            return counter.value

        assert await sys.replace_state(pid, double, caller=a) == 6
        assert await sys.get_state(pid, caller=a) == {"value": 6}
        with pytest.raises(ergopy.SysError) as caught:
            await sys.replace_state(pid, lambda _: 1 / 0, caller=a)
        assert caught.value.reason[1] == b"builtins.ZeroDivisionError"
        # No function travels.
        with pytest.raises(etf.EncodeError):
            await sys.replace_state(pid, double, caller=b)
        assert await a.call(pid, 1) == 7


async def test_who_is_suspended_serves_nothing_else_until_it_is_resumed() -> None:
    async with node_pair() as (a, b):
        pid = await a.start(Counter)
        await sys.suspend(pid, caller=b)
        request = await a.send_request(pid, 1)
        with pytest.raises(ergopy.CallTimeout):
            await request.wait_response(0)
        await sys.change_code(pid, "counter", 1, 41, caller=b)
        await sys.resume(pid, caller=b)
        assert await request.receive_response(5) == 42
        with pytest.raises(ergopy.SysError, match="unknown_system_msg"):
            await sys.change_code(pid, "counter", caller=b)


async def test_statistics_log_and_trace_are_turned_on_and_off(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "ergopy.gen")
    async with node_pair() as (a, _):
        pid = await a.start(Counter)
        assert await sys.statistics(pid, caller=a) is None
        await sys.statistics(pid, True, caller=a)
        await sys.log(pid, 2, caller=a)
        await sys.trace(pid, True, caller=a)
        await a.call(pid, 1)
        await a.call(pid, 2)
        counted = await sys.statistics(pid, caller=a)
        assert counted is not None
        assert (counted["messages_in"], counted["messages_out"]) == (2, 2)
        events = await sys.log(pid, caller=a)
        assert events is not None
        assert [event[0] for event in events] == ["in", "out"]
        assert len(caplog.records) == 4
        await sys.no_debug(pid, caller=a)
        await a.call(pid, 3)
        assert await sys.log(pid, caller=a) == []
        assert await sys.statistics(pid, caller=a) is None
        assert len(caplog.records) == 4


async def test_inside_of_a_process_that_is_who_asks(runtime: Runtime) -> None:
    class Asks(GenServer):
        async def handle_call(self, request: Any, from_: Any) -> Any:
            return await sys.get_state(request)

    counter = await runtime.root.start(Counter, 5)
    asks = await runtime.root.start(Asks)
    assert await runtime.root.call(asks, counter) == {Atom("value"): 5}
    with pytest.raises(ergopy.LocalProtocolError, match="caller=node"):
        await sys.get_state(counter)
