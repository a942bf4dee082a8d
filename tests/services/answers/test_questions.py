"""Which standard questions a node answers, and what it does with odd ones."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

import etf
from ergopy import (
    Agent,
    Atom,
    CallExit,
    Node,
    NotExported,
    Pid,
    Port,
    Reference,
    RpcError,
    Supervisor,
    Task,
    TaskExit,
    TaskSupervisor,
)
from ergopy.node.exports import Undefined
from ergopy.node.questions import ANY, Refused
from ergopy.services import QUESTIONS
from ergopy.testing import MemoryNetwork, node_pair
from etf import Charlist

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from trio.testing import MockClock as Clock

NODE = Atom("erlang"), Atom("node")
ODD = [
    1,
    -1,
    2**70,
    1.5,
    True,
    None,
    Atom("undefined"),
    Atom("kernel_sup"),
    b"text",
    "text",
    [],
    [1, [2]],
    [(Atom("dictionary"), [(1, 2)]), (Atom("dictionary"), 5)],
    (),
    (Atom("a"), Atom("b@memory")),
    {},
    {Atom("connection_id"): 1, b"x": []},
    Pid("other@memory", 1, 0, 1),
    Pid("a@memory", 999, 0, 1),
    Port("a@memory", 5, 1),
    Reference("a@memory", 1, (1, 2, 3)),
    Charlist("text"),
    etf.ImproperList([1], 2),
]


@pytest.fixture
async def node(autojump_clock: Clock) -> AsyncIterator[Node]:
    async with MemoryNetwork().node("a", answers="all") as node:
        yield node


@pytest.mark.parametrize(
    "question", QUESTIONS, ids=lambda q: f"{q.module}:{q.function}"
)
async def test_whatever_the_arguments_are_it_is_an_answer(
    node: Node, question: Any
) -> None:
    """Nothing that a peer says is more than an answer, a refusal or an exit."""
    if question[:2] in [("init", "stop"), ("erlang", "unregister")]:
        return
    module = "m" if question.module == ANY else question.module
    for count in question.arities:
        count -= question.module == ANY
        for odd in ODD if count else [None]:
            for arguments in ([odd] * count, [Atom("kernel_sup"), odd, odd, odd]):
                if len(arguments[:count]) < count:
                    continue
                call = (module, question.function, arguments[:count])
                try:
                    etf.encode(await node.rpc(node.name, *call))
                except RpcError as error:
                    if error.kind not in ("error", "exit") or "python" in str(error):
                        raise
    assert node.whereis("kernel_sup") is not None


async def test_they_are_answered_from_the_start(autojump_clock: Clock) -> None:
    async with node_pair() as (a, b):
        assert await a.rpc(b.name, *NODE) == b.name
        assert await a.rpc(b.name, "erlang", "nodes") == [a.name]
        assert await a.rpc(b.name, "erlang", "nodes", [Atom("hidden")]) == []


async def test_what_a_program_exports_goes_before_them(node: Node) -> None:
    node.export("erlang", {"node": lambda: 5})
    assert await node.rpc(node.name, *NODE) == 5
    with pytest.raises(RpcError) as caught:
        await node.rpc(node.name, *NODE, [node.pid])
    assert caught.value.is_undefined
    assert await node.rpc(node.name, "erlang", "nodes") == []


async def test_each_can_be_turned_off(node: Node) -> None:
    node.unexport(*NODE)
    with pytest.raises(RpcError) as caught:
        await node.rpc(node.name, *NODE)
    assert caught.value.is_undefined
    assert await node.rpc(node.name, "erlang", "nodes") == []
    node.unexport("erlang")
    with pytest.raises(RpcError):
        await node.rpc(node.name, "erlang", "nodes")


async def test_they_can_be_turned_off_before_the_node_is_up_and_stay_so(
    autojump_clock: Clock,
) -> None:
    node = MemoryNetwork().node("a")
    node.unexport("erlang", "nodes")
    for _ in range(2):
        async with node:
            assert await node.rpc(node.name, *NODE) == node.name
            with pytest.raises(RpcError):
                await node.rpc(node.name, "erlang", "nodes")


async def test_what_was_exported_can_be_taken_back(node: Node) -> None:
    node.export("m", {"f": int, "g": int})
    node.unexport("m", "f")
    assert await node.rpc(node.name, "m", "g") == 0
    with pytest.raises(RpcError):
        await node.rpc(node.name, "m", "f")
    node.unexport("m")
    for gone in [("m", "g"), ("m", None), ("erlang", "halt")]:
        with pytest.raises(NotExported) as caught:
            node.unexport(*gone)
        assert (caught.value.module, caught.value.function) == gone


async def test_a_node_without_answers_has_none(autojump_clock: Clock) -> None:
    async with MemoryNetwork().node("a", answers="none") as node:
        for question in QUESTIONS:
            for count in question.arities:
                with pytest.raises(Undefined):
                    node.exports.find(question.module, question.function, [1] * count)


async def test_what_acts_is_refused_and_logged_once(
    autojump_clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    async with MemoryNetwork().node("a") as node:
        acting = [question for question in QUESTIONS if question.acts]
        assert {("init", "stop"), ("erlang", "register")} <= {one[:2] for one in acting}
        for question in acting * 2:
            with pytest.raises(Refused) as caught:
                node.exports.find(
                    question.module, question.function, [1] * question.least
                )
            assert caught.value.reason == "not_allowed"
        assert len(caplog.records) == len(acting)
        assert all(record.levelno == logging.WARNING for record in caplog.records)


async def test_nobody_on_a_third_node_is_asked(autojump_clock: Clock) -> None:
    async with node_pair() as (a, b):
        there = await b.start(Supervisor, [])
        for module, function in (
            ("supervisor", "which_children"),
            ("sys", "get_state"),
            ("sys", "get_status"),
            ("gen_event", "which_handlers"),
        ):
            for dest in (there, (Atom("rex"), b.name)):
                with pytest.raises(RpcError) as caught:
                    await a.rpc(a.name, module, function, [dest])
                assert caught.value.reason == "badarg"
        assert a.nodes() == []


async def test_badarg_names_the_call(node: Node) -> None:
    with pytest.raises(RpcError) as caught:
        await node.rpc(node.name, "erlang", "whereis", [5])
    assert caught.value.reason == "badarg"
    assert caught.value.stacktrace == [(Atom("erlang"), Atom("whereis"), [5], [])]


async def test_a_mistake_in_an_exported_function_is_no_badarg(node: Node) -> None:
    def f() -> None:
        raise ValueError("mine")

    node.export("m", {"f": f})
    with pytest.raises(RpcError) as caught:
        await node.rpc(node.name, "m", "f")
    assert caught.value.reason[:2] == (Atom("python"), b"builtins.ValueError")


async def test_an_agent_that_is_to_act_refuses_and_lives_on(
    autojump_clock: Clock,
) -> None:
    async with node_pair() as (a, b):
        pid = await b.start(Agent, 5, name="n")
        stop = (Atom("init"), Atom("stop"), [])
        with pytest.raises(CallExit) as caught:
            await a.call(("n", b.name), (Atom("get"), stop))
        call = [(Atom("init"), Atom("stop"), [5], [])]
        assert caught.value.reason == (Atom("not_allowed"), call)
        assert b.is_process_alive(pid)


@pytest.mark.parametrize(
    ("mfa", "reason"),
    [
        ((Atom("init"), Atom("stop"), []), "not_allowed"),
        ((Atom("erlang"), Atom("whereis"), [5]), "badarg"),
    ],
)
async def test_a_task_ends_with_what_it_was_refused(
    autojump_clock: Clock, mfa: Any, reason: str
) -> None:
    async with node_pair() as (a, b):
        await b.start(TaskSupervisor, name="tasks")
        module, function, args = mfa
        under = ("tasks", b.name)
        task = await Task.async_nolink((module, function), *args, under=under, caller=a)
        with pytest.raises(TaskExit) as caught:
            await task.await_()
        assert caught.value.reason == (Atom(reason), [(*mfa, [])])


def test_all_have_a_line_for_the_reference() -> None:
    for question in QUESTIONS:
        assert question.about.endswith("."), question
        assert question.least <= question.most
    names = [(q.module, q.function) for q in QUESTIONS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    "name",
    [
        ("erlang", "get_cookie"),
        ("erlang", "halt"),
        ("os", "getenv"),
        ("os", "cmd"),
        ("erlang", "apply"),
        ("file", "read_file"),
        ("code", "load_binary"),
        ("erl_eval", "expr"),
        ("net_adm", "world"),
    ],
)
def test_what_tells_secrets_or_runs_code_is_no_question(name: tuple[str, str]) -> None:
    assert name not in {(q.module, q.function) for q in QUESTIONS}
