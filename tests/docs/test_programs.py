"""The programs that pages tell to save, and the commands that they show."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import trio

import ergopy
from ergopy import Atom, supervisor
from ergopy._targets import find
from ergopy.testing import MemoryNetwork
from ergopy.testing.ports import free_port
from tests.docs.pages import DOCS, PAGES, ROOT, blocks, matches, program
from tests.programs import run_pytest

TUTORIAL = DOCS / "tutorial" / "1-hello.md"
COUNTER = ("counter", "py@127.0.0.1")


async def test_program_of_the_readme(peer, start, tmp_path) -> None:
    file = tmp_path / "counter.py"
    file.write_text(program(ROOT / "README.md"))
    async with start(file) as running:
        assert await running.line() == "py@127.0.0.1 is up"
        assert await peer.call(COUNTER, (Atom("add"), 3)) == 13
        assert await peer.rpc("py@127.0.0.1", "text", "shout", [b"hello"]) == b"HELLO!"


async def test_application_of_the_readme(monkeypatch, tmp_path) -> None:
    (block,) = [b for b in blocks(ROOT / "README.md", "python") if not b.info]
    (tmp_path / "serving.py").write_text(block.text)
    monkeypatch.syspath_prepend(tmp_path)
    target = find("serving:Serving")
    async with MemoryNetwork().node("py", applications=[target]) as node:
        request = (Atom("lookup_or_start"), b"ann", [])
        ok, ann = await node.call("sessions", request)
        assert ok == "ok"
        assert await node.call(ann, (Atom("ask"), b"hello")) == b"HELLO"
        counts = await supervisor.count_children("models", caller=node)
        assert counts == (4, 4, 0, 4)


async def test_program_of_the_tutorial(peer, greeter, start, tmp_path) -> None:
    file = tmp_path / "hello.py"
    file.write_text(program(TUTORIAL))
    async with start(file) as running:
        assert await running.line() == "py@127.0.0.1 is up"
        assert await peer.call(COUNTER, (Atom("add"), 3)) == 13
        await peer.cast(COUNTER, (Atom("add"), 4))
        assert await peer.call(COUNTER, Atom("value")) == 17
        question = (Atom("greet_me"), Atom("greeter"))
        assert await peer.call(COUNTER, question) == b"Hello, Python"
        with pytest.raises(ergopy.CallTimeout):
            await peer.call(COUNTER, (Atom("sleep"), 1), timeout=0.01)
        await peer.cast(COUNTER, Atom("stop"))
        await running.rest()


async def test_program_of_the_tutorial_crashes_as_it_says(
    peer, start, tmp_path
) -> None:
    file = tmp_path / "hello.py"
    file.write_text(program(TUTORIAL))
    async with start(file) as running:
        await running.line()
        with pytest.raises(ergopy.CallExit) as caught:
            await peer.call(COUNTER, Atom("oops"))
        kind, name, text, frames = caught.value.reason
        assert (kind, name) == ("python", b"builtins.ValueError")
        assert text == b"unknown request Atom('oops')"
        assert b"hello.py" in frames[-1]
        with pytest.raises(ergopy.NoProcess):
            await peer.call(COUNTER, Atom("value"))
        running.process.terminate()
        assert await running.process.wait() == 0


async def test_commands_of_the_tutorial_print_what_it_shows(
    start, run_command, tmp_path
) -> None:
    shown = [b.text for page in PAGES for b in blocks(page, "console") if b.info]
    assert len(shown) == 2
    file = tmp_path / "hello.py"
    file.write_text(program(TUTORIAL))
    async with start(file) as running:
        await running.line()
        for text in shown:
            command, expected = text.removeprefix("$ ").split("\n", 1)
            output = await run_command(command)
            assert matches(expected, output), output


async def test_program_without_epmd(start, tmp_path) -> None:
    port = free_port()
    text = program(DOCS / "howto" / "without-epmd.md")
    assert text.count("9100") == 2
    file = tmp_path / "py.py"
    file.write_text(text.replace("9100", str(port)))
    async with ergopy.Node(
        "shop@127.0.0.1", cookie="secret", epmd="off", listen=port
    ) as shop:
        shop.export("erlang", {"node": lambda: shop.name})
        async with start(file) as running:
            assert await running.line() == "shop@127.0.0.1"
            assert shop.nodes() == ["py@127.0.0.2"]
            running.process.terminate()
            assert await running.process.wait() == 0


def test_rule_of_the_page_without_epmd_finds_nodes() -> None:
    find = namespace("howto/without-epmd.md", "def find")["find"]
    assert find("cart@shop.org") == ("shop.org", 9101)
    assert find("other@shop.org") is None


async def test_node_without_a_name_gets_one_as_the_page_says(peer) -> None:
    names = namespace("howto/connect.md", "print(node.name)")
    printed = trio.Event()
    seen = []
    names["print"] = lambda name: (seen.append(name), printed.set())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(names["main"])
        with trio.fail_after(30):
            await printed.wait()
        assert peer.nodes("hidden") == seen
        nursery.cancel_scope.cancel()


async def test_node_without_a_name_comes_back_as_the_page_says(
    peer, monkeypatch
) -> None:
    monkeypatch.setenv("ERGOPY_COOKIE", "secret")
    names = namespace("howto/connect.md", "while True")
    names["trio"] = trio
    seen = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(names["main"])
        for _ in range(3):
            with trio.fail_after(30):
                while not (hidden := peer.nodes("hidden")):
                    await trio.lowlevel.checkpoint()
            seen += hidden
            peer.disconnect(hidden[0])
        nursery.cancel_scope.cancel()
    assert len(seen) == 3
    assert len(set(seen)) == 1


def namespace(page: str, part: str = "") -> dict[str, Any]:
    """Run the code of a page, or the one block of it that has *part*."""
    names: dict[str, Any] = {"ergopy": ergopy, "Atom": Atom}
    for block in blocks(DOCS / page, "python"):
        if part in block.text:
            exec(block.text, names)
    return names


async def test_servers_of_the_page_on_blocking_code(peer) -> None:
    names = namespace("howto/blocking-code.md")
    await names["main"](peer)
    assert ("model", "predict") in peer.exports
    for server in names["Model"], names["Pool"]:
        pid = await peer.start(server)
        assert await peer.call(pid, [[1, 2], [3]]) == [3, 3]

    class Asyncio(ergopy.GenServer):
        async def handle_call(self, request: Any, from_: Any) -> Any:
            async def main() -> Any:
                await asyncio.sleep(0)
                return request

            return await self.run_sync(asyncio.run, main())

    pid = await peer.start(Asyncio)
    assert await peer.call(pid, 7) == 7


def test_function_of_the_page_on_text_matches_as_it_says() -> None:
    handle = namespace("explain/text-and-types.md")["handle"]
    assert handle(Atom("stop")).startswith("an atom")
    assert handle((Atom("add"), 1)) == 1
    answer = handle({Atom("id"): 7, Atom("name"): b"x"})
    assert answer == ("a map with atoms as keys", 7, "x")


WITHOUT_BEAM = {"ERGOPY_ERL": "/nowhere", "ERGOPY_REQUIRE_BEAM": "0"}


async def test_tests_of_the_page_on_tests_pass(epmd_port, tmp_path) -> None:
    page = DOCS / "howto" / "test-your-server.md"
    parts = [block.text for block in blocks(page, "python")]
    file = tmp_path / "test_counter.py"
    file.write_text("\n\n".join(parts))
    status, printed = await run_pytest(file, "-p", "no:randomly", **WITHOUT_BEAM)
    assert status == 0, printed
    assert "13 passed, 1 skipped" in printed
