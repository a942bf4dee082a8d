"""What a local send hands over: the object, a copy, or what the wire makes of it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import trio
from hypothesis import given

import ergopy
import etf
from ergopy import Atom, Down, ExitMessage, GenServer, ProcessConfig
from ergopy.process.configured.by_etf import ByEtf
from ergopy.process.configured.deep import deep
from ergopy.process.process import Process
from tests.etf.strategies import terms
from tests.runtimes import find, idle, inside, mail, running, sleeper

if TYPE_CHECKING:
    from collections.abc import Callable

    from ergopy.process.runtime import Runtime

by_etf = ByEtf()

POLICIES = [("none", False), ("deep", True), ("etf", True)]


class Point(NamedTuple):
    x: Any
    y: Any


class Bag:
    def __init__(self, items: list[int]) -> None:
        self.items = items


def sending(runtime: Runtime, policy: Any) -> Process:
    return runtime.spawn(idle, (), config=ProcessConfig(copy=policy))


def test_what_cannot_be_changed_is_handed_over_as_it_is() -> None:
    pid = etf.Pid("a@b", 1, 0, 1)
    for value in (
        *(1, True, None, 2.5, "text", b"bytes", Atom("ok"), pid),
        *((), (1, ("a", b"b", None)), Point(1, Atom("y"))),
    ):
        assert deep(value) is value


@pytest.mark.parametrize(
    "value",
    [
        [1, [2, {3: [4]}]],
        {"a": [1], (1, 2): {"b": set()}},
        ([], "x"),
        bytearray(b"abc"),
        Point([1], 2),
        {1, 2},
    ],
)
def test_a_deep_copy_is_equal_and_shares_nothing_that_can_change(value: Any) -> None:
    made = deep(value)
    assert made == value
    assert type(made) is type(value)
    assert made is not value
    assert not mutables(made) & mutables(value)


def mutables(value: Any) -> set[int]:
    """Return the ids of what can be changed in *value*."""
    found = set() if isinstance(value, tuple) else {id(value)}
    if isinstance(value, dict):
        parts: list[Any] = list(value.values())
    else:
        parts = list(value) if isinstance(value, list | tuple) else []
    for part in parts:
        if isinstance(part, list | dict | tuple | bytearray | set):
            found |= mutables(part)
    return found


def test_system_messages_stay_what_they_are() -> None:
    ref = etf.Reference("a@b", 1, (1, 2, 3))
    pid = etf.Pid("a@b", 1, 0, 1)
    for message in (Down(ref, pid, ["why"]), ExitMessage(pid, ["why"], ["tag"])):
        made = deep(message)
        assert type(made) is type(message)
        assert made == message
        assert made.reason is not message.reason
    assert deep(ExitMessage(pid, [], "tag")).tag == "tag"


def test_an_object_in_it_is_copied_as_python_does() -> None:
    bag = Bag([1])
    made = deep({"bag": [bag, bag]})["bag"]
    assert made[0] is made[1]
    assert made[0] is not bag
    assert made[0].items == [1]
    assert made[0].items is not bag.items


def test_what_contains_itself_can_be_copied() -> None:
    loop: list[Any] = [1]
    loop.append((loop, {"me": loop}))
    made = deep(loop)
    assert made is not loop
    assert made[1][0] is made
    assert made[1][1]["me"] is made


@given(terms())
def test_a_deep_copy_of_a_term_is_that_term(term: Any) -> None:
    assert etf.same(deep(term), term)
    assert etf.encode(deep(term)) == etf.encode(term)


@given(terms())
def test_by_etf_is_what_comes_out_of_the_wire(term: Any) -> None:
    assert etf.same(by_etf(term), etf.decode(etf.encode(term)))


async def by_send(one: Process, other: Process, message: Any) -> None:
    await one.send(other.pid, message)


async def by_send_nowait(one: Process, other: Process, message: Any) -> None:
    one.send_nowait(other.pid, message)


async def to_many(one: Process, other: Process, message: Any) -> None:
    await one.send([other.pid], message)


async def by_name(one: Process, other: Process, message: Any) -> None:
    other.register("other")
    await one.send("other", message)


async def to_an_alias(one: Process, other: Process, message: Any) -> None:
    await one.send(other.alias(), message)


async def with_priority(one: Process, other: Process, message: Any) -> None:
    await one.send(other.alias(priority=True), message, priority=True)


async def with_priority_to_a_pid(one: Process, other: Process, message: Any) -> None:
    await one.send(other.pid, message, priority=True)


async def by_cast(one: Process, other: Process, message: Any) -> None:
    await one.cast(other.pid, message)


async def by_timer(one: Process, other: Process, message: Any) -> None:
    one.send_after(0, other.pid, message)


WAYS = [
    by_send,
    by_send_nowait,
    to_many,
    by_name,
    to_an_alias,
    with_priority,
    with_priority_to_a_pid,
    by_cast,
    by_timer,
]


@pytest.mark.parametrize(("policy", "isolated"), POLICIES)
@pytest.mark.parametrize("way", WAYS)
async def test_whether_a_change_after_the_send_is_seen(
    runtime: Runtime,
    autojump_clock: trio.abc.Clock,
    way: Callable[[Process, Process, Any], Any],
    policy: str,
    isolated: bool,
) -> None:
    one, other = sending(runtime, policy), sleeper(runtime)
    message = {"items": [1]}
    await way(one, other, message)
    message["items"].append(2)
    await trio.sleep(1)
    [got] = mail(other)
    got = got[1] if isinstance(got, tuple) else got
    items = next(iter(got.values()))
    assert items == ([1] if isolated else [1, 2])


class Keeper(GenServer):
    async def init(self) -> None:
        self.kept: list[Any] = []

    async def handle_call(self, request: Any, from_: Any) -> Any:
        if isinstance(request, list):
            self.kept.append(request)
        return self.kept


@pytest.mark.parametrize(("policy", "isolated"), POLICIES)
async def test_requests_and_answers_of_calls_are_messages_too(
    runtime: Runtime, policy: Any, isolated: bool
) -> None:
    config = ProcessConfig(copy=policy)

    async def body(process: Process) -> tuple[Any, Any]:
        pid = await process.start(Keeper)
        request = [1]
        await process.call(pid, request)
        request.append(2)
        answer = await process.call(pid, "kept")
        answer.append("mine")
        late = await (await process.send_request(pid, request)).receive_response()
        process.runtime.register("keeper", pid)
        everywhere = [process.runtime.name]
        replies, _ = await process.multi_call("keeper", request, everywhere)
        assert len(replies) == 1
        request.append(3)
        return answer[:1], late

    first, second = await inside(runtime, body, config=config)
    if isolated:
        assert (first, second) == ([[1]], [[1], [1, 2]])
    else:
        assert second[:2] == [[1, 2, 3], "mine"]


async def test_etf_hands_over_what_the_wire_would(runtime: Runtime) -> None:
    one, other = sending(runtime, "etf"), sleeper(runtime)
    await one.send(other.pid, ("text", Point(1, None), Atom("a")))
    assert mail(other) == [(b"text", (1, None), Atom("a"))]
    assert type(mail(other)[0][1]) is tuple


async def test_etf_refuses_what_is_no_term_before_anything_is_sent(
    runtime: Runtime,
) -> None:
    one, other = sending(runtime, "etf"), sleeper(runtime)
    with pytest.raises(etf.EncodeError):
        await one.send([other.pid, other.pid], {"bag": Bag([])})
    assert mail(other) == []


@pytest.mark.parametrize("policy", ["deep", "etf"])
async def test_code_is_handed_over_as_it_is_and_what_is_with_it_is_copied(
    runtime: Runtime, policy: str
) -> None:
    class Order:
        handed_over = True

    order, items = Order(), [1]
    one, other = sending(runtime, policy), sleeper(runtime)
    await one.send(other.pid, (Atom("run"), idle, [Keeper, order], {"items": items}))
    [(word, function, [kind, same], table)] = mail(other)
    assert (word, function, kind) == ("run", idle, Keeper)
    assert same is order
    [copied] = table.values()
    assert copied == items
    assert copied is not items


async def test_the_error_of_etf_says_where_in_the_whole_message(
    runtime: Runtime,
) -> None:
    one, other = sending(runtime, "etf"), sleeper(runtime)
    with pytest.raises(etf.EncodeError, match=r"\[1\]\[0\]"):
        await one.send(other.pid, (1, [Bag([])], 2))


async def test_etf_follows_the_options_of_the_node() -> None:
    options: dict[str, Any] = {
        "decode": etf.DecodeOptions(strings="str"),
        "encode": etf.EncodeOptions(none="undefined"),
    }
    node = ergopy.Node("etf@127.0.0.1", cookie="x", epmd="off", copy="etf", **options)
    async with node:
        await node.start(Keeper, name="keeper")
        assert await node.call("keeper", ["text", None]) == [
            ["text", Atom("undefined")]
        ]


@pytest.mark.parametrize("policy", ["deep", "etf"])
async def test_supervisors_and_scopes_work_under_any_policy(policy: Any) -> None:
    node = ergopy.Node("copies@127.0.0.1", cookie="x", epmd="off", copy=policy)
    async with node:
        await node.start(ergopy.Supervisor, [], name="sup")
        spec = ergopy.ChildSpec(idle, id="one")
        pid = await ergopy.supervisor.start_child("sup", spec, caller=node)
        assert node.runtime.find(pid) is not None
        async with node.scope() as scope:
            assert await scope.start(Keeper) in scope.children


async def test_deep_refuses_nothing_and_copies_what_python_can_copy(
    runtime: Runtime,
) -> None:
    one, other = sending(runtime, "deep"), sleeper(runtime)
    bag = Bag([1])
    await one.send(other.pid, bag)
    bag.items.append(2)
    assert mail(other)[0].items == [1]


async def test_the_policy_is_that_of_the_sender_not_of_the_receiver(
    runtime: Runtime,
) -> None:
    plain, copying = sleeper(runtime), sending(runtime, "deep")
    message = [1]
    await plain.send(copying.pid, message)
    assert mail(copying)[0] is message


async def test_children_send_as_their_parent_does(runtime: Runtime) -> None:
    child = find(runtime, await sending(runtime, "deep").spawn(idle))
    other = sleeper(runtime)
    message = [1]
    await child.send(other.pid, message)
    assert mail(other)[0] is not message


async def test_without_a_policy_the_object_itself_is_handed_over(
    runtime: Runtime,
) -> None:
    one, other = sleeper(runtime), sleeper(runtime)
    message = [1]
    await one.send(other.pid, message)
    assert mail(other)[0] is message
    assert type(one).send_one is Process.send_one


async def test_a_policy_of_the_node_is_that_of_all_its_processes() -> None:
    async with running(copy="deep") as runtime:
        one, other = sleeper(runtime), sleeper(runtime)
        message = [1]
        await one.send(other.pid, message)
        await runtime.root.send(other.pid, message)
        assert mail(other) == [[1], [1]]
        assert all(got is not message for got in mail(other))


def test_a_copy_of_a_process_s_config_is_one() -> None:
    config = ProcessConfig(copy="etf", may_call=["a"], environment={"x": 1})
    assert copy.copy(config) == config


def test_what_is_in_itself_is_no_term() -> None:
    ring: list[Any] = []
    ring.append(ring)
    for message in (ring, (print, ring), {"x": [print, ring]}):
        with pytest.raises(etf.EncodeError):
            by_etf(message)
