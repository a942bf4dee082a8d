"""Every example, run as a program, with this process as the other node."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

import pytest

import epmd
import ergopy
import etf
from ergopy import Atom, Down, PubSub, Ring, Task, io, stage
from ergopy.testing import captured_io, inside, stand_in
from ergopy.testing.ports import free_port
from tests.docs.pages import EXAMPLES
from tests.node.raw_node import until

if TYPE_CHECKING:
    from pathlib import Path

PY, TWO = Atom("py@127.0.0.1"), Atom("two@127.0.0.1")


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


async def asleep(proc: ergopy.Process) -> None:
    await proc.receive()


@pytest.mark.parametrize(("ahead", "stays"), [(0, PY), (3, TWO)])
async def test_global_counter(peer, start, ahead, stays) -> None:
    program, orders = EXAMPLES / "global_counter.py", ("global", "orders")
    async with start(program) as one, start(program, TWO) as two:
        assert PY in await one.line()
        assert TWO in await two.line()
        await peer.connect(PY)
        await peer.globals.sync()
        assert [await peer.call(orders, Atom("next")) for _ in "12"] == [1, 2]
        with pytest.raises(ergopy.NameTaken):
            await peer.globals.register("orders", await peer.spawn(asleep))
        # A hidden node takes no part: nobody has to part with it.
        async with ergopy.Node("x@127.0.0.1", cookie="secret", hidden=True) as other:
            await other.connect(TWO)
            for number in range(ahead):
                assert await other.call(orders, Atom("next")) == number + 1
        await peer.connect(TWO)
        goes, last = (two, 0) if stays == PY else (one, 2)
        assert (await goes.line()).endswith(f"ends at {last}: normal")
        await peer.globals.sync()
        assert peer.globals.whereis("orders").node == stays
        assert await peer.call(orders, Atom("next")) == max(2, ahead) + 1


async def test_workers_in_a_group(peer, start) -> None:
    program, photo = EXAMPLES / "workers_in_a_group.py", b"cat.jpg"
    assert Ring([PY, TWO]).place(photo) == TWO

    async def thumbnail() -> Any:
        return await peer.rpc(PY, "photos", "thumbnail", [photo])

    async def ask_all(workers: list[ergopy.Pid]) -> list[Any]:
        request = (Atom("thumbnail"), photo)
        return sorted([await peer.call(worker, request) for worker in workers])

    async with start(program) as one, peer.pg.changes("workers") as changes:
        assert PY in await one.line()
        await peer.connect(PY)
        workers = (await anext(changes)).pids
        assert [await thumbnail() for _ in "12"] == ["made", "kept"]
        assert await ask_all(workers) == ["kept", "made"]
        await peer.exit(workers[0], Atom("kill"))
        left, joined = await anext(changes), await anext(changes)
        assert (left.kind, left.pids) == ("leave", workers[:1])
        lines = [await one.line() for _ in range(3)]
        assert {f"leave {workers[0]}", f"join {joined.pids[0]}"} < set(lines)
        async with start(program, TWO, PY) as two:
            assert TWO in await two.line()
            others = (await anext(changes)).pids
            assert await one.line() == f"join {others[0]} {others[1]}"
            assert [await thumbnail() for _ in "12"] == ["made", "kept"]
            assert await ask_all(others) == ["kept", "made"]


async def test_console(peer, start, run_command) -> None:
    async with start(EXAMPLES / "console.py") as example:
        assert "prompt" in await example.line()
        assert PY in await example.line()
        async with captured_io(peer, "12\n30\n") as device, stand_in(peer) as process:
            process.set_group_leader(device.pid)
            assert await process.rpc(PY, "stock", "count", [b"tea", b"rice"]) == 42
        assert device.prompts == ["how many tea? ", "how many rice? "]
        assert device.text == "thank you\n"
        todo = await peer.rpc(PY, "erlang", "whereis", [Atom("todo")])
        to_do = {"device": todo, "caller": peer}
        await io.format("order ~p~n", [(Atom("rice"), 5)], **to_do)
        await io.print("order tea", **to_do)
        assert await example.line() == "to do: order {rice,5}"
        assert await io.get_line(**to_do) == "order {rice,5}\n"
        code = 'await ergopy.io.get_line(device="todo")'
        shell = f"ERGOPY_COOKIE=secret ergopy shell {PY} -c '{code}'"
        assert await run_command(shell) == "'order tea\\n'\n"
        assert await io.get_line(**to_do) is None


@pytest.mark.parametrize("beam", [["iex@127.0.0.1"], []])
async def test_logging_to_beam(peer, start, caplog, beam) -> None:
    def told() -> list[Any]:
        return [record for record in caplog.records if record.name == "ergopy.beam"]

    stock = ("stock", PY)
    async with start(EXAMPLES / "logging_to_beam.py", *beam) as example:
        assert PY in await example.line()
        assert await peer.call(stock, (Atom("take"), b"tea")) == 1
        assert await example.line() == "WARNING:stock:tea is low: 1"
        await peer.cast(stock, (Atom("take"), b"gold"))
        crash = "ERROR:ergopy.process:process stock crashed: KeyError: b'gold'"
        assert (await example.line()).startswith(crash)
        while "child_terminated" not in (line := await example.line()):
            assert line
        if beam:
            await until(lambda: len(told()) == 3)
    if beam:
        low, crashed, ended = told()
        assert low.getMessage() == "tea is low: 1"
        assert {record.node for record in told()} == {PY}
        assert crashed.otp["label"] == ("proc_lib", "crash")
        assert ended.otp["label"] == ("supervisor", "child_terminated")


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
