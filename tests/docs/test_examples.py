"""Every example, run as a program, with this process as the other node."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

import pytest

import epmd
import ergopy
import etf
from ergopy import Atom, Down, PubSub, Task, stage
from ergopy.testing import inside
from ergopy.testing.ports import free_port
from tests.docs.pages import EXAMPLES

if TYPE_CHECKING:
    from pathlib import Path

PY = Atom("py@127.0.0.1")


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda p: p.name)
def test_an_example_is_short_says_what_to_type_and_is_tested(path: Path) -> None:
    source = path.read_text("utf-8")
    head = ast.get_docstring(ast.parse(source)) or ""
    assert source.count("\n") < 60
    assert f"python examples/{path.name}" in head
    assert f"test_{path.stem}" in globals()


async def test_counter(peer, start) -> None:
    async with start(EXAMPLES / "counter.py") as example:
        assert PY in await example.line()
        counter = ("counter", PY)
        assert await peer.call(counter, (Atom("add"), 3)) == 13
        await peer.cast(counter, Atom("reset"))
        assert await peer.call(counter, Atom("value")) == 0
        assert await peer.call(counter, Atom("stop")) == "stopped"
        assert await example.rest() == "counter ends at 0: normal"


async def test_shouts(peer, start) -> None:
    async with start(EXAMPLES / "shouts.py") as example:
        assert PY in await example.line()
        shouts, heard = ("shouts", PY), []
        words = [b"tick", b"tock", b"boom"]
        pid = await stage.from_iterable(words, caller=peer)
        options = {"max_demand": 2, "cancel": "temporary"}
        await stage.sync_subscribe(shouts, pid, caller=peer, **options)
        async with stage.subscribe(shouts, max_demand=2, caller=peer) as batches:
            async for batch in batches:
                heard += batch
                if len(heard) == 3:
                    break
        assert heard == [b"TICK!", b"TOCK!", b"BOOM!"]
        assert await example.line() == "got tick"


async def test_pubsub(peer, start) -> None:
    async with start(EXAMPLES / "pubsub.py") as example:
        assert PY in await example.line()
        await peer.start(PubSub, "MyApp.PubSub")
        topics = PubSub.of("MyApp.PubSub", caller=peer)
        async with topics.subscribe("clock") as ticks:
            await peer.connect(PY)
            kind, number = await anext(ticks)
            assert (kind, number + 1) == await anext(ticks)
            await topics.broadcast("shouts", "hello")
        assert await example.line() == "somebody shouts: b'hello'"


async def test_saga_travel(start) -> None:
    async with start(EXAMPLES / "saga_travel.py") as example:
        *booked, refused = (await example.rest()).splitlines()
    assert booked == [f"flight to {c} and room in {c}" for c in ("Rome", "Oslo")]
    assert refused == "no room in Bonn, a car in Bonn is given back"


async def test_push_button(peer, start) -> None:
    async with start(EXAMPLES / "push_button.py") as example:
        assert PY in await example.line()
        button = ("button", PY)
        for presses in (1, 1, 2):
            await peer.cast(button, Atom("push"))
            assert await peer.call(button, Atom("presses")) == presses
        await peer.stop(button)
        assert await example.rest() == "the lamp is on after 2 presses: normal"


async def test_call_beam(peer, greeter, start) -> None:
    async def shell(proc: ergopy.Process) -> Any:
        return await proc.receive()

    def upcase(text: bytes) -> bytes:
        return text.upper()

    peer.export("Elixir.String", {"upcase": upcase})

    async def scenario(proc: ergopy.Process) -> Any:
        peer.register("shell", proc.pid)
        async with start(EXAMPLES / "call_beam.py") as example:
            printed = await example.rest()
        return printed, await proc.receive()

    printed, message = await inside(peer, scenario)
    assert message == ("hello", b"from Python")
    lines = printed.splitlines()
    assert lines[:2] == ["rpc: HELLO", "call: Hello, Python"]
    assert lines[2].startswith("nobody there: call to ('nobody', 'iex@127.0.0.1')")
    assert lines[3].startswith("it raised: error (Atom('python')")


async def test_call_beam_says_what_to_do_without_the_other_node(start) -> None:
    async with start(EXAMPLES / "call_beam.py", "away@127.0.0.1") as example:
        assert "away@127.0.0.1" in await example.line()
        assert await example.line() == "Try: ergopy doctor away@127.0.0.1"
        assert await example.process.wait() == 1


async def test_elixir_tasks(peer, start) -> None:
    async with start(EXAMPLES / "elixir_tasks.py") as example:
        assert PY in await example.line()
        words = ("text", "words")
        options = {"under": ("tasks", PY), "caller": peer}
        task = await Task.async_(words, b"so much to do", **options)
        assert await task.await_() == 4
        stream = Task.async_stream([b"a b", b"c"], words, **options)
        assert [outcome async for outcome in stream] == [("ok", 2), ("ok", 1)]
        assert await peer.call(("models", PY), b"how many words") == 3
        await peer.stop(("tasks", PY))
        assert await example.rest() == ""


async def test_model_server(peer, start) -> None:
    async with start(EXAMPLES / "model_server.py") as example:
        assert PY in await example.line()
        rows = [[1.0, 2.0], [3.0, 4.0]]
        assert await peer.rpc(PY, "model", "predict", [rows]) == [1.0, 2.5]
        info = await peer.rpc(PY, "model", "info", [])
        assert info == {"name": b"sum", "weights": [0.5, 0.25]}
        with pytest.raises(ergopy.RpcError) as caught:
            await peer.rpc(PY, "os", "system", [b"true"])
        assert (caught.value.kind, caught.value.reason) == ("error", "undef")
        assert await peer.rpc(PY, "model", "stop", []) == "ok"
        await example.rest()


def gen_start(starter: ergopy.Pid, weight: float) -> list[Any]:
    """What the start function of ``python_child.erl`` with a name spawns."""
    local = (Atom("local"), Atom("modeller"))
    init = [Atom("gen_server"), starter, starter, local, Atom("model"), weight, []]
    return [starter, [], Atom("gen"), Atom("init_it"), init]


async def test_supervised_model(peer, start) -> None:
    async def scenario(proc: ergopy.Process) -> None:
        proc.trap_exit = True
        assert PY in await example.line()
        args = [proc.pid, [], Atom("model"), Atom("start_link"), [0.5]]
        pid = await proc.remote_spawn(PY, "proc_lib", "init_p", args, link=True)
        assert await proc.receive() == ("ack", pid, ("ok", pid))
        assert await example.line() == f"model {pid} starts with 0.5"
        assert await proc.call(pid, (Atom("predict"), [1.0, 2.0])) == 1.5
        await proc.exit(pid, Atom("shutdown"))
        assert (await proc.receive()).reason == "shutdown"
        assert await example.line() == f"model {pid} ends: shutdown"
        args = gen_start(proc.pid, 2.0)
        pid = await proc.remote_spawn(PY, "proc_lib", "init_p", args, link=True)
        assert await proc.receive() == ("ack", pid, ("ok", pid))
        assert await proc.call(("modeller", PY), (Atom("predict"), [3])) == 6.0

    async with start(EXAMPLES / "supervised_model.py") as example:
        await inside(peer, scenario)


async def test_monitor(peer, start) -> None:
    async def victim(proc: ergopy.Process) -> None:
        raise ergopy.Exit(await proc.receive())

    async def scenario(proc: ergopy.Process) -> None:
        assert PY in await example.line()
        pid = await proc.spawn(victim)
        await proc.send(("keeper", PY), (Atom("watch"), pid))
        await proc.monitor(("worker", PY))
        await proc.cast(("worker", PY), Atom("crash"))
        down = await proc.receive(Down)
        assert down.reason[:3] == (
            Atom("python"),
            b"builtins.RuntimeError",
            b"told to crash",
        )
        lines = [await example.line()]
        while lines[-1] != "worker started again":
            lines.append(await example.line())
        assert any(line.startswith("worker ended: {python,") for line in lines)
        assert await proc.call(("worker", PY), Atom("hello")) == "working"
        await proc.send(pid, Atom("tired"))
        assert await example.line() == f"{pid} ended: tired"
        await proc.send(("keeper", PY), Atom("stop"))

    async with start(EXAMPLES / "monitor.py") as example:
        await inside(peer, scenario)
        await example.rest()


async def test_plain_process(peer, start) -> None:
    printer = ("printer", PY)

    async def scenario(proc: ergopy.Process) -> list[Any]:
        await proc.send(printer, Atom("pause"))
        for kind, text in ("print", b"one"), ("print", b"two"), ("urgent", b"fire!"):
            await proc.send(printer, (Atom(kind), proc.pid, text))
        await proc.send(printer, Atom("resume"))
        answers = [await proc.receive() for _ in range(3)]
        await proc.send(printer, Atom("stop"))
        return answers

    async with start(EXAMPLES / "plain_process.py") as example:
        assert PY in await example.line()
        answers = await inside(peer, scenario)
        assert [text for _, text in answers] == [b"fire!", b"one", b"two"]
        assert await example.rest() == "fire!\none\ntwo"


async def test_epmd_server(start, epmd_port) -> None:
    port = free_port()
    async with start(EXAMPLES / "epmd_server.py", port) as example:
        assert await example.line() == f"epmd is on port {port}; Ctrl-C ends it"
        async with ergopy.Node("a@127.0.0.1", cookie="x", epmd_port=port) as node:
            (entry,) = await epmd.names("127.0.0.1", port)
            assert (entry.name, entry.port) == ("a", node.port)
        while (line := await example.line()) and "unregistered" not in line:
            assert "a" in line
        await epmd.kill("127.0.0.1", port)
        await example.rest()


async def test_tls(start) -> None:
    async with start(EXAMPLES / "tls.py") as example:
        assert await example.line() == "b answers: hello"
        lines = [line async for line in example if "think" in line]
    assert lines[0].startswith("the stranger thinks: none of our authorities")
    assert lines[1].startswith("and we think: none of our authorities")


async def test_etf_codec(start, tmp_path) -> None:
    async with start(EXAMPLES / "etf_codec.py") as example:
        lines = (await example.rest()).splitlines()
    order = etf.decode((tmp_path / "order.etf").read_bytes())
    assert order["customer"].decode() == "Zoë"
    assert lines[2] == f"Erlang: {etf.format(order)}"
    assert lines[-1].startswith("no term: set has no form")
