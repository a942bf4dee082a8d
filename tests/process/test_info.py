"""``process_info``: each item has the shape that it has on a BEAM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

import etf
from ergopy import Atom, MailboxLimit, Pid, Process
from ergopy.process.info import process_info
from tests.runtimes import idle, inside, settle, sleeper

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime

# What a BEAM shows by default, in its order.
SHOWN = (
    "current_function initial_call status message_queue_len links dictionary "
    "trap_exit error_handler priority group_leader total_heap_size heap_size "
    "stack_size reductions garbage_collection suspending"
)
# The other items of OTP 25 to 28.
MORE = (
    "async_dist backtrace binary catchlevel current_location current_stacktrace "
    "fullsweep_after garbage_collection_info label last_calls magic_ref max_heap_size "
    "memory message_queue_data messages min_bin_vheap_size min_heap_size monitored_by "
    "monitors parent priority_messages registered_name sequential_trace_token trace"
)


async def test_the_default_items_are_those_of_a_beam(runtime: Runtime) -> None:
    nameless, named = sleeper(runtime), sleeper(runtime, name="x")
    assert [name for name, _ in process_info(nameless)] == SHOWN.split()
    assert [name for name, _ in process_info(named)] == [
        "registered_name",
        *SHOWN.split(),
    ]


@pytest.mark.parametrize("item", (SHOWN + " " + MORE).split())
async def test_every_item_is_a_pair_that_can_be_sent(
    runtime: Runtime, item: str
) -> None:
    process = sleeper(runtime, name="x")
    await settle()
    name, value = process_info(process, item)
    assert (name, type(name)) == (item, Atom)
    etf.encode(value)
    assert process_info(process, [Atom(item)] * 2) == [(name, value)] * 2


async def test_a_process_without_a_name_has_an_empty_list_for_it(
    runtime: Runtime,
) -> None:
    process = sleeper(runtime)
    assert process_info(process, "registered_name") == []
    assert process_info(process, ["registered_name"]) == [("registered_name", [])]
    runtime.register("x", process.pid)
    assert process_info(process, "registered_name") == ("registered_name", "x")


async def test_links_and_monitors_from_both_sides(runtime: Runtime) -> None:
    one, other = sleeper(runtime), sleeper(runtime, name="other")
    one.link_nowait(other.pid)
    one.monitor_nowait(other.pid)
    one.monitor_nowait("other")
    assert process_info(one, "links") == ("links", [other.pid])
    assert process_info(other, "links") == ("links", [one.pid])
    assert process_info(one, "monitors") == (
        "monitors",
        [("process", other.pid), ("process", ("other", "py@test"))],
    )
    assert process_info(other, "monitored_by") == ("monitored_by", [one.pid] * 2)
    assert process_info(one, "monitored_by") == ("monitored_by", [])


async def test_who_calls_is_seen_as_a_monitor(runtime: Runtime) -> None:
    target = sleeper(runtime)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(runtime.root.call, target.pid, "question", None)
        await settle()
        assert process_info(target, "monitored_by")[1] == [runtime.root.pid]
        nursery.cancel_scope.cancel()


async def test_what_waits_in_the_mailbox(runtime: Runtime) -> None:
    process = sleeper(runtime)
    for number in range(3):
        process.deliver(number)
    process.new_ref()
    process.deliver_priority("first")
    process.deliver(3)
    assert process_info(process, "messages") == ("messages", ["first", 0, 1, 2, 3])
    assert process_info(process, "message_queue_len") == ("message_queue_len", 5)


async def test_dictionary_label_parent_and_leader(runtime: Runtime) -> None:
    async def child(process: Process) -> None:
        process.dictionary[Atom("key")] = 1
        process.label = (Atom("worker"), 7)
        await trio.sleep_forever()

    parent = sleeper(runtime)
    process = runtime.spawn(child, (), parent=parent)
    assert process_info(process, "label")[1].endswith("child")
    await settle()
    items = ["dictionary", "label", "parent", "group_leader"]
    assert process_info(process, items) == [
        ("dictionary", [("key", 1)]),
        ("label", ("worker", 7)),
        ("parent", parent.pid),
        ("group_leader", runtime.root.pid),
    ]
    assert process_info(process, [("dictionary", "key"), ("dictionary", "no")]) == [
        (("dictionary", "key"), 1),
        (("dictionary", "no"), "undefined"),
    ]


async def test_where_a_process_is(runtime: Runtime) -> None:
    async def inner() -> None:
        await trio.sleep_forever()

    async def outer(process: Process) -> None:
        await inner()

    process = runtime.spawn(outer, ())
    assert process_info(process, "current_function")[1] == ("erlang", "apply", 2)
    await settle()
    module, function, arity = process_info(process, "initial_call")[1]
    assert (module, arity) == (__name__, 1)
    assert function.endswith(".outer")
    process.dictionary[Atom("$initial_call")] = (Atom("m"), Atom("init"), 1)
    assert process_info(process, "initial_call")[1] == ("proc_lib", "init_p", 5)
    module, function, arity = process_info(process, "current_function")[1]
    assert (module, arity) == (__name__, 0)
    assert function.endswith(".inner")
    stack = process_info(process, "current_stacktrace")[1]
    assert len(stack) == 2
    assert stack[0] == process_info(process, "current_location")[1]
    assert stack[0][3][0] == ("file", __file__)
    assert b"inner" in process_info(process, "backtrace")[1]


async def test_who_looks_at_itself_is_running(runtime: Runtime) -> None:
    async def body(process: Process) -> Any:
        return process_info(process, "status")

    assert await inside(runtime, body) == ("status", "running")
    assert process_info(sleeper(runtime), "status") == ("status", "waiting")


async def test_memory_grows_with_the_mailbox(runtime: Runtime) -> None:
    process = sleeper(runtime)
    before = process_info(process, "memory")[1]
    for _ in range(5000):
        process.deliver(b"x" * 1000)
    assert process_info(process, "memory")[1] - before > 5_000_000


async def test_what_a_limited_mailbox_has_dropped(runtime: Runtime) -> None:
    process = runtime.spawn(idle, (), mailbox=MailboxLimit(1))
    for number in range(3):
        process.deliver(number)
    assert process_info(process, "dropped") == ("dropped", 2)


@pytest.mark.parametrize("item", ["nothing", 5, None, ("dictionary",), ("x", 1), []])
async def test_an_item_that_is_none_is_refused(runtime: Runtime, item: Any) -> None:
    with pytest.raises(ValueError, match="no item"):
        process_info(sleeper(runtime), [item])


@pytest.mark.parametrize(
    ("flag", "default", "value"),
    [
        ("trap_exit", False, True),
        ("priority", "normal", "high"),
        ("message_queue_data", "on_heap", Atom("off_heap")),
        ("min_heap_size", 233, 1000),
        ("sensitive", False, True),
        ("error_handler", "error_handler", "mine"),
        ("max_heap_size", None, 5000),
    ],
)
async def test_a_flag_is_kept_and_the_old_value_returned(
    runtime: Runtime, flag: str, default: Any, value: Any
) -> None:
    process = sleeper(runtime)
    old = process.process_flag(flag, value)
    assert default is None or old == default
    assert process.process_flag(flag, value) == value
    if flag != "sensitive":
        assert process_info(process, flag) == (flag, value)


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("nothing", True),
        ("trap_exit", 1),
        ("priority", "highest"),
        ("message_queue_data", "mixed"),
        ("min_heap_size", -1),
        ("save_calls", True),
        ("max_heap_size", "much"),
        ("error_handler", 5),
    ],
)
async def test_a_flag_or_value_that_is_none_is_refused(
    runtime: Runtime, flag: str, value: Any
) -> None:
    process = sleeper(runtime)
    with pytest.raises(ValueError, match="process flag"):
        process.process_flag(flag, value)
    assert process.trap_exit is False


async def test_the_stack_is_forgotten_with_the_end(runtime: Runtime) -> None:
    process = sleeper(runtime)
    await settle()
    assert isinstance(process.pid, Pid)
    assert process.life is not None
    await runtime.root.exit(process.pid, "kill")
    await settle()
    assert process.life is None


async def test_to_look_at_a_process_makes_no_tables(runtime: Runtime) -> None:
    process = sleeper(runtime)
    process_info(process)
    process_info(process, (SHOWN + " " + MORE).split())
    assert process._links is None
    assert process._monitors is None
    assert process._dictionary is None
    assert process.queue is None


async def test_reductions_grow_with_messages_and_calls(runtime: Runtime) -> None:
    counts: list[int] = []

    def count(process: Process) -> None:
        counts.append(process_info(process, "reductions")[1])

    async def body(process: Process) -> None:
        for _ in range(3):
            count(process)
            for _ in range(10):
                await process.receive()

    process = runtime.spawn(body, ())
    for _ in range(3):
        await settle()
        for number in range(10):
            process.deliver(number)
    await settle()
    assert counts[0] >= 0
    assert counts[1] >= counts[0] + 10
    assert counts[2] >= counts[1] + 10
