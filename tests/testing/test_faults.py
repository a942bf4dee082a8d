"""Faults on purpose, each with what a program sees of it."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import trio

import ergopy
from ergopy import (
    Atom,
    ChildSpec,
    GenServer,
    Registry,
    Supervisor,
    supervisor,
    testing,
)
from tests.nodes import Echo
from tests.runtimes import settle


class Worker(GenServer):
    """Says when it ends, and can be made to fail."""

    async def init(self, ended: list[Any] | None = None) -> None:
        self.trap_exit = True
        self.ended = ended

    async def handle_call(self, request: Any, from_: Any) -> Any:
        return self.answer(request)

    def answer(self, request: Any) -> Any:
        return request

    async def terminate(self, reason: Any) -> None:
        if self.ended is not None:
            self.ended.append(reason)


async def seen(node: ergopy.Node, messages: int = 5) -> list[Any]:
    """Send numbers to a process, and say which it has got."""
    for number in range(1, messages + 1):
        await node.send("echo", number)
    await settle()
    found: list[Any] = await node.call("echo", Atom("seen"))
    return found


ALL = [1, 2, 3, 4, 5]

ROWS: list[tuple[str, dict[str, Any], list[int]]] = [
    ("drop", {}, [2, 3, 4, 5]),
    ("drop", {"at": 3}, [1, 2, 4, 5]),
    ("drop", {"at": 3, "times": 2}, [1, 2, 5]),
    ("drop", {"at": 2, "times": None}, [1]),
    ("drop", {"match": 4}, [1, 2, 3, 5]),
    ("drop", {"match": lambda it: it in (3, 4), "at": 2}, [1, 2, 3, 5]),
    ("drop", {"match": int, "times": 5}, []),
    ("drop", {"match": bytes}, ALL),
    ("drop", {"at": 6}, ALL),
    ("duplicate", {}, [1, *ALL]),
    ("duplicate", {"match": 4}, [1, 2, 3, 4, 4, 5]),
    ("duplicate", {"times": None}, [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]),
]


@pytest.mark.parametrize(("method", "options", "expected"), ROWS)
async def test_which_messages_are_lost_or_doubled(
    node: ergopy.Node, method: str, options: dict[str, Any], expected: list[int]
) -> None:
    await node.start(Echo, name="echo")
    # The question at the end is a message as well.
    options = {"match": int, **options}
    with testing.faults(node) as faults:
        getattr(faults, method)("echo", **options)
        assert await seen(node) == expected


async def test_a_late_message_is_overtaken_and_arrives_after_the_faults(
    node: ergopy.Node, autojump_clock: Any
) -> None:
    await node.start(Echo, name="echo")
    with testing.faults(node) as faults:
        faults.delay("echo", 2, 1)
        faults.delay("echo", 9, 2)
        assert await seen(node, 3) == [3]
        await trio.sleep(2.1)
        assert await node.call("echo", Atom("seen")) == [3, 1]
    await trio.sleep(7)
    assert await node.call("echo", Atom("seen")) == [3, 1, 2]


async def test_a_late_message_does_not_come_to_the_next_process(
    node: ergopy.Node, autojump_clock: Any
) -> None:
    pid = await node.start(Echo, name="echo")
    with testing.faults(node) as faults:
        faults.delay("echo", 2, int)
        await node.send("echo", 1)
        await node.stop(pid)
        await node.start(Echo, name="echo")
        await trio.sleep(3)
        assert await node.call("echo", Atom("seen")) == []


async def test_a_lost_call_is_a_timeout_and_the_next_one_is_answered(
    node: ergopy.Node, autojump_clock: Any
) -> None:
    pid = await node.start(Echo)
    with testing.faults(node) as faults:
        faults.drop(pid, "hello")
        with pytest.raises(ergopy.CallTimeout):
            await node.call(pid, Atom("hello"))
        assert await node.call(pid, Atom("hello")) == "hello"


async def test_exit_messages_and_the_like_are_never_touched(node: ergopy.Node) -> None:
    pid = await node.start(Echo)
    async with testing.stand_in(node) as me:
        await me.link(pid)
        await me.monitor(pid)
        with testing.faults(node) as faults:
            faults.drop(me.pid, times=None)
            await me.send(me.pid, 1)
            await me.stop(pid)
            assert {type(m).__name__ for m in me.messages()} == {"Down", "ExitMessage"}


async def test_a_crash_is_at_the_message_that_is_said_and_without_terminate(
    node: ergopy.Node,
) -> None:
    ended: list[Any] = []
    pid = await node.start(Worker, ended)
    async with testing.stand_in(node) as me:
        ref = await me.monitor(pid)
        with testing.faults(node) as faults:
            faults.crash(pid, at=3, reason=("disk", "full"))
            assert [await me.call(pid, number) for number in (1, 2)] == [1, 2]
            with pytest.raises(ergopy.CallExit) as caught:
                await me.call(pid, 3)
        assert caught.value.reason == ("disk", "full")
        down = await me.receive(timeout=60)
        assert (down.ref, down.reason, ended) == (ref, ("disk", "full"), [])


async def test_a_name_is_followed_through_restarts(node: ergopy.Node) -> None:
    await node.start(Supervisor, [ChildSpec(Echo, name="echo")])
    with testing.faults(node) as faults, testing.event_log(node) as log:
        faults.crash("echo", int, at=2, times=2)
        for number in (1, 2, 3, 4):
            await node.send("echo", number)
            await settle()
        assert len(log.of(testing.ProcessEnded, label="echo", reason="fault")) == 2
        assert await node.call("echo", Atom("seen")) == [4]


async def test_a_via_name_is_followed_as_well(node: ergopy.Node) -> None:
    await node.start(Registry, name="users")
    via = ergopy.Via("users", 7)
    with testing.faults(node) as faults:
        faults.drop(via, int)
        await node.start(Echo, name=via)
        await node.send(via, 1)
        await node.send(via, 2)
    assert await node.call(via, Atom("seen")) == [2]


async def test_a_callback_fails_as_if_its_code_had(node: ergopy.Node) -> None:
    ended: list[Any] = []
    with testing.faults(node) as faults:
        faults.fail(Worker, "handle_call", ValueError("boom"), at=2)
        pid = await node.start(Worker, ended)
        assert await node.call(pid, 1) == 1
        with pytest.raises(ergopy.CallExit) as caught:
            await node.call(pid, 2)
        assert caught.value.reason[:3] == ("python", b"builtins.ValueError", b"boom")
        assert ended == [caught.value.reason]
        pid = await node.start(Worker)
        assert await node.call(pid, 3) == 3


async def test_what_waits_for_nothing_can_fail_too_and_what_is_inherited(
    node: ergopy.Node,
) -> None:
    class Heir(Worker):
        pass

    pid, other = await node.start(Heir), await node.start(Worker)
    with testing.faults(node) as faults:
        faults.fail(Heir, "answer", KeyError)
        assert await node.call(other, 1) == 1
        with pytest.raises(ergopy.CallExit):
            await node.call(pid, 1)
    assert "answer" not in vars(Heir)
    assert await node.call(await node.start(Heir), 1) == 1


async def test_the_third_child_is_refused_by_its_init(node: ergopy.Node) -> None:
    former = Worker.init
    with testing.faults(node) as faults:
        faults.fail(Worker, "init", ValueError("no disk"), at=3)
        pid = await node.start(ergopy.DynamicSupervisor)
        start = partial(supervisor.start_child, pid, ChildSpec(Worker), caller=node)
        await start()
        await start()
        with pytest.raises(ergopy.StartError) as caught:
            await start()
        assert caught.value.reason[1:3] == (b"builtins.ValueError", b"no disk")
        await start()
        counts = await supervisor.count_children(pid, caller=node)
    assert counts.active == 3
    assert Worker.init is former


async def test_starts_of_one_parent_are_refused_and_others_are_not(
    node: ergopy.Node,
) -> None:
    async def child(process: ergopy.Process) -> None:
        await trio.sleep_forever()

    pid = await node.start(Supervisor, [], name="shop")
    with testing.faults(node) as faults:
        faults.refuse_start("shop", at=2)
        await supervisor.start_child(pid, ChildSpec(child, id="a"), caller=node)
        with pytest.raises(ergopy.StartError) as caught:
            await supervisor.start_child(pid, ChildSpec(child, id="b"), caller=node)
        assert caught.value.reason == ("EXIT", ("system_limit", []))
        await node.start(Echo)
        await supervisor.start_child(pid, ChildSpec(child, id="c"), caller=node)
    children = await supervisor.which_children(pid, caller=node)
    assert sorted(info.id for info in children) == ["a", "c"]


async def test_any_start_is_refused_as_on_a_full_node(node: ergopy.Node) -> None:
    former = type(node.runtime)
    with testing.faults(node) as faults:
        faults.refuse_start(times=None)
        with pytest.raises(ergopy.SystemLimit):
            await node.spawn(trio.sleep)
    assert type(node.runtime) is former
    await node.start(Echo)


async def test_several_faults_the_last_one_first(node: ergopy.Node) -> None:
    await node.start(Echo, name="echo")
    with testing.faults(node) as faults:
        faults.drop("echo", 2)
        faults.duplicate("echo", 2)
        assert await seen(node, 3) == [1, 2, 3]


async def test_at_the_end_everything_is_as_before(node: ergopy.Node) -> None:
    pid = await node.start(Echo, name="echo")
    process = node.runtime.find(pid)
    plain = type(process)
    with testing.faults(node) as faults:
        faults.drop("echo", times=None)
        faults.drop(pid, times=None)
    assert type(process) is plain
    assert node.runtime.tracer is None
    assert await seen(node) == ALL


@pytest.mark.parametrize("wrong", [{"at": 0}, {"times": 0}, {"at": -1}])
async def test_numbers_that_count_nothing_are_refused(
    node: ergopy.Node, wrong: dict[str, int]
) -> None:
    await node.start(Echo, name="echo")
    with testing.faults(node) as faults, pytest.raises(ValueError, match="above 0"):
        faults.drop("echo", **wrong)
    with testing.faults(node) as faults, pytest.raises(ValueError, match="seconds"):
        faults.delay("echo", -1)
