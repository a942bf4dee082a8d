"""What holds for every behaviour: start, names, ``sys``, the end, and its reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

import etf
from ergopy import (
    AlreadyStarted,
    Atom,
    CallExit,
    CallTimeout,
    ExitMessage,
    Registry,
    Supervisor,
    SysError,
    Via,
    supervisor,
    sys,
)
from ergopy.process.atoms import SYSTEM
from ergopy.process.calls import call
from ergopy.testing import MemoryNetwork
from tests.gen.behaviours import (
    ENDS_BY_ITSELF,
    SPECS,
    STATUS_OF,
    SUPERVISORS,
    populate,
    start,
)
from tests.runtimes import settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import ergopy

GARBAGE: list[Any] = [
    Atom("what"),
    None,
    b"",
    [],
    (),
    {},
    -1,
    (Atom("start_child"), 1),
    (Atom("EXIT"), 1, 2),
    (Atom("restart_after_pause"), {}),
    [1, (Atom("a"), {b"b": 2.5})],
]

every_kind = pytest.mark.parametrize("kind", SPECS)


@pytest.fixture
async def node() -> AsyncIterator[ergopy.Node]:
    async with MemoryNetwork().node("a") as node:
        yield node


def process_of(node: ergopy.Node, dest: Any) -> ergopy.Process:
    process = node.runtime.find(dest)
    assert process is not None
    return process


@every_kind
async def test_sys_looks_into_each(node: ergopy.Node, kind: str) -> None:
    pid = await start(node, kind, name="it")
    etf.encode(await sys.get_state("it", caller=node))
    what, who, (module, _), parts = await sys.get_status("it", caller=node)
    etf.encode(parts)
    assert (what, who, module) == ("status", pid, "module")
    dictionary, state, parent, debug, (header, *data) = parts
    assert {"$ancestors", "$initial_call"} <= {key for key, _ in dictionary}
    assert (state, parent, debug) == ("running", node.pid, [])
    called = STATUS_OF.get(kind, "generic server")
    assert header == ("header", f"Status for {called} it")
    assert [part[0] for part in data] != []


@every_kind
async def test_each_is_suspended_and_goes_on(node: ergopy.Node, kind: str) -> None:
    pid = await start(node, kind)
    await sys.suspend(pid, caller=node)
    assert (await sys.get_status(pid, caller=node))[3][1] == "suspended"
    request = await node.send_request(pid, Atom("anything"))
    with pytest.raises(CallTimeout):
        await request.wait_response(0)
    request.abandon()
    await sys.resume(pid, caller=node)
    await settle()
    assert not process_of(node, pid).messages()


@every_kind
async def test_each_counts_and_keeps_its_messages(node: ergopy.Node, kind: str) -> None:
    pid = await start(node, kind)
    await sys.statistics(pid, True, caller=node)
    await sys.log(pid, True, caller=node)
    await node.send_request(pid, Atom("anything"))
    await settle()
    counted = await sys.statistics(pid, caller=node)
    assert counted is not None
    assert counted["messages_in"] == 1
    events = await sys.log(pid, caller=node)
    assert events
    etf.encode(events)
    await sys.no_debug(pid, caller=node)
    assert await sys.statistics(pid, caller=node) is None


@every_kind
async def test_each_refuses_what_it_cannot_do(node: ergopy.Node, kind: str) -> None:
    pid = await start(node, kind)
    assert await sys.replace_state(pid, lambda it: type(it).__name__, caller=node)
    with pytest.raises(SysError) as caught:
        await sys.change_code(pid, "m", caller=node)
    assert caught.value.reason[0] == "unknown_system_msg"
    request = (Atom("replace_state"), 1)
    refused = await call(node.runtime.root, pid, request, 5, kind=SYSTEM)
    assert refused == ("error", "a_beam_fun_cannot_run_here")


# What comes is compared with atoms, whatever it is, which python -bb minds.
@pytest.mark.filterwarnings("ignore:Comparison between bytes:BytesWarning")
@every_kind
async def test_garbage_ends_none_of_them(node: ergopy.Node, kind: str) -> None:
    pid = await start(node, kind, name="it")
    before = await sys.get_state(pid, caller=node)
    for term in GARBAGE:
        await node.send(pid, term)
        await node.cast(pid, term)
        (await node.send_request(pid, term)).abandon()
        for odd in (("$gen_call", term), ("$gen_call", (node.pid, term), term)):
            await node.send(pid, (Atom(odd[0]), *odd[1:]))
        await node.send(pid, (Atom("$gen_cast"), term, term))
        await node.send(pid, (Atom("system"), (node.pid, term), term))
    await settle()
    assert node.whereis("it") == pid
    if kind not in ("GenServer", "Pool"):
        # These two take them to heart, or pass them on.
        assert await sys.get_state(pid, caller=node) == before


@every_kind
@pytest.mark.parametrize("reason", ["normal", "shutdown", (Atom("shutdown"), 1)])
async def test_each_ends_when_it_is_asked_to(
    node: ergopy.Node, kind: str, reason: Any, caplog: pytest.LogCaptureFixture
) -> None:
    before = set(node.runtime.processes)
    await start(node, kind, name="it")
    await node.stop("it", reason)
    await settle()
    assert node.whereis("it") is None
    assert set(node.runtime.processes) == before
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@every_kind
async def test_sys_terminate_ends_each(node: ergopy.Node, kind: str) -> None:
    before = set(node.runtime.processes)
    pid = await start(node, kind)
    await populate(node, kind, pid)
    request = (Atom("terminate"), Atom("shutdown"))
    assert await call(node.runtime.root, pid, request, 5, kind=SYSTEM) == "ok"
    await settle()
    assert set(node.runtime.processes) == before


@every_kind
@pytest.mark.parametrize("how", ["stop", "shutdown", "kill", "because"])
async def test_nothing_is_left_of_each_and_its_children(
    node: ergopy.Node, kind: str, how: str
) -> None:
    runtime = node.runtime
    before = set(runtime.processes), set(runtime.registers), len(runtime.aliases)
    pid = await start(node, kind, name="it")
    await populate(node, kind, pid)
    await settle()
    assert (len(runtime.processes) > len(before[0]) + 1) is (kind in SUPERVISORS)
    if how == "stop":
        await node.stop(pid)
    else:
        await node.exit(pid, how)
    await settle()
    after = set(runtime.processes), set(runtime.registers), len(runtime.aliases)
    assert after == before
    assert not runtime.root.links


@every_kind
async def test_each_reports_an_unusual_end_once(
    node: ergopy.Node, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    pid = await start(node, kind, name="it")
    process_of(node, pid).label = "the label"
    await node.stop(pid, "because")
    await settle()
    (record,) = [r for r in caplog.records if getattr(r, "pid", None) == str(pid)]
    assert vars(record)["report"] == "crash_report"
    assert vars(record)["reason"] == "because"
    assert vars(record)["registered_name"] == "it"
    assert vars(record)["ancestors"] == [node.pid]
    assert "the label" in record.getMessage()


@every_kind
async def test_each_reports_a_crash_once(
    node: ergopy.Node, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    pid = await start(node, kind, name="it")

    def broken(behaviour: Any) -> None:
        async def terminate(reason: Any) -> None:
            raise ValueError("as you wish")

        behaviour.terminate = terminate

    await sys.replace_state(pid, broken, caller=node)
    process = process_of(node, pid)
    with pytest.raises(CallExit) as caught:
        await node.stop(pid)
    assert caught.value.reason[:2] == ("python", b"builtins.ValueError")
    await settle()
    records = [r for r in caplog.records if getattr(r, "report", "") == "crash_report"]
    assert [vars(record)["pid"] for record in records].count(str(pid)) == 1
    assert not process.alive


@every_kind
async def test_each_ends_with_the_process_that_it_is_linked_to(
    node: ergopy.Node, kind: str
) -> None:
    before = set(node.runtime.processes)
    ready = trio.Event()

    async def starter(process: ergopy.Process) -> None:
        await start(process, kind, name="it", link=True)
        ready.set()
        await process.receive()

    pid = await node.spawn(starter)
    await ready.wait()
    it = process_of(node, "it")
    assert it.parent == pid
    assert it.dictionary["$ancestors"][0] == pid
    assert pid in it.links
    await node.exit(pid, "shutdown")
    await settle()
    assert set(node.runtime.processes) == before


@every_kind
async def test_a_process_that_traps_hears_of_the_end_of_each(
    node: ergopy.Node, kind: str
) -> None:
    heard: list[Any] = []

    async def starter(process: ergopy.Process) -> None:
        process.trap_exit = True
        it = await start(process, kind, link=True)
        await process.exit(it, "kill")
        heard.append((it, await process.receive()))

    await node.spawn(starter)
    await settle()
    ((it, message),) = heard
    assert message == ExitMessage(it, Atom("killed"))


@every_kind
async def test_a_name_says_who_has_it(node: ergopy.Node, kind: str) -> None:
    pid = await start(node, kind, name="it")
    with pytest.raises(AlreadyStarted) as caught:
        await start(node, kind, name="it")
    assert caught.value.pid == pid
    await node.stop("it")
    again = await start(node, kind, name="it")
    assert again != pid
    assert node.whereis("it") == again


@every_kind
async def test_each_is_known_by_a_name_in_a_registry(
    node: ergopy.Node, kind: str
) -> None:
    await node.start(Registry, name="names")
    via = Via("names", ("it", 1))
    pid = await start(node, kind, name=via)
    names = Registry.of("names", caller=node)
    assert names.lookup(("it", 1)) == pid
    assert (await sys.get_status(via, caller=node))[1] == pid
    with pytest.raises(AlreadyStarted) as caught:
        await start(node, kind, name=via)
    assert caught.value.pid == pid
    await node.stop(via)
    assert names.lookup(("it", 1)) is None
    await settle()
    again = await start(node, kind, name=via)
    assert names.lookup(("it", 1)) == again


@every_kind
async def test_each_is_a_child_with_its_default_specification(
    node: ergopy.Node, kind: str
) -> None:
    before = set(node.runtime.processes)
    top = await node.start(Supervisor, [SPECS[kind]], name="top")
    (row,) = await supervisor.which_children("top", caller=node)
    assert row.type == ("supervisor" if kind in SUPERVISORS else "worker")
    spec = await supervisor.get_childspec("top", row.id, caller=node)
    etf.encode(row)
    assert spec.restart == ("transient" if kind in ENDS_BY_ITSELF else "permanent")
    assert spec.shutdown == ("infinity" if kind in SUPERVISORS else 5)
    assert process_of(node, row.pid).parent == top
    await node.exit(row.pid, "kill")
    await settle()
    (again,) = await supervisor.which_children("top", caller=node)
    assert again.pid not in (row.pid, None)
    await node.stop("top")
    assert set(node.runtime.processes) == before


@pytest.mark.parametrize("kind", SUPERVISORS)
async def test_what_has_children_answers_as_a_supervisor(
    node: ergopy.Node, kind: str
) -> None:
    pid = await start(node, kind)
    assert isinstance(await node.call(pid, Atom("which_children")), list)
    await populate(node, kind, pid)
    answer = await node.call(pid, Atom("count_children"))
    # Those of OTP give pairs, and that of GenStage a map.
    told = dict(etf.decode(etf.encode(answer)))
    assert isinstance(answer, dict if kind == "ConsumerSupervisor" else list)
    assert told["active"] == len(await node.call(pid, Atom("which_children"))) > 0
    assert set(told) == {"specs", "active", "supervisors", "workers"}
