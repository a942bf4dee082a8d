"""What the LiveDashboard asks for, with the arguments of its versions."""

from __future__ import annotations

from typing import Any

import pytest

from ergopy import Atom, Node, RpcError

Pair = tuple[Node, Node]
MODULE = "Elixir.Phoenix.LiveDashboard.SystemInfo"
ASC, DESC = Atom("asc"), Atom("desc")


async def ask(pair: Pair, function: str, *arguments: Any) -> Any:
    viewer, node = pair
    return await viewer.rpc(node.name, MODULE, function, list(arguments))


async def test_the_module_is_there(pair: Pair) -> None:
    viewer, node = pair
    module = [Atom(MODULE)]
    assert (await viewer.rpc(node.name, "code", "is_loaded", module))[0] == "file"
    loaded = await viewer.rpc(node.name, "code", "ensure_loaded", module)
    assert loaded == ("module", MODULE)


async def test_capabilities_are_what_there_is(pair: Pair) -> None:
    wanted = [
        (Atom("application"), Atom("os_mon")),
        (Atom("application"), Atom("shop")),
        (Atom("application"), Atom("ecto")),
        (Atom("module"), Atom("observer_backend")),
        (Atom("module"), Atom("Elixir.Ecto")),
        (Atom("process"), Atom("till")),
        (Atom("process"), Atom("nobody")),
    ]
    told = await ask(pair, "capabilities_callback", wanted)
    assert told["applications"] == ["os_mon", "shop"]
    assert told["modules"] == ["observer_backend"]
    assert told["processes"] == ["till"]
    assert told["dashboard_running?"] is False
    assert isinstance(told["system_info"], bytes)
    assert (await ask(pair, "capabilities_callback"))["dashboard"] is None


async def test_the_home_page_has_all_that_it_shows(pair: Pair) -> None:
    told = await ask(pair, "info_callback", [b"HOME", b"SECRET"], Atom("shop"))
    assert told["system_info"]["app_version"] == b"1.2"
    assert "".join(map(chr, told["system_info"]["banner"])).startswith("ergopy ")
    assert set(told["system_limits"]) == {"atoms", "ports", "processes"}
    usage = told["system_usage"]
    assert usage["processes"] <= told["system_limits"]["processes"]
    memory = usage["memory"]
    assert memory.pop("total") == sum(memory.values())
    assert set(memory) == {"process", "atom", "binary", "code", "ets", "other"}
    received, sent = usage["io"]
    assert received > 0
    assert sent > 0
    assert usage["total_run_queue"] >= usage["cpu_run_queue"] >= 0
    # What is in the environment stays there.
    assert told["environment"] == [(b"HOME", None), (b"SECRET", None)]
    assert (await ask(pair, "info_callback", None))["environment"] is None
    assert set(await ask(pair, "usage_callback")) == set(usage)


async def test_processes_are_searched_sorted_and_limited(pair: Pair) -> None:
    viewer, node = pair
    for _ in range(20):
        await viewer.call(("till", node.name), Atom("buy"))
    by = Atom("reductions")
    rows, count, state = await ask(pair, "processes_callback", None, by, DESC, 5, None)
    assert count == pytest.approx(len(node.processes()), abs=1)
    assert len(rows) == 5
    reductions = [dict(row)["reductions"] for row in rows]
    assert reductions == sorted(reductions, reverse=True)
    assert [name for name, _ in rows[0]] == [
        "pid",
        "name_or_initial_call",
        "reductions_diff",
        "memory",
        "reductions",
        "message_queue_len",
        "current_function",
    ]
    assert len(state) == pytest.approx(len(node.processes()), abs=1)
    for _ in range(7):
        await viewer.call(("till", node.name), Atom("buy"))
    rows, count, _ = await ask(
        pair, "processes_callback", b"till", Atom("reductions_diff"), ASC, 50, state
    )
    assert count == 1
    row = dict(rows[0])
    assert row["name_or_initial_call"] == b":till"
    assert row["pid"] == node.whereis("till")
    assert 7 <= row["reductions_diff"] < row["reductions"]
    pid = node.whereis("till")
    assert pid is not None
    rows, count = await ask(
        pair, "processes_callback", b"<0.%d." % pid.id, Atom("memory"), ASC, 50
    )
    assert [dict(row)["pid"] for row in rows] == [pid]
    assert count == 1


async def test_a_process_is_shown_with_its_links(pair: Pair) -> None:
    node = pair[1]
    tag, pairs = await ask(pair, "process_info_callback", node.whereis("till"))
    told = dict(pairs)
    assert tag == "ok"
    assert told["registered_name"] == "till"
    assert told["status"] == "waiting"
    assert told["initial_call"] == (f"{__package__}.shops.Till", "init", 0)
    (link,) = told["links"]
    assert link["__struct__"] == MODULE + ".ProcessDetails"
    assert link["name_or_initial_call"] == b"shop_sup"
    assert told["ancestors"][0]["pid"] == link["pid"]
    assert told["group_leader"]["name_or_initial_call"] == b"application_master shop"
    assert all(len(entry) == 4 for entry in told["current_stacktrace"])
    keys = [Atom("memory"), Atom("links")]
    tag, told = await ask(pair, "process_info_callback", node.whereis("till"), keys)
    assert [name for name, _ in told] == keys


async def test_a_process_that_ended_is_an_error(pair: Pair) -> None:
    node = pair[1]

    async def nothing(_: Any) -> None:
        pass

    pid = await node.spawn(nothing)
    await pair[0].ping(node.name)
    assert await ask(pair, "process_info_callback", pid) == "error"


async def test_applications_are_listed(pair: Pair) -> None:
    rows, count = await ask(
        pair, "applications_info_callback", None, Atom("name"), ASC, 50
    )
    told = [dict(row) for row in rows]
    assert [row["name"] for row in told] == ["ergopy", "kernel", "shop"]
    assert count == 3
    assert told[2] == {
        "name": "shop",
        "description": b"A small shop",
        "version": b"1.2",
        "state": "started",
        "tree?": True,
    }
    assert told[0]["tree?"] is False
    rows, count = await ask(
        pair, "applications_info_callback", b"small", Atom("name"), DESC, 50
    )
    assert (len(rows), count) == (1, 1)


async def test_links_in_memory_are_ports(pair: Pair) -> None:
    """They have no socket that could be shown as one."""
    viewer, node = pair
    assert await ask(pair, "sockets_callback", None, Atom("port"), ASC, 50) == ([], 0)
    rows, count = await ask(pair, "ports_callback", None, Atom("input"), DESC, 50)
    assert count == len(rows) == 2
    told = dict(rows[0])
    assert "".join(map(chr, told["name"])) == "memory"
    assert told["input"] > 0
    assert told["connected"] == node.whereis("net_kernel")
    tag, more = await ask(pair, "port_info_callback", told["port"])
    assert tag == "ok"
    assert dict(more)["connected"]["name_or_initial_call"] == b":net_kernel"
    assert await ask(pair, "socket_info_callback", told["port"]) == "error"
    viewer.disconnect(node.name)
    assert await ask(pair, "port_info_callback", told["port"]) == "error"


async def test_there_are_no_tables_and_no_allocators(pair: Pair) -> None:
    assert await ask(pair, "ets_callback", None, Atom("size"), ASC, 50) == ([], 0)
    assert await ask(pair, "ets_info_callback", Atom("t")) == "error"
    (row,), peaks = await ask(pair, "memory_allocators_callback", None)
    assert row["name"] == "total"
    assert row["block_size"] > 10**6
    higher = {Atom("total"): 10**15}
    (row,), peaks = await ask(pair, "memory_allocators_callback", higher)
    assert row["max_carrier_size"] == 10**15 == peaks["total"]


async def test_the_machine_is_shown(pair: Pair) -> None:
    for _ in range(2):
        told = await ask(pair, "os_mon_callback")
    assert told["cpu_avg1"] >= 0
    assert told["cpu_nprocs"] > 0
    for number, (core, shares) in enumerate(told["cpu_per_core"]):
        assert core == number
        assert sum(shares.values()) == pytest.approx(100, abs=101)
    memory = dict(told["system_mem"])
    assert 0 < memory["free_memory"] < memory["system_total_memory"]
    ((folder, size, percent),) = told["disk"]
    assert folder == list(b"/")
    assert size > 0
    assert 0 <= percent <= 100


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("processes_callback", [1, 2, 3, Atom("many"), 5]),
        ("processes_callback", [None, Atom("memory"), DESC, -1, None]),
        ("process_info_callback", [Atom("till")]),
        ("socket_info_callback", [1]),
        ("port_info_callback", [b"x"]),
        ("applications_info_callback", [None, {}, ASC, None]),
        ("processes_callback", [None, b"memory", DESC, 3]),
        ("processes_callback", [None, [1], DESC, 3]),
        ("processes_callback", [None, Atom("memory"), b"asc", 3]),
    ],
)
async def test_nonsense_is_badarg(
    pair: Pair, function: str, arguments: list[Any]
) -> None:
    with pytest.raises(RpcError) as caught:
        await ask(pair, function, *arguments)
    assert caught.value.reason == "badarg"


@pytest.mark.parametrize("by", ["pid", "current_function", "nothing", "memory"])
async def test_whatever_is_sorted_by_there_is_an_answer(pair: Pair, by: str) -> None:
    rows, count = await ask(pair, "processes_callback", 1, Atom(by), Atom(by), 3)
    assert len(rows) == 3
    assert count >= 3
