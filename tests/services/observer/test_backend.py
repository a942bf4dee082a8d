"""What the observer and etop ask for, asked from another node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import Atom, Down, Node, ReceiveTimeout, RpcError
from ergopy.services.facts import wall_time
from ergopy.services.observer import load, processes

if TYPE_CHECKING:
    from ergopy import Process

Pair = tuple[Node, Node]
BACKEND = "observer_backend"


async def ask(pair: Pair, function: str, *arguments: Any) -> Any:
    viewer, node = pair
    return await viewer.rpc(node.name, BACKEND, function, list(arguments))


async def seen(pair: Pair, function: str, count: int, *more: Any) -> list[Any]:
    """Spawn a function that reports, linked; return its first reports."""
    viewer, node = pair
    told: list[Any] = []

    async def look(process: Process) -> None:
        arguments = [process.pid, *more]
        pid = await process.remote_spawn(
            node.name, BACKEND, function, arguments, link=True
        )
        for _ in range(count):
            told.append((pid, await process.receive(timeout=60)))

    pid = await viewer.spawn(look)
    await ended(viewer, pid)
    assert len(told) == count
    return told


async def ended(node: Node, pid: Any) -> None:
    done = trio.Event()

    async def wait(process: Process) -> None:
        await process.monitor(pid)
        assert isinstance(await process.receive(), Down)
        done.set()

    await node.spawn(wait)
    await done.wait()


async def test_the_version_is_that_of_runtime_tools(pair: Pair) -> None:
    assert await ask(pair, "vsn") == ("ok", list(b"2.2"))


async def test_the_page_of_the_system_is_complete_and_true(pair: Pair) -> None:
    told = dict(await ask(pair, "sys_info"))
    node = pair[1]
    assert told["process_limit"] == node.runtime.max_processes
    assert told["process_count"] >= len(node.processes()) - 1
    assert told["total"] == told["processes"] + told["system"] > 10**6
    assert 0 < told["atom"] < told["system"]
    assert (told["io_input"], told["io_output"]) > (0, 0)
    assert told["run_queue"] >= 0
    # The observer divides by these.
    for name in ("atom", "process", "port", "ets"):
        assert told[f"{name}_limit"] > told[f"{name}_count"] >= 0
    ((_, ((_, _, ((_, parts),)),)),) = told["alloc_info"]
    (_, ((_, ((_, size, *_),)),)), (_, carriers, *_) = parts
    assert carriers >= size > 10**6


async def test_traffic_of_connections_that_ended_still_counts(pair: Pair) -> None:
    viewer, node = pair
    before = dict(await ask(pair, "sys_info"))
    viewer.disconnect(node.name)
    await viewer.connect(node.name)
    after = dict(await ask(pair, "sys_info"))
    assert after["io_input"] > before["io_input"]
    assert after["io_output"] > before["io_output"]


async def test_etop_gets_a_record_of_every_process_but_the_one_that_looks(
    pair: Pair,
) -> None:
    node = pair[1]
    living = set(node.processes())
    ((pid, (sender, info)),) = await seen(pair, "etop_collect", 1)
    assert sender == pid
    tag, now, count, wall_clock, busy, queue, areas, memory, records = info
    assert (tag, wall_clock, busy, areas) == ("etop_info", "undefined", "undefined", [])
    assert len(now) == 3
    assert queue >= 0
    assert [name for name, _ in memory] == list(processes._ETOP_MEMORY)
    assert count == len(records)
    assert living <= {record[1] for record in records}
    assert pid not in {record[1] for record in records}
    till = next(record for record in records if record[4] == "till")
    assert till[:2] == ("etop_proc_info", node.whereis("till"))
    assert till[2] > 0
    assert till[5] == 0
    assert till[7] == 0
    assert len(till[6]) == 3
    unnamed = [record[4] for record in records if isinstance(record[4], tuple)]
    assert (f"{__package__}.shops.Shelf", "init", 0) in unnamed


async def test_reductions_grow_with_what_a_process_does(pair: Pair) -> None:
    viewer, node = pair

    async def till() -> int:
        ((_, (_, info)),) = await seen(pair, "etop_collect", 1)
        counts = {record[4]: record[3] for record in info[-1]}
        return int(counts["till"])

    before = await till()
    for _ in range(100):
        await viewer.call(("till", node.name), Atom("buy"))
    assert await till() >= before + 100


async def test_a_caller_has_reductions_too(pair: Pair) -> None:
    node = pair[1]
    counts: list[int] = []

    async def customer(process: Process) -> None:
        for _ in range(50):
            await process.call("till", Atom("buy"))
        counts.append(node.process_info(process.pid, "reductions")[1])

    await ended(node, await node.spawn(customer))
    assert counts[0] >= 50


async def test_the_busy_share_is_measured_while_etop_lives(
    autojump_clock: object, pair: Pair
) -> None:
    viewer, node = pair
    assert wall_time.statistics() == "undefined"
    samples: list[Any] = []

    async def etop(process: Process) -> None:
        for _ in range(3):
            await process.remote_spawn(
                node.name, BACKEND, "etop_collect", [process.pid]
            )
            samples.append((await process.receive())[1][4])
            await trio.sleep(1)

    await ended(viewer, await viewer.spawn(etop))
    first, *later = samples
    assert first == "undefined"
    for ((scheduler, busy, total),) in later:
        assert scheduler == 1
        assert 0 < busy <= total
    assert later[0][0][2] < later[1][0][2]
    await trio.sleep(1)
    assert wall_time.statistics() == "undefined"


async def test_the_observer_gets_the_processes_in_chunks(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "CHUNK", 4)
    monkeypatch.setattr(processes, "PORTION", 3)
    living = len(pair[1].processes())
    told = await seen(pair, "procs_info", -(-living // 4))
    for pid, (tag, sender, records) in told:
        assert (tag, sender) == ("procs_info", pid)
        assert len(records) <= 4
    names = {record[4] for _, (_, _, records) in told for record in records}
    assert {"till", "net_kernel", "rex"} <= names


async def test_load_is_told_until_the_viewer_ends(
    autojump_clock: object, pair: Pair
) -> None:
    node = pair[1]
    told = await seen(pair, "fetch_stats", 3, 250)
    inputs = []
    for _, (tag, one, busy, io, memory) in told:
        assert (tag, one) == ("stats", 1)
        assert [scheduler for scheduler, _, _ in busy] == [1]
        (_, received), (_, sent) = io
        assert [name for name, _ in io] == ["input", "output"]
        assert dict(memory)["total"] > 0
        inputs.append((received, sent))
    assert inputs == sorted(inputs)
    await trio.sleep(1)
    labels = {node.process_info(pid, "label")[1] for pid in node.processes()}
    assert not {label for label in labels if "fetch_stats" in str(label)}


async def test_any_message_ends_the_report_of_load(
    autojump_clock: object, pair: Pair
) -> None:
    viewer, node = pair
    got: list[Any] = []

    async def look(process: Process) -> None:
        pid = await process.remote_spawn(
            node.name, BACKEND, "fetch_stats", [process.pid, 100]
        )
        got.append(await process.receive())
        await process.send(pid, Atom("stop"))
        await process.monitor(pid)
        while not isinstance(last := await process.receive(), Down):
            got.append(last)
        with pytest.raises(ReceiveTimeout):
            await process.receive(timeout=10)
        got.append(last.reason)

    await ended(viewer, await viewer.spawn(look))
    assert got[-1] == "normal"


async def test_load_is_not_told_more_often_than_makes_sense(
    autojump_clock: object, pair: Pair
) -> None:
    start = trio.current_time()
    await seen(pair, "fetch_stats", 10, 0)
    assert trio.current_time() - start > 9.9 * load.LEAST_INTERVAL


@pytest.mark.parametrize(
    ("function", "more"),
    [
        ("etop_collect", ()),
        ("procs_info", ()),
        ("fetch_stats", (Atom("often"),)),
        ("fetch_stats", (-1,)),
    ],
)
async def test_whoever_asks_nonsense_ends_what_it_started(
    pair: Pair, function: str, more: tuple[Any, ...]
) -> None:
    viewer, node = pair
    bad = Atom("nobody") if not more else node.runtime.root.pid
    reasons: list[Any] = []

    async def look(process: Process) -> None:
        await process.remote_spawn(
            node.name, BACKEND, function, [bad, *more], monitor=True
        )
        reasons.append((await process.receive()).reason)

    await ended(viewer, await viewer.spawn(look))
    assert reasons == [Atom("badarg")]


async def test_there_are_no_tables(pair: Pair) -> None:
    viewer, node = pair
    options = [(Atom("sys_hidden"), True), (Atom("unread_hidden"), True)]
    assert await ask(pair, "get_table_list", Atom("ets"), options) == []
    with pytest.raises(RpcError) as caught:
        await ask(pair, "get_table_list", Atom("mnesia"), options)
    assert caught.value.kind == "throw"
    told: list[Any] = []

    async def look(process: Process) -> None:
        pid = await ask(pair, "get_table", process.pid, Atom("words"), Atom("ets"))
        assert await process.receive() == (pid, "$end_of_table")
        told.append(pid)

    await ended(viewer, await viewer.spawn(look))
    assert told[0].node == node.name


async def test_what_reports_can_be_called_as_well_as_spawned(pair: Pair) -> None:
    viewer, _ = pair
    told: list[Any] = []

    async def look(process: Process) -> None:
        assert await ask(pair, "procs_info", process.pid) == "ok"
        told.append(await process.receive())

    await ended(viewer, await viewer.spawn(look))
    assert told[0][0] == "procs_info"


async def test_all_of_it_can_be_taken_back(pair: Pair) -> None:
    viewer, node = pair
    node.unexport(BACKEND)
    with pytest.raises(RpcError):
        await ask(pair, "vsn")
    reasons: list[Any] = []

    async def look(process: Process) -> None:
        await process.remote_spawn(
            node.name, BACKEND, "etop_collect", [process.pid], monitor=True
        )
        reasons.append((await process.receive()).reason[0])

    await ended(viewer, await viewer.spawn(look))
    assert reasons == ["undef"]
