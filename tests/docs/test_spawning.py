"""The pages about starting processes on other nodes do what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
from ergopy import Atom
from ergopy.testing import inside
from tests.docs.pages import DOCS, EXAMPLES, Block, blocks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SPAWN = DOCS / "howto" / "spawn.md"
SUPERVISE = DOCS / "howto" / "beam-supervises-python.md"


def namespace(block: Block) -> dict[str, Any]:
    names: dict[str, Any] = {"Atom": Atom}
    exec(block.text, names)
    return names


@pytest.fixture
async def here(epmd_port: int) -> AsyncIterator[ergopy.Node]:
    async with ergopy.Node("here@127.0.0.1", cookie="secret") as node:
        yield node


@pytest.fixture
async def there(here: ergopy.Node) -> AsyncIterator[ergopy.Node]:
    """A node that has what the pages start on a BEAM."""

    async def sleep(proc: ergopy.Process, milliseconds: int) -> None:
        await trio.sleep_forever()

    async def run(proc: ergopy.Process, job: bytes) -> None:
        await trio.sleep_forever()

    async with ergopy.Node("there@127.0.0.1", cookie="secret") as node:
        node.provide_spawn("timer", sleep, "sleep")
        node.provide_spawn("my_module", run, "run")
        yield node


async def test_program_that_others_start(here: ergopy.Node, there: ergopy.Node) -> None:
    provide = blocks(SPAWN, "python")[0]
    await namespace(provide)["main"](there)

    async def ask(proc: ergopy.Process) -> None:
        args = [proc.pid, Atom("hello")]
        pid = await proc.remote_spawn(there.name, "greeter", "start", args)
        assert await proc.receive() == ("hello", pid)

    await inside(here, ask)


async def test_programs_that_start_others(
    here: ergopy.Node, there: ergopy.Node, capsys: pytest.CaptureFixture[str]
) -> None:
    _, start, request = blocks(SPAWN, "python")
    await inside(here, namespace(start)["main"], there.name)
    assert there.whereis("job_1") is not None
    await inside(here, namespace(request)["main"], there.name)
    assert "runs; its Down will have the same reference" in capsys.readouterr().out


async def test_program_of_the_page_on_supervision(
    here: ergopy.Node, capsys: pytest.CaptureFixture[str]
) -> None:
    (program,) = blocks(SUPERVISE, "python")
    py = "py@127.0.0.1"

    async def supervise(proc: ergopy.Process) -> None:
        proc.trap_exit = True
        args = [proc.pid, [], Atom("model"), Atom("start_link"), [0.5]]
        pid = await proc.remote_spawn(py, "proc_lib", "init_p", args, link=True)
        assert await proc.receive() == ("ack", pid, ("ok", pid))
        assert await proc.call(pid, (Atom("predict"), [1.0, 2.0])) == 1.5
        await proc.exit(pid, "shutdown")
        assert (await proc.receive()).reason == "shutdown"

    async with trio.open_nursery() as nursery:
        nursery.start_soon(namespace(program)["main"])
        while not await here.ping(py):  # noqa: ASYNC110
            await trio.sleep(0.01)
        await inside(here, supervise)
        nursery.cancel_scope.cancel()
    assert capsys.readouterr().out == "ends: shutdown\n"


@pytest.mark.parametrize("name", ["python_child.erl", "python_child.ex"])
def test_start_functions_wait_as_long_as_the_page_says(name: str) -> None:
    source = (EXAMPLES / name).read_text("utf-8")
    assert "30" in source
    assert "10_000" in source or "10000" in source
    assert "up to 30 seconds" in SUPERVISE.read_text("utf-8")
