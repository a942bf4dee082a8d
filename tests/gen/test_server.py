"""What ``gen_server`` promises, callback by callback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

import ergopy
from ergopy import NOREPLY, Atom, Down, ExitMessage, GenServer, NoReply, Reply, Stop
from tests.gen.scripted import LOG, begin
from tests.runtimes import Ends, assert_only_the_root, find, settle, sleeper

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


@pytest.mark.parametrize("wrong", [1, True, "x", Reply(1), ergopy.IGNORE])
async def test_a_wrong_return_of_handle_cast_is_a_crash(
    runtime: Runtime, wrong: Any
) -> None:
    server = await begin(runtime)
    await server.cast(wrong)
    assert server.ends.reasons[0][1] == b"builtins.TypeError"


@pytest.mark.parametrize("verb", ["cast", "send"])
async def test_casts_and_messages_may_stop_wait_and_continue(
    runtime: Runtime, verb: str, autojump_clock: trio.testing.MockClock
) -> None:
    server = await begin(runtime)
    do = getattr(server, verb)
    await do(NoReply(then="c"))
    await do(NoReply(timeout=1))
    await trio.sleep(2)
    await do(Stop(("shutdown", "enough")))
    kinds = [entry[0] if isinstance(entry, tuple) else entry for entry in server.log]
    first = {"cast": "cast", "send": "info"}[verb]
    assert kinds == [first, "continue", first, "info", first, "terminate"]
    assert server.ends.reasons == [("shutdown", "enough")]


async def test_init_may_continue_and_that_is_after_the_start(runtime: Runtime) -> None:
    class Connects(GenServer):
        async def init(self) -> Any:
            return NoReply(then="first")

        async def handle_continue(self, value: Any) -> Any:
            await started.wait()
            log.append(value)
            return NoReply(then="second") if value == "first" else None

    log: list[Any] = []
    started = trio.Event()
    await runtime.root.start(Connects)
    started.set()
    await settle()
    assert log == ["first", "second"]


async def test_a_continuation_comes_before_messages_that_wait(runtime: Runtime) -> None:
    server = await begin(runtime)
    await runtime.root.cast(server.pid, NoReply(then=1))
    await runtime.root.cast(server.pid, None)
    await settle()
    assert server.log == ["cast", ("continue", 1), "cast"]


async def test_a_continuation_may_stop(runtime: Runtime) -> None:
    server = await begin(runtime)
    await server.cast(NoReply(then=Stop("shutdown")))
    assert server.ends.reasons == ["shutdown"]


async def test_messages_are_handled_in_the_order_in_which_they_came(
    runtime: Runtime,
) -> None:
    server = await begin(runtime)
    await runtime.root.cast(server.pid, None)
    await runtime.root.send(server.pid, 1)
    await runtime.root.cast(server.pid, None)
    assert await server.call(LOG) == ["cast", ("info", 1), "cast"]


@pytest.mark.parametrize(
    "message",
    [
        (),
        (Atom("$gen_call"),),
        (Atom("$gen_call"), 1),
        (Atom("$gen_cast"), 1, 2),
        (Atom("system"), 1),
        ("$gen_cast", 1),
        [Atom("$gen_cast"), 1],
        Atom("timeout"),
        None,
        b"",
    ],
)
async def test_what_only_looks_like_a_request_is_an_ordinary_message(
    runtime: Runtime, message: Any
) -> None:
    server = await begin(runtime)
    await server.send(message)
    assert server.log == [("info", message)]


async def test_down_and_exit_messages_arrive_in_handle_info(runtime: Runtime) -> None:
    server = await begin(runtime, trap=True)
    target = sleeper(runtime)
    ref = await server.server.monitor(target.pid)
    await server.server.link(target.pid)
    await runtime.root.exit(target.pid, "boom")
    await settle()
    assert server.log == [
        ("info", ExitMessage(target.pid, Atom("boom"))),
        ("info", Down(ref, target.pid, Atom("boom"))),
    ]


async def test_the_defaults_refuse_requests_and_log_messages(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    server = find(runtime, await runtime.root.start(GenServer, name="plain"))
    await runtime.root.send("plain", "hello")
    await settle()
    assert server.alive
    assert "plain got an unexpected message: 'hello'" in caplog.text
    with pytest.raises(ergopy.CallExit) as caught:
        await runtime.root.call("plain", 1)
    assert caught.value.reason[1] == b"builtins.NotImplementedError"


async def test_a_crash_takes_down_its_server_only_and_is_logged_once(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    class Crashes(GenServer):
        async def handle_cast(self, request: Any) -> None:
            raise ExceptionGroup("several", [ValueError("inner")])

    server = find(runtime, await runtime.root.start(Crashes, name="c"))
    other = sleeper(runtime)
    ends = Ends(server)
    await runtime.root.cast("c", 1)
    await settle()
    assert ends.reasons[0][1:3] == (b"builtins.ValueError", b"inner")
    assert other.alive
    [record] = caplog.records
    assert record.exc_info is not None
    assert record.getMessage() == "process c crashed: ValueError: inner"
    assert (record.report, record.registered_name, record.label) == (  # type: ignore[attr-defined]
        "crash_report",
        "c",
        "c",
    )
    assert record.reason == ends.reasons[0]  # type: ignore[attr-defined]


async def test_an_unusual_exit_is_logged_without_a_traceback(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    for reason in ("normal", "shutdown", ("shutdown", 1), "unusual"):
        server = await begin(runtime)
        await server.cast(Stop(reason))
    [record] = caplog.records
    assert record.getMessage().endswith("terminates: Atom('unusual')")
    assert record.exc_info is None


async def test_a_server_that_is_flooded_lets_others_run(runtime: Runtime) -> None:
    class Counts(GenServer):
        async def init(self) -> None:
            self.count = 0

        async def handle_cast(self, request: Any) -> None:
            self.count += 1

        async def handle_call(self, request: Any, from_: Any) -> int:
            return self.count

    pid = await runtime.root.start(Counts)
    turns = 0
    for _ in range(50_000):
        runtime.root.send_nowait(pid, (Atom("$gen_cast"), 1))
    done = False

    async def other() -> None:
        nonlocal turns
        while not done:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(other)
        assert await runtime.root.call(pid, 1) == 50_000
        done = True
    assert turns >= 10


async def test_a_reply_waits_while_too_much_is_queued_for_the_node(
    runtime: Runtime,
) -> None:
    """A server may not be made to queue answers without end by one that reads none."""
    room = trio.Event()
    sent: list[Any] = []

    class Way:
        def is_ready(self, sender: Any) -> bool:
            return room.is_set()

        def has_room(self, sender: Any) -> bool:
            return room.is_set()

        async def ready(self, sender: Any) -> bool:
            await room.wait()
            return True

        def send(self, sender: Any, to: Any, message: Any) -> None:
            sent.append(message)

    way: Any = Way()
    runtime._remote_node = lambda _: way
    far = ergopy.Pid(Atom("other@host"), 1, 0, 1)
    server = await begin(runtime)
    for number in range(3):
        await server.send((Atom("$gen_call"), (far, number), "x"))
    assert sent == [(0, "x")]
    room.set()
    await settle()
    assert sent == [(0, "x"), (1, "x"), (2, "x")]


def test_what_a_callback_returns_shows_what_it_says() -> None:
    assert repr(Stop("normal")) == "Stop(Atom('normal'))"
    assert repr(Stop("x", reply=None)) == "Stop(Atom('x'), reply=None)"
    assert repr(NOREPLY) == "NoReply(timeout=None, then=None)"
    assert repr(Reply(1, timeout=2)) == "Reply(1, timeout=2, then=None)"
    assert repr(ergopy.IGNORE) == "IGNORE"
    with pytest.raises(TypeError, match="replay"):
        Stop("normal", replay=1)


async def test_the_verbs_of_a_server_are_those_of_its_process(runtime: Runtime) -> None:
    target = sleeper(runtime)

    class Uses(GenServer):
        async def handle_call(self, request: Any, from_: Any) -> Any:
            self.dictionary["key"] = 1
            alias = self.alias()
            await self.send(alias, "mail")
            assert await self.receive(str) == "mail"
            assert self.unalias(alias)
            ref = await self.monitor(target.pid)
            assert self.demonitor(ref)
            await self.link(target.pid)
            self.unlink(target.pid)
            self.send_after(100, self.pid, 1).cancel()
            self.send_nowait(target.pid, 1)
            await self.cast(target.pid, 1)
            child = await self.spawn(self.child)
            await self.exit(child, "kill")
            server = await self.start(GenServer)
            await self.stop(server)
            self.trap_exit = True
            assert self.group_leader == self.process.group_leader
            return self.trap_exit, await self.run_sync(len, "four"), self.node

        async def child(self, process: ergopy.Process) -> None:
            await process.receive()

    pid = await runtime.root.start(Uses)
    assert await runtime.root.call(pid, 1) == (True, 4, None)
    assert not target.links
    assert not target.watchers
    await runtime.root.stop(pid)
    await runtime.root.exit(target.pid, "kill")
    await settle()
    assert_only_the_root(runtime)
