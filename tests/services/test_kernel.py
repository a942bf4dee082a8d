"""The services under their supervisors: what ends comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import ApplicationTerminated, Atom, Node, supervisor
from ergopy.testing import MemoryNetwork
from tests.runtimes import settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SERVICES = ["user", "standard_error", "net_kernel", "rex", "logger_proxy"]
SERVICES += ["global_name_server", "pg"]


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    async with MemoryNetwork().node("py") as node:
        yield node


async def test_the_tree_has_the_names_of_otp(node: Node) -> None:
    (safe,) = await supervisor.which_children("kernel_sup", caller=node)
    assert (safe.id, safe.pid) == ("kernel_safe_sup", node.whereis("kernel_safe_sup"))
    children = await supervisor.which_children("kernel_safe_sup", caller=node)
    ids = [child.id for child in children]
    assert sorted(ids) == sorted(SERVICES)
    assert {node.applications.application_of(c.pid) for c in children} == {"kernel"}  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SERVICES)
async def test_a_service_that_is_killed_comes_back_under_its_name(
    node: Node, name: str
) -> None:
    before = node.whereis(name)
    assert before is not None
    await node.exit(before, "kill")
    await settle()
    after = node.whereis(name)
    assert after not in (None, before)
    assert await node.ping(node.name)


async def test_a_rex_that_came_back_answers(node: Node) -> None:
    node.export("m", {"f": lambda: 1})
    await node.exit(node.whereis("rex"), "kill")  # type: ignore[arg-type]
    await settle()
    request = (Atom("call"), Atom("m"), Atom("f"), [], Atom("user"))
    assert await node.call("rex", request) == 1


async def test_output_of_applications_finds_a_user_that_came_back(
    node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    leader = node.applications.info("kernel").pid
    await node.exit(node.whereis("user"), "kill")  # type: ignore[arg-type]
    await settle()
    assert node.runtime.root.group_leader == node.whereis("user")
    reference = node.runtime.root.new_ref()
    put = (Atom("put_chars"), Atom("unicode"), b"hello")
    await node.send(leader, (Atom("io_request"), node.pid, reference, put))
    await settle()
    assert capsys.readouterr().out == "hello"


async def test_services_that_do_not_stay_up_end_the_node() -> None:
    async def main() -> None:
        async with MemoryNetwork().node("py") as node:
            for _ in range(11):
                await node.exit(node.whereis("rex"), "kill")  # type: ignore[arg-type]
                await settle()
            await trio.sleep_forever()

    with pytest.raises(ApplicationTerminated) as caught:
        await main()
    assert (caught.value.application, caught.value.clean) == ("kernel", False)


async def test_a_restarted_service_is_still_there_when_guests_end() -> None:
    seen: list[Any] = []

    async def guest(process: Any) -> None:
        process.trap_exit = True
        await process.receive()
        seen.append(await process.call("net_kernel", (Atom("is_auth"), Atom("x@y"))))

    async with MemoryNetwork().node("py") as node:
        await node.exit(node.whereis("net_kernel"), "kill")  # type: ignore[arg-type]
        await settle()
        await node.spawn(guest)
        await settle()
    assert seen == ["yes"]


async def test_a_node_has_its_version_to_show(node: Node) -> None:
    from ergopy import __version__

    told = {info.name: info.version for info in node.applications.which()}
    assert told == {"kernel": __version__, "ergopy": __version__}
