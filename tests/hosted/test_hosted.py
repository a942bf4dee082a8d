"""Nodes as children: in a process of the system, and in a thread."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
from ergopy import Atom, HostedNode
from ergopy.hosted import carriers
from ergopy.testing import inside
from tests.nodes import epmd_port, make_node, unique_name

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.nodes import MakeNode

__all__ = ["epmd_port", "make_node"]

WORKER = "hosted_programs:Worker"
MAIN = "hosted_programs:main"

PATIENCE = 60.0

PROGRAMS = Path(__file__).with_name("programs.py")

both = pytest.mark.parametrize("where", ["subprocess", "thread"])


async def trapping(
    node: ergopy.Node, body: Callable[[ergopy.Process], Awaitable[Any]]
) -> Any:
    """Run *body* in a process that traps exits; return what it returns."""

    async def run(process: ergopy.Process) -> Any:
        process.trap_exit = True
        return await body(process)

    return await inside(node, run)


@pytest.fixture(autouse=True)
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the programs where both find them: this process, and those it starts."""
    (tmp_path / "hosted_programs.py").write_bytes(PROGRAMS.read_bytes())
    monkeypatch.chdir(tmp_path)
    # On a busy machine a Python that ends takes longer than a second for it.
    for carrier in (carriers.SubprocessCarrier, carriers.ThreadCarrier):
        monkeypatch.setattr(carrier, "patience", PATIENCE)


@both
async def test_a_hosted_behaviour_is_called_over_its_own_node(
    make_node: MakeNode, where: Any
) -> None:
    node = await make_node()
    name = unique_name("hosted")
    pid = await node.start(HostedNode, WORKER, b"raw", "text", named=name, where=where)
    assert await node.call(pid, Atom("node")) == name
    worker = ("worker", name)
    assert await node.call(worker, Atom("args")) == [b"raw", b"text"]
    assert await node.call(worker, Atom("node")) == name
    own = await node.call(worker, Atom("pid")) == os.getpid()
    assert own == (where == "thread")
    await node.stop(pid)
    assert not await node.ping(name)


@both
async def test_it_ends_in_order_when_it_is_told(
    make_node: MakeNode, where: Any
) -> None:
    node = await make_node()
    name = unique_name("hosted")

    async def body(process: ergopy.Process) -> Any:
        options = {"named": name, "where": where, "link": True}
        pid = await process.start(HostedNode, WORKER, "note", process.pid, **options)
        await process.exit(pid, "shutdown")
        # They come from two processes, so that either may be the first.
        end = await process.receive(ergopy.ExitMessage, timeout=PATIENCE)
        return await process.receive(timeout=PATIENCE), end

    note, end = await trapping(node, body)
    assert note == (b"terminated", "shutdown")
    assert end[2] == "shutdown"


@both
@pytest.mark.parametrize(
    ("target", "args"),
    [(WORKER, ["fail"]), (MAIN, ["crash"]), ("hosted_programs:nothing", [])],
)
async def test_one_that_does_not_come_up_or_crashes_is_an_end_with_a_reason(
    make_node: MakeNode, where: Any, target: str, args: list[Any]
) -> None:
    node = await make_node()

    async def body(process: ergopy.Process) -> Any:
        options = {"named": unique_name("hosted"), "where": where, "link": True}
        try:
            pid = await process.start(HostedNode, target, *args, **options)
        except ergopy.StartError as error:
            return error.reason
        end = await process.receive(timeout=PATIENCE)
        assert end.pid == pid
        return end.reason

    reason = await trapping(node, body)
    if where == "subprocess":
        assert reason == ("exit_status", 1)
    else:
        assert reason[0] == "python"


@both
async def test_a_program_that_returns_is_a_normal_end(
    make_node: MakeNode, where: Any
) -> None:
    node = await make_node()

    async def body(process: ergopy.Process) -> Any:
        options = {"named": unique_name("hosted"), "where": where, "link": True}
        await process.start(HostedNode, WORKER, **options)
        await process.call(("worker", options["named"]), Atom("close"))
        return (await process.receive(timeout=PATIENCE)).reason

    assert await trapping(node, body) == "normal"


@pytest.mark.parametrize("how", ["exit", "kill"])
async def test_a_process_that_dies_is_an_exit_with_its_status(
    make_node: MakeNode, how: str
) -> None:
    node = await make_node()

    async def body(process: ergopy.Process) -> Any:
        name = unique_name("hosted")
        await process.start(HostedNode, WORKER, named=name, link=True)
        if how == "exit":
            with pytest.raises(ergopy.NodeDown):
                await process.call(("worker", name), Atom("exit"))
        else:
            os.kill(await process.call(("worker", name), Atom("pid")), signal.SIGKILL)
        return (await process.receive(timeout=PATIENCE)).reason

    expected = {"exit": 3, "kill": -signal.SIGKILL}[how]
    assert await trapping(node, body) == ("exit_status", expected)


async def test_a_kill_ends_the_process_of_the_system_at_once(
    make_node: MakeNode,
) -> None:
    node = await make_node()
    name = unique_name("hosted")
    pid = await node.start(HostedNode, WORKER, named=name)
    system_pid = await node.call(("worker", name), Atom("pid"))
    await node.exit(pid, "kill")
    with trio.fail_after(PATIENCE):
        while _lives(system_pid):  # noqa: ASYNC110
            await trio.sleep(0.01)


async def test_what_is_wrong_is_refused_before_anything_starts(
    make_node: MakeNode,
) -> None:
    node = await make_node()
    with pytest.raises(ValueError, match="subprocess or thread"):
        await node.start(HostedNode, WORKER, named="a@127.0.0.1", where="moon")
    with pytest.raises(ergopy.StartError, match="module:object"):
        await node.start(HostedNode, "worker", named="a@127.0.0.1")
    with pytest.raises(ValueError, match="for a subprocess"):
        await node.start(
            HostedNode, WORKER, named="a@127.0.0.1", where="thread", python="python"
        )


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_supervisor_starts_the_process_again(make_node: MakeNode) -> None:
    node = await make_node()
    name = unique_name("hosted")
    child = ergopy.ChildSpec(HostedNode, WORKER, named=name)
    supervisor = await node.start(ergopy.Supervisor, [child])
    worker = ("worker", name)
    first = await node.call(worker, Atom("pid"))
    with pytest.raises(ergopy.NodeDown):
        await node.call(worker, Atom("exit"))
    second = first
    with trio.fail_after(PATIENCE):
        while second == first:
            try:
                second = await node.call(worker, Atom("pid"))
            except (ergopy.CallError, ergopy.ConnectError):
                await trio.sleep(0.01)
    await node.stop(supervisor)
    assert not _lives(second)


@both
async def test_an_application_can_be_hosted(make_node: MakeNode, where: Any) -> None:
    node = await make_node()
    name = unique_name("hosted")
    shop = "hosted_programs:Shop"
    pid = await node.start(HostedNode, shop, named=name, where=where)
    assert await node.call(("worker", name), Atom("args")) == [b"from the shop"]
    await node.stop(pid)


async def test_a_stray_message_does_not_end_a_hosted_node(make_node: MakeNode) -> None:
    node = await make_node()
    options = {"named": unique_name("hosted"), "where": "thread"}
    pid = await node.start(HostedNode, WORKER, name="it", **options)
    with pytest.raises(ergopy.CallExit) as caught:
        await node.call("it", Atom("what"))
    assert caught.value.reason == "badarg"
    await node.cast("it", Atom("what"))
    await node.send("it", Atom("what"))
    assert await node.call(pid, Atom("node")) == options["named"]
    await node.stop(pid)


@both
@pytest.mark.parametrize(("how", "status"), [("crash", 1), ("stop", None)])
async def test_the_end_of_its_behaviour_is_its_end(
    make_node: MakeNode, where: Any, how: str, status: int | None
) -> None:
    node = await make_node()
    name = unique_name("hosted")

    async def body(process: ergopy.Process) -> Any:
        pid = await process.start(
            HostedNode, WORKER, named=name, where=where, link=True
        )
        with contextlib.suppress(ergopy.CallError, ergopy.NodeDown):
            await process.call(("worker", name), ergopy.Atom(how))
        end = await process.receive(ergopy.ExitMessage, timeout=PATIENCE)
        assert end.pid == pid
        return end.reason

    reason = await trapping(node, body)
    if status is None:
        assert reason == "normal"
    elif where == "subprocess":
        assert reason == ("exit_status", status)
    else:
        assert reason[:2] == ("python", b"builtins.ValueError")
