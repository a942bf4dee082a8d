"""Agents of this node: the value, who may change it, and what ends them."""

from __future__ import annotations

import operator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

import ergopy
import etf
from ergopy import Agent, Atom, CallExit, CallTimeout, agent
from ergopy.node.exports import Exports
from tests.nodes import epmd_port, make_node
from tests.runtimes import inside, running, settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ergopy import Pid, Process
    from ergopy.process.runtime import Runtime
    from tests.nodes import MakeNode

__all__ = ["epmd_port", "make_node"]


def itself(value: Any) -> Any:
    return value


async def add(value: int, n: int) -> int:
    await trio.lowlevel.checkpoint()
    return value + n


def swap(value: Any, new: Any) -> Any:
    return value, new


@pytest.fixture
async def exporting() -> AsyncIterator[Runtime]:
    """A runtime whose node exports ``m:itself/1``, ``m:add/2`` and ``m:swap/2``."""
    exports = Exports()
    exports.export("m", {"itself": itself, "add": add, "swap": swap})
    async with running(owner=SimpleNamespace(exports=exports)) as runtime:
        yield runtime


@pytest.mark.parametrize(
    ("args", "value"),
    [((), None), ((7,), 7), ((dict,), {}), ((add, 2, 3), 5), ((lambda: 1,), 1)],
)
async def test_an_agent_starts_with_a_value_or_what_makes_it(
    runtime: Runtime, args: Any, value: Any
) -> None:
    root = runtime.root
    pid = await root.start(Agent, *args)
    assert await agent.get(pid, itself, caller=root) == value
    assert await ergopy.sys.get_state(pid, caller=root) == value


async def test_a_value_takes_no_arguments(runtime: Runtime) -> None:
    with pytest.raises(ergopy.StartError):
        await runtime.root.start(Agent, 7, 8)


@pytest.mark.parametrize("function", [add, operator.add, ("m", "add")])
async def test_each_verb_does_what_it_does_in_elixir(
    exporting: Runtime, function: Any
) -> None:
    root = exporting.root
    await root.start(Agent, 1, name="n")
    assert await agent.get("n", function, 10, caller=root) == 11
    assert await agent.update("n", function, 10, caller=root) is None  # type: ignore[func-returns-value]
    assert await agent.get("n", ("m", "itself"), caller=root) == 11
    assert await agent.get_and_update("n", swap, 5, caller=root) == 11
    await agent.cast("n", function, 2, caller=root)
    assert await agent.get("n", itself, caller=root) == 7


async def test_inside_of_a_process_no_caller_is_needed(runtime: Runtime) -> None:
    async def body(me: Process) -> Any:
        pid = await me.start(Agent, 3)
        await agent.update(pid, add, 1)
        return await agent.get(pid, itself)

    assert await inside(runtime, body) == 4


async def test_the_function_runs_in_the_process_of_the_agent(runtime: Runtime) -> None:
    pid = await runtime.root.start(Agent, 0)
    found = await agent.get(pid, lambda _: ergopy.self().pid, caller=runtime.root)
    assert found == pid


FUN = etf.Fun(Atom("m"), 1, bytes(16), 0, 0, 0, etf.Pid(Atom("a@h"), 1, 2, 3), ())

REFUSED = [
    ((Atom("m"), Atom("nothing"), [1]), ("undef", [("m", "nothing", [5, 1], [])])),
    ((Atom("m"), Atom("add"), [1, 2]), ("undef", [("m", "add", [5, 1, 2], [])])),
    (
        (Atom("os"), Atom("system"), [b"id"]),
        ("undef", [("os", "system", [5, b"id"], [])]),
    ),
    (etf.Export(Atom("os"), Atom("system"), 1), ("undef", [("os", "system", [5], [])])),
    (7, ("badarg", [("erlang", "apply", [7], [])])),
    (
        (Atom("erlang"), Atom("apply"), [FUN, [1]]),
        "a_beam_fun_cannot_run_here",
    ),
]


@pytest.mark.parametrize(("told", "reason"), REFUSED)
@pytest.mark.parametrize("verb", ["get", "update", "get_and_update"])
async def test_what_cannot_run_fails_the_call_and_leaves_the_agent_alone(
    exporting: Runtime, verb: str, told: Any, reason: Any
) -> None:
    root = exporting.root
    pid = await root.start(Agent, 5)
    with pytest.raises(CallExit) as caught:
        await root.call(pid, (Atom(verb), told), None)
    assert caught.value.reason == reason
    assert await agent.get(pid, itself, caller=root) == 5
    assert not exporting.aliases


async def test_a_cast_that_cannot_run_is_logged_and_changes_nothing(
    exporting: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    root = exporting.root
    pid = await root.start(Agent, 5)
    await agent.cast(pid, ("m", "nothing"), caller=root)
    assert await agent.get(pid, itself, caller=root) == 5
    (record,) = caplog.records
    assert "undef" in record.getMessage()


@pytest.mark.parametrize("verb", [agent.get, agent.update, agent.get_and_update])
async def test_a_function_that_raises_ends_the_agent(
    runtime: Runtime, verb: Any
) -> None:
    pid = await runtime.root.start(Agent, 5)
    with pytest.raises(CallExit) as caught:
        await verb(pid, operator.truediv, 0, caller=runtime.root)
    assert caught.value.reason[1] == b"builtins.ZeroDivisionError"
    assert runtime.find(pid) is None


@pytest.mark.parametrize("result", [7, (1,), (1, 2, 3), [1, 2]])
async def test_a_bad_result_of_get_and_update_ends_the_agent(
    runtime: Runtime, result: Any
) -> None:
    pid = await runtime.root.start(Agent, 5)
    with pytest.raises(CallExit) as caught:
        await agent.get_and_update(pid, lambda _: result, caller=runtime.root)
    assert caught.value.reason == ("bad_return_value", result)


@pytest.mark.parametrize("request_", ["what", ("get",), (Atom("cast"), len), 7])
async def test_an_unknown_request_fails_its_call_alone(
    runtime: Runtime, request_: Any
) -> None:
    pid = await runtime.root.start(Agent, 5)
    with pytest.raises(CallExit) as caught:
        await runtime.root.call(pid, request_)
    assert caught.value.reason == ("badarg", request_)
    await runtime.root.cast(pid, request_ if request_ != (Atom("cast"), len) else 8)
    assert await agent.get(pid, itself, caller=runtime.root) == 5


async def test_the_time_of_the_caller_is_up_while_the_agent_goes_on(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    async def slow(value: int) -> int:
        await trio.sleep(3)
        return value + 1

    pid = await runtime.root.start(Agent, 0)
    with pytest.raises(CallTimeout):
        await agent.update(pid, slow, timeout=1, caller=runtime.root)
    assert await agent.get(pid, itself, timeout=None, caller=runtime.root) == 1


async def test_a_callable_is_not_for_another_node(runtime: Runtime) -> None:
    class Way:
        pass

    runtime._remote_node = lambda _: Way()  # type: ignore[assignment,return-value]
    for verb in agent.get, agent.update, agent.get_and_update, agent.cast:
        with pytest.raises(TypeError, match="another node cannot run"):
            await verb(("n", "a@b"), itself, caller=runtime.root)
        with pytest.raises(TypeError, match="a function is"):
            await verb("n", 7, caller=runtime.root)  # type: ignore[arg-type]


async def test_a_caller_that_gave_up_is_answered_into_nothing(
    exporting: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    async def slow(value: int) -> int:
        await trio.sleep(3)
        return value

    root = exporting.root
    pid = await root.start(Agent, 0)
    await agent.cast(pid, slow, caller=root)
    with pytest.raises(CallTimeout):
        await agent.get(pid, ("no", "thing"), timeout=1, caller=root)
    await settle()
    assert await agent.get(pid, itself, caller=root) == 0


steps = st.lists(
    st.tuples(
        st.sampled_from(["get", "update", "get_and_update", "cast"]),
        st.integers(-9, 9),
    ),
    max_size=20,
)


@given(steps)
@settings(max_examples=50)
def test_an_agent_is_a_variable(script: list[tuple[str, int]]) -> None:
    async def follow() -> None:
        async with running() as runtime:
            root, model = runtime.root, 0
            pid: Pid = await root.start(Agent, 0)
            for verb, n in script:
                if verb == "get":
                    assert await agent.get(pid, add, n, caller=root) == model + n
                elif verb == "get_and_update":
                    old = await agent.get_and_update(pid, swap, n, caller=root)
                    assert old == model
                    model = n
                else:
                    await getattr(agent, verb)(pid, add, n, caller=root)
                    model += n
            assert await agent.get(pid, itself, caller=root) == model

    trio.run(follow, clock=trio.testing.MockClock(autojump_threshold=0))


@pytest.mark.parametrize("policy", ["deep", "etf"])
async def test_processes_that_copy_what_they_send_use_agents_too(
    runtime: Runtime, policy: Any
) -> None:
    pid = await runtime.root.start(Agent, 1)

    async def body(me: Process) -> Any:
        await agent.update(pid, add, 1)
        return await agent.get(pid, lambda value: value + 1)

    config = ergopy.ProcessConfig(copy=policy)
    assert await inside(runtime, body, config=config) == 3


async def test_a_value_that_is_no_term_fails_the_call_from_another_node_alone(
    make_node: MakeNode,
) -> None:
    ours, theirs = await make_node(), await make_node()
    ours.export("m", {"itself": itself, "swap": swap})
    pid = await ours.start(Agent, object, name="agent")
    place = ("agent", ours.name)
    for verb, *args in (agent.get, ("m", "itself")), (agent.get, ("m", "no")):
        with pytest.raises(CallExit):
            await verb(place, *args, caller=theirs)  # type: ignore[operator]
    assert await agent.get_and_update(pid, swap, 1, caller=ours) is not None
    assert await agent.get(place, ("m", "itself"), caller=theirs) == 1
