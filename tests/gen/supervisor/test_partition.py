"""PartitionSupervisor: one child for each part of the keys."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ergopy
import etf
from ergopy import Atom, ChildSpec, GenServer, PartitionSupervisor, Stop, Via
from ergopy.gen.supervisor.partition import partition_of
from tests.etf.strategies import encodable
from tests.runtimes import assert_only_the_root, find, running, settle

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


class Part(GenServer):
    """Tells what it was started with."""

    async def init(self, *args: Any) -> Any:
        self.args = args
        return Stop("unfit") if "unfit" in args else None

    async def handle_call(self, request: Any, from_: Any) -> Any:
        return self.args

    async def handle_cast(self, request: Any) -> Any:
        return Stop(request)


async def start(runtime: Runtime, child: Any = Part, **options: Any) -> Any:
    return await runtime.root.start(PartitionSupervisor, child, name="parts", **options)


async def ids(runtime: Runtime) -> list[Any]:
    rows = await ergopy.supervisor.which_children("parts", caller=runtime.root)
    return [row.id for row in reversed(rows)]


def numbered(args: tuple[Any, ...], number: int) -> tuple[Any, ...]:
    return (*args, number)


@given(st.integers(), st.integers(1, 1000))
def test_an_integer_goes_by_its_absolute_value(key: int, partitions: int) -> None:
    assert partition_of(key, partitions) == abs(key) % partitions


@given(encodable(), st.integers(1, 1000))
def test_any_other_key_goes_by_its_hash(key: Any, partitions: int) -> None:
    if type(key) is not int:
        assert partition_of(key, partitions) == etf.phash2(key, partitions)


async def test_there_are_as_many_partitions_as_processors(runtime: Runtime) -> None:
    await start(runtime)
    assert await ids(runtime) == list(range(os.cpu_count() or 1))


async def test_each_key_is_served_by_its_partition(runtime: Runtime) -> None:
    await start(runtime, (Part, "a"), partitions=5, with_arguments=numbered)
    for key in (0, 7, -7, 2**70, "text", b"text", Atom("text"), True, [1, (2.0,)]):
        answer = await runtime.root.call(Via("parts", key), "args")
        assert answer == ("a", partition_of(key, 5))
    assert await runtime.root.call(Via("parts", "text"), "args") == (
        await runtime.root.call(Via("parts", b"text"), "args")
    )


async def test_nobody_has_the_keys_of_a_partition_that_is_being_restarted(
    runtime: Runtime,
) -> None:
    backoff = ergopy.Backoff(first=10)
    pid = await start(runtime, partitions=2, backoff=backoff)
    await runtime.root.cast(Via("parts", 1), "oops")
    await settle()
    with pytest.raises(ergopy.NoProcess):
        await runtime.root.call(Via("parts", 1), "args")
    root = runtime.root
    assert await PartitionSupervisor.whereis_name(pid, 1, caller=root) is None
    assert await root.call(Via("parts", 0), "args") == ()


async def test_a_partition_that_fails_comes_back_with_its_keys(
    runtime: Runtime,
) -> None:
    await start(runtime, partitions=3, with_arguments=numbered)
    before = Via("parts", 2).whereis(runtime)
    await runtime.root.cast(Via("parts", 2), "oops")
    await settle()
    after = Via("parts", 2).whereis(runtime)
    assert after not in (before, None)
    assert await runtime.root.call(Via("parts", 2), "args") == (2,)


async def test_a_strategy_for_all_restarts_all(runtime: Runtime) -> None:
    await start(runtime, partitions=3, strategy="one_for_all")
    before = [Via("parts", key).whereis(runtime) for key in range(3)]
    await runtime.root.cast(Via("parts", 0), "oops")
    await settle()
    after = [Via("parts", key).whereis(runtime) for key in range(3)]
    assert not {*before} & {*after}


@pytest.mark.parametrize("size", [1, 2, 3, 7])
async def test_resizing_leaves_that_many_partitions(
    runtime: Runtime, size: int
) -> None:
    pid = await start(runtime, partitions=7, with_arguments=numbered)
    root = runtime.root
    await PartitionSupervisor.resize(pid, 3, caller=root)
    kept = [Via("parts", key).whereis(runtime) for key in range(min(size, 3))]
    await PartitionSupervisor.resize(pid, size, caller=root)
    assert await PartitionSupervisor.count(pid, caller=root) == size
    assert await ids(runtime) == list(range(size))
    assert [Via("parts", key).whereis(runtime) for key in range(len(kept))] == kept
    for key in range(20):
        answer = await root.call(Via("parts", f"k{key}"), "args")
        assert answer == (etf.phash2(f"k{key}", size),)


@pytest.mark.parametrize("problem", ["stops", "raises"])
async def test_a_new_partition_that_fails_leaves_all_as_it_was(
    runtime: Runtime, problem: str
) -> None:
    started: list[int] = []

    def unfit(args: tuple[Any, ...], number: int) -> tuple[Any, ...]:
        started.append(number)
        if len(started) > 6 and number == 4:
            if problem == "raises":
                raise ZeroDivisionError
            return ("unfit",)
        return (number,)

    pid = await start(runtime, partitions=6, with_arguments=unfit)
    await PartitionSupervisor.resize(pid, 2, caller=runtime.root)
    with pytest.raises(ergopy.StartError):
        await PartitionSupervisor.resize(pid, 6, caller=runtime.root)
    assert await PartitionSupervisor.count(pid, caller=runtime.root) == 2
    assert await ids(runtime) == [0, 1]


async def test_there_are_never_more_partitions_than_in_the_beginning(
    runtime: Runtime,
) -> None:
    pid = await start(runtime, partitions=2)
    with pytest.raises(ergopy.ChildError) as refused:
        await PartitionSupervisor.resize(pid, 3, caller=runtime.root)
    assert refused.value.reason == ("invalid_partitions", 3)


@pytest.mark.parametrize("size", [0, -1, 1.5, True, Atom("many")])
async def test_there_is_at_least_one_partition(runtime: Runtime, size: Any) -> None:
    with pytest.raises(ergopy.StartError) as caught:
        await start(runtime, partitions=size)
    assert caught.value.reason == ("supervisor_data", ("invalid_partitions", size))
    pid = await start(runtime, partitions=2)
    with pytest.raises(ergopy.ChildError) as refused:
        await PartitionSupervisor.resize(pid, size, caller=runtime.root)
    assert refused.value.reason == ("invalid_partitions", size)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"strategy": "simple_one_for_one"}, "invalid_strategy"),
        ({"strategy": "all"}, "invalid_strategy"),
        ({"intensity": -1}, "invalid_intensity"),
    ],
)
async def test_options_that_make_no_sense_are_a_start_error(
    runtime: Runtime, options: dict[str, Any], word: str
) -> None:
    with pytest.raises(ergopy.StartError) as caught:
        await start(runtime, **options)
    assert caught.value.reason[1][0] == word


@pytest.mark.parametrize("child", [None, 7, ChildSpec(Part, name="all")])
async def test_what_cannot_be_a_partition_is_a_start_error(
    runtime: Runtime, child: Any
) -> None:
    with pytest.raises(ergopy.StartError) as caught:
        await start(runtime, child)
    assert caught.value.reason[0] == "start_spec"


async def test_children_come_and_go_only_by_its_size(runtime: Runtime) -> None:
    pid = await start(runtime, partitions=2)
    for request in (("start_child", ChildSpec(Part)), ("delete_child", 1)):
        answer = await runtime.root.call(pid, (Atom(request[0]), request[1]))
        assert answer == ("error", Atom("partition_supervisor"))


async def test_no_process_can_take_a_key(runtime: Runtime) -> None:
    await start(runtime, partitions=2)
    with pytest.raises(ergopy.AlreadyStarted):
        await runtime.root.start(Part, name=Via("parts", 1))


async def test_its_keys_end_with_it(runtime: Runtime) -> None:
    pid = await start(runtime, partitions=2)
    await runtime.root.stop(pid)
    assert runtime.registers == {}
    with pytest.raises(ergopy.NoProcess):
        await runtime.root.call(Via("parts", 1), "args")


async def test_a_key_that_is_no_term_is_a_mistake_of_who_asks(
    runtime: Runtime,
) -> None:
    pid = await start(runtime, partitions=2)
    root = runtime.root
    with pytest.raises(etf.EncodeError):
        await root.call(Via("parts", object()), "args")
    for key in (object(), b"x" * 70_000):
        with pytest.raises(ValueError, match=r"Erlang|bytes"):
            await PartitionSupervisor.whereis_name(pid, key, caller=root)
        request = (Atom("whereis_name"), key)
        assert await root.call(pid, request) == ("error", Atom("badarg"))
    assert find(runtime, pid).alive


async def test_work_of_a_partition_can_go_on_beside_it(runtime: Runtime) -> None:
    class Lazy(Part):
        async def handle_cast(self, request: Any) -> Any:
            ergopy.spawn_soon(Part, "beside")

    pid = await start(runtime, Lazy, partitions=2)
    await runtime.root.cast(Via("parts", 1), "go")
    await settle()
    counts = await ergopy.supervisor.count_children(pid, caller=runtime.root)
    assert counts.active == 3
    assert await PartitionSupervisor.count(pid, caller=runtime.root) == 2


STEPS = st.tuples(st.sampled_from(["resize", "crash", "ask"]), st.integers(0, 9))


@settings(max_examples=30)
@given(st.integers(1, 5), st.lists(STEPS, max_size=12))
async def test_whatever_happens_each_key_is_served_by_its_partition(
    size: int, script: list[tuple[str, int]]
) -> None:
    async with running() as runtime:
        pid = await start(
            runtime, partitions=10, with_arguments=numbered, intensity=10**6
        )
        await PartitionSupervisor.resize(pid, size, caller=runtime.root)
        root = runtime.root
        for what, number in script:
            match what:
                case "resize":
                    size = number + 1
                    await PartitionSupervisor.resize(pid, size, caller=root)
                case "crash":
                    await root.cast(Via("parts", number), "oops")
                    await settle()
                case "ask":
                    key = f"key {number}"
                    served = await root.call(Via("parts", key), "args")
                    assert served == (etf.phash2(key, size),)
            assert await ids(runtime) == list(range(size))
        await root.stop(pid)
        assert_only_the_root(runtime)
