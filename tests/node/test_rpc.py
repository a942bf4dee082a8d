"""Calling functions over there, by erpc or rex, and here without a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

import etf
from ergopy.dist.flags import OFFERED_VISIBLE, Flag
from ergopy.errors import Exit, RpcError, Throw
from ergopy.node.dispatch import Dispatcher
from ergopy.node.exports import Exports
from ergopy.node.rpc import release_of, rpc, rpc_here
from ergopy.services import erpc as erpc_service
from etf import Atom, ImproperList, Reference
from tests.node.fakes import THEIRS, FakePeer
from tests.runtimes import assert_only_the_root, settle

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime

MFA = (Atom("m"), Atom("f"), [1, b"two"])
LATE = Atom("late")


class Asking:
    """One rpc of ours to a peer that the test plays."""

    def __init__(self, fake: FakePeer, runtime: Runtime) -> None:
        self.fake = fake
        self.runtime = runtime
        self.dispatcher = Dispatcher(fake.peer, runtime, lambda *_: None)

    async def ask(self, timeout: float | None = 5.0) -> Any:
        return await rpc(self.runtime.root, self.fake.peer, MFA, timeout)

    def arrive(self, control: tuple[Any, ...], message: Any = None) -> None:
        self.dispatcher.deliver([(control, message)])

    async def request(self) -> tuple[Reference, Reference]:
        """Check the request; return its id, and the tag that the value will have."""
        await settle()
        (sent,) = self.fake.sent()
        root = self.runtime.root
        execute = (Atom("erpc"), Atom("execute_call"), 4)
        number, ref, caller, leader, mfa, options, arguments = sent
        assert (number, caller, leader) == (29, root.pid, root.group_leader)
        assert (mfa, options) == (execute, [Atom("monitor")])
        assert arguments[1:] == list(MFA)
        return ref, arguments[0]

    async def answer(self, make: Any) -> None:
        ref, tag = await self.request()
        self.arrive((31, ref, self.runtime.root.pid, 2, THEIRS))
        self.arrive((28, THEIRS, self.runtime.root.pid, ref), make(tag))

    async def refuse(self, reason: Any) -> None:
        ref, _ = await self.request()
        self.arrive((31, ref, self.runtime.root.pid, 0, reason))

    def check_nothing_is_kept(self) -> None:
        self.fake.assert_nothing_is_kept()
        assert_only_the_root(self.runtime)


@pytest.fixture
async def asking(fake: FakePeer, runtime: Runtime) -> Asking:
    return Asking(fake, runtime)


@pytest.mark.parametrize("value", [42, None, [], (Atom("error"), 1)])
async def test_the_exit_reason_is_the_value(asking: Asking, value: Any) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(asking.answer, lambda tag: (tag, Atom("return"), value))
        assert await asking.ask() == value
    asking.check_nothing_is_kept()
    assert asking.fake.sent() == []


STACK = [(Atom("m"), Atom("f"), 2, [])]


@pytest.mark.parametrize(
    ("make", "kind", "reason", "stack"),
    [
        (lambda t: (t, Atom("throw"), 1), "throw", 1, []),
        (lambda t: (t, Atom("exit"), Atom("e")), "exit", "e", []),
        (lambda t: (t, Atom("error"), Atom("badarg"), STACK), "error", "badarg", STACK),
        (lambda t: (t, Atom("error"), (Atom("erpc"), 7)), "erpc", 7, []),
        (lambda t: (t, Atom("error"), 7), "error", 7, []),
        (lambda t: Atom("noconnection"), "erpc", "noconnection", []),
        (lambda t: Atom("killed"), "signal", "killed", []),
        (lambda t: (Atom("x"), Atom("return"), 1), "signal", None, []),
        (lambda t: (t, Atom("return")), "signal", None, []),
        (lambda t: (t, 1, 2), "signal", None, []),
    ],
)
async def test_every_other_end_is_an_error_of_its_kind(
    asking: Asking, make: Any, kind: str, reason: Any, stack: Any
) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(asking.answer, make)
        with pytest.raises(RpcError) as caught:
            await asking.ask()
    assert caught.value.kind == kind
    assert reason is None or caught.value.reason == reason
    assert caught.value.stacktrace == stack
    asking.check_nothing_is_kept()


@pytest.mark.parametrize("reason", ["notsup", "system_limit", "badopt"])
async def test_a_refusal_has_the_reason_of_the_refusal(
    asking: Asking, reason: str
) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(asking.refuse, Atom(reason))
        with pytest.raises(RpcError) as caught:
            await asking.ask()
    assert (caught.value.kind, caught.value.reason) == ("erpc", reason)
    asking.check_nothing_is_kept()


@pytest.mark.parametrize("replied", [True, False])
async def test_the_loss_of_the_node_is_noconnection(
    asking: Asking, replied: bool
) -> None:
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def cut() -> None:
            ref, _ = await asking.request()
            if replied:
                asking.arrive((31, ref, asking.runtime.root.pid, 2, THEIRS))
            asking.fake.peer.lost()

        with pytest.raises(RpcError) as caught:
            await asking.ask()
    assert caught.value.reason == "noconnection"
    asking.check_nothing_is_kept()


async def test_one_timeout_covers_the_connection_and_the_answer(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    asking = Asking(FakePeer(runtime), runtime)
    began = trio.current_time()
    for _ in range(2):
        with pytest.raises(RpcError) as caught:
            await asking.ask(3.0)
        assert (caught.value.kind, caught.value.reason) == ("erpc", "timeout")
        asking.fake.connect()
    assert trio.current_time() - began == pytest.approx(6.0)


async def test_a_node_that_cannot_be_reached_is_noconnection(runtime: Runtime) -> None:
    fake = FakePeer(runtime)
    fake.dialler.ended.set()
    with pytest.raises(RpcError) as caught:
        await Asking(fake, runtime).ask()
    assert caught.value.reason == "noconnection"


@pytest.mark.parametrize("by", ["timeout", "cancel"])
@pytest.mark.parametrize("replied", [True, False])
async def test_what_comes_after_it_was_given_up_is_taken_back(
    asking: Asking,
    autojump_clock: trio.testing.MockClock,
    by: str,
    replied: bool,
) -> None:
    me = asking.runtime.root.pid
    async with trio.open_nursery() as nursery:
        refs: list[Any] = []

        @nursery.start_soon
        async def reply() -> None:
            refs[:] = await asking.request()
            if replied:
                asking.arrive((31, refs[0], me, 2, THEIRS))

        with trio.move_on_after(1 if by == "cancel" else 10):
            with pytest.raises(RpcError):
                await asking.ask(10 if by == "cancel" else 1)
            assert by == "timeout"
    if not replied:
        asking.arrive((31, refs[0], me, 2, THEIRS))
    assert asking.fake.sent() == [(20, me, THEIRS, refs[0])]
    asking.arrive((28, THEIRS, me, refs[0]), (refs[1], Atom("return"), LATE))
    asking.check_nothing_is_kept()


@pytest.mark.parametrize("bad", [-1, float("nan")])
async def test_a_timeout_is_a_number_of_seconds(asking: Asking, bad: float) -> None:
    with pytest.raises(ValueError, match="seconds"):
        await asking.ask(bad)


async def test_an_argument_that_is_no_term_is_the_caller_s_error(
    asking: Asking,
) -> None:
    mfa = (Atom("m"), Atom("f"), [object()])
    with pytest.raises(etf.EncodeError):
        await rpc(asking.runtime.root, asking.fake.peer, mfa, 5)
    assert asking.fake.sent() == []
    asking.check_nothing_is_kept()


@pytest.mark.parametrize(
    ("value", "kind", "reason"),
    [
        (42, None, None),
        ((Atom("badrpc"), (Atom("EXIT"), (Atom("undef"), STACK))), "error", "undef"),
        ((Atom("badrpc"), (Atom("EXIT"), Atom("e"))), "exit", "e"),
        ((Atom("badrpc"), Atom("nodedown")), "erpc", "nodedown"),
    ],
)
async def test_a_node_without_spawn_is_asked_through_rex(
    asking: Asking, value: Any, kind: str | None, reason: Any
) -> None:
    asking.fake.connect(OFFERED_VISIBLE & ~Flag.SPAWN)
    me = asking.runtime.root.pid
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def answer() -> None:
            await settle()
            monitor, request = asking.fake.sent()
            tag = ImproperList([Atom("alias")], monitor[3])
            call = (Atom("call"), *MFA, Atom("user"))
            assert request[3:] == (
                Atom("rex"),
                (Atom("$gen_call"), (me, tag), call),
            )
            asking.arrive((33, THEIRS, monitor[3]), (tag, value))

        if kind is None:
            assert await asking.ask() == value
        else:
            with pytest.raises(RpcError) as caught:
                await asking.ask()
            assert (caught.value.kind, caught.value.reason) == (kind, reason)
    asking.check_nothing_is_kept()


@pytest.mark.parametrize(
    ("end", "kind", "reason"),
    [
        ("noproc", "erpc", "notsup"),
        ("noconnection", "erpc", "noconnection"),
        ("killed", "signal", "killed"),
    ],
)
async def test_the_end_of_rex_is_an_error(
    asking: Asking, end: str, kind: str, reason: str
) -> None:
    asking.fake.connect(OFFERED_VISIBLE & ~Flag.SPAWN)
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def answer() -> None:
            await settle()
            monitor = asking.fake.sent()[0]
            asking.arrive((28, Atom("rex"), monitor[1], monitor[3]), Atom(end))

        with pytest.raises(RpcError) as caught:
            await asking.ask()
    assert (caught.value.kind, caught.value.reason) == (kind, reason)


async def test_the_release_of_a_node_is_asked_once_per_connection(
    asking: Asking,
) -> None:
    async def answer() -> None:
        await settle()
        request = asking.fake.sent()[0]
        assert request[-1][1:] == ["erlang", "system_info", [Atom("otp_release")]]
        ref, tag = request[1], request[-1][0]
        asking.arrive((31, ref, asking.runtime.root.pid, 2, THEIRS))
        reason = (tag, Atom("return"), list(b"26"))
        asking.arrive((28, THEIRS, asking.runtime.root.pid, ref), reason)

    root, peer = asking.runtime.root, asking.fake.peer
    assert await release_of(root, peer) == 28
    asking.fake.connect(OFFERED_VISIBLE & ~Flag.ALTACT_SIG)
    for _ in range(2):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer)
            assert await release_of(root, peer) == 26
        assert await release_of(root, peer) == 26
        peer.lost()
        asking.fake.connect(OFFERED_VISIBLE & ~Flag.ALTACT_SIG)


@pytest.fixture
async def exports(runtime: Runtime) -> Exports:
    """What a node has that serves erpc."""
    exports = Exports()

    class Node:
        pass

    node: Any = Node()
    node.exports = exports
    await erpc_service.start(node)

    def throws() -> None:
        raise Throw(7)

    def exits() -> None:
        raise Exit("gone")

    def fails() -> None:
        raise LookupError("mine")

    async def waits() -> None:
        await trio.sleep_forever()

    functions = {f.__name__: f for f in (throws, exits, fails, waits)}
    exports.export("m", {"add": lambda a, b: a + b, "odd": object, **functions})
    return exports


async def test_a_node_runs_its_own_functions_without_a_connection(
    runtime: Runtime, exports: Exports
) -> None:
    mfa = (Atom("m"), Atom("add"), [1, 2])
    assert await rpc_here(runtime.root, exports, mfa, 5) == 3
    await settle()
    assert_only_the_root(runtime)


@pytest.mark.parametrize(
    ("function", "kind", "reason"),
    [
        ("throws", "throw", 7),
        ("exits", "exit", "gone"),
        ("nothing", "error", "undef"),
        ("fails", "error", None),
        ("odd", "error", None),
    ],
)
async def test_its_own_failures_look_like_those_of_another_node(
    runtime: Runtime, exports: Exports, function: str, kind: str, reason: Any
) -> None:
    with pytest.raises(RpcError) as caught:
        await rpc_here(runtime.root, exports, (Atom("m"), Atom(function), []), 5)
    assert caught.value.kind == kind
    if reason is None:
        assert caught.value.reason[0] == Atom("python")
    else:
        assert caught.value.reason == reason


async def test_its_own_function_that_takes_too_long_is_given_up(
    runtime: Runtime, exports: Exports, autojump_clock: trio.testing.MockClock
) -> None:
    mfa = (Atom("m"), Atom("waits"), [])
    with pytest.raises(RpcError) as caught:
        await rpc_here(runtime.root, exports, mfa, 2)
    assert (caught.value.kind, caught.value.reason) == ("erpc", "timeout")
    assert trio.current_time() == pytest.approx(2, abs=0.1)
    process = next(p for p in runtime.processes.values() if p is not runtime.root)
    assert not process.watchers


async def test_a_node_without_erpc_says_notsup_of_itself(runtime: Runtime) -> None:
    with pytest.raises(RpcError) as caught:
        await rpc_here(runtime.root, Exports(), MFA, 5)
    assert caught.value.reason == "notsup"
