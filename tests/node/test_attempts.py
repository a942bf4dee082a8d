"""Making a connection: who is asked, who waits, who goes first, what can go wrong."""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

import epmd
import ergopy
from ergopy import Atom, Down
from ergopy.dist.link import LinkEncoder
from ergopy.node.dispatch import Dispatcher
from tests.node.fakes import Resolver
from tests.node.raw_node import is_closed, until
from tests.nodes import COOKIE, unique_name

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.node.raw_node import MakeRaw

    MakeNode = Callable[..., Awaitable[ergopy.Node]]

settle = trio.testing.wait_all_tasks_blocked


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (None, ergopy.NodeNotFound, "no such name"),
        (OSError("the network is down"), ergopy.ConnectError, "network is down"),
        (epmd.EpmdProtocolError("that is no EPMD"), ergopy.ConnectError, "no EPMD"),
        (epmd.EpmdValueError("name", "x", "too odd"), ergopy.ConnectError, "too odd"),
        (ValueError("no such thing"), ergopy.ConnectError, "no such thing"),
        (ergopy.NodeNotFound("x@y", "mine"), ergopy.NodeNotFound, "mine"),
        (("127.0.0.1", 1), ergopy.NodeNotFound, "nobody listens"),
        (("no..host", 1), ergopy.NodeNotFound, "nobody listens"),
        ("never", ergopy.ConnectError, "within 7 s"),
    ],
)
async def test_why_a_node_is_not_found_is_said_and_asked_anew_each_time(
    make_node: MakeNode,
    caplog: pytest.LogCaptureFixture,
    loopback_clock: trio.testing.MockClock,
    answer: Any,
    error: type[Exception],
    words: str,
) -> None:
    resolver = Resolver(answer)
    node = await make_node(epmd="off", resolver=resolver)
    for attempt in (1, 2):
        with pytest.raises(error, match=words):
            await node.connect("absent@127.0.0.1")
        assert resolver.asked == attempt
    assert "Traceback" not in caplog.text
    assert node.connections.peers == {}


@pytest.mark.parametrize("answer", [LookupError("a bug"), "nonsense", ("a", "b", "c")])
async def test_a_resolver_that_crashes_is_logged_and_costs_that_attempt_only(
    make_node: MakeNode, caplog: pytest.LogCaptureFixture, answer: Any
) -> None:
    node = await make_node(epmd="off", resolver=Resolver(answer))
    with pytest.raises(ergopy.ConnectError, match="crashed"):
        await node.connect("absent@127.0.0.1")
    assert "Traceback" in caplog.text
    assert await node.ping(node.name)


async def test_an_attempt_goes_on_when_its_only_waiter_is_cancelled(
    make_node: MakeNode,
) -> None:
    here, there = await make_node(), await make_node()
    with trio.move_on_after(0) as scope:
        await here.connect(there.name)
    assert scope.cancelled_caught
    await until(here.nodes)


async def test_what_depends_on_a_node_that_is_not_there_gets_noconnection_once(
    make_node: MakeNode,
) -> None:
    resolver = Resolver()
    node = await make_node(epmd="off", resolver=resolver)
    changes: list[Any] = []
    node.runtime.node_watchers.append(lambda *change: changes.append(change))
    noconnection = Atom("noconnection")
    pid = ergopy.Pid(Atom("absent@127.0.0.1"), 1, 0, 1)
    done = trio.Event()

    async def body(proc: ergopy.Process) -> None:
        proc.trap_exit = True
        refs = [proc.monitor_nowait(pid), proc.monitor_nowait(("x", pid.node))]
        proc.link_nowait(pid)
        proc.send_nowait(pid, 1)
        await proc.send(pid, 2)
        assert await proc.receive() == (Atom("EXIT"), pid, noconnection)
        downs = [await proc.receive() for _ in refs]
        assert downs == [
            Down(refs[0], pid, noconnection),
            Down(refs[1], (Atom("x"), pid.node), noconnection),
        ]
        with pytest.raises(ergopy.ReceiveTimeout):
            await proc.receive(timeout=0)
        done.set()

    await node.spawn(body)
    await done.wait()
    assert resolver.asked == 1
    assert changes == []
    assert node.connections.peers == {}


async def test_a_watcher_that_dials_again_makes_no_tight_loop(
    make_node: MakeNode, make_raw: MakeRaw
) -> None:
    raw = await make_raw(unique_name("raw"))
    resolver = Resolver([raw.address, None, None, None])
    node = await make_node(epmd="off", resolver=resolver)

    def dial_again(name: str, up: bool) -> None:
        if not up:
            node.send_nowait(("x", name), 1)

    node.runtime.node_watchers.append(dial_again)
    await node.connect(raw.name)
    node.disconnect(raw.name)
    await settle()
    assert resolver.asked == 2


async def test_a_name_that_nobody_refers_to_costs_nothing(make_node: MakeNode) -> None:
    node = await make_node(epmd="off", resolver=Resolver())
    for number in range(50):
        node.send_nowait(("x", f"absent{number}@127.0.0.1"), 1)
    assert len(node.connections.peers) == 50
    await settle()
    assert len(node.connections.peers) == 0
    assert len(node.connections._others) == 0


async def test_a_peer_that_somebody_waits_for_stays_the_same(
    make_node: MakeNode,
) -> None:
    node = await make_node(epmd="off", resolver=Resolver())
    peer = node.connections.peer("absent@127.0.0.1")
    assert not await peer.ready(node.runtime.root.pid)
    assert node.connections.peer("absent@127.0.0.1") is peer


async def test_an_allow_list_holds_in_both_directions(
    make_node: MakeNode, make_raw: MakeRaw
) -> None:
    friend, stranger = unique_name("friend"), await make_node()
    node = await make_node(allow=[friend])
    await make_node(friend)
    await node.connect(friend)
    with pytest.raises(ergopy.NotAllowed, match="allow="):
        await node.connect(stranger.name)
    with pytest.raises(ergopy.NotAllowed):
        await stranger.connect(node.name)
    nameless = await make_raw("127.0.0.1")
    with pytest.raises(ergopy.NotAllowed):
        await nameless.dial(node, nameless=True)


async def test_only_who_knows_the_cookie_ends_the_old_connection(
    make_node: MakeNode, make_raw: MakeRaw
) -> None:
    node = await make_node()
    raw = await make_raw(unique_name("raw"))
    changes: list[Any] = []
    node.runtime.node_watchers.append(lambda *change: changes.append(change))
    first = await raw.dial(node)
    await until(node.nodes)
    stranger = await make_raw(raw.name, cookie="another")
    with pytest.raises(ergopy.CookieMismatch):
        await stranger.dial(node)
    assert changes == [(raw.name, True)]
    second = await raw.dial(node)
    assert await is_closed(first)
    await until(lambda: len(changes) == 3)
    assert changes == [(raw.name, True), (raw.name, False), (raw.name, True)]
    assert node.nodes() == [raw.name]
    second.close()


async def test_disconnecting_during_a_handshake_is_none(
    make_node: MakeNode, make_raw: MakeRaw
) -> None:
    raw = await make_raw(unique_name("raw"), status=None)
    node = await make_node(epmd="off", routes={raw.name: raw.address})
    node.send_nowait(("x", raw.name), 1)
    await until(lambda: raw.asked)
    assert not node.disconnect(raw.name)
    assert not node.disconnect("absent@127.0.0.1")


async def test_a_connection_that_is_ready_too_late_is_closed(
    make_node: MakeNode, make_raw: MakeRaw
) -> None:
    name = unique_name()
    raw = await make_raw(unique_name("raw"))
    async with ergopy.Node(name, cookie=COOKIE) as node:
        connections = node.connections
        await raw.dial(node)
        await until(node.nodes)
        connections.close_all()
        ours, theirs = socket.socketpair()
        connections.established(ours, raw.links[0])
        assert theirs.recv(1) == b""
        theirs.close()
    assert await is_closed(raw.socks[0])


async def test_a_broken_rule_is_logged_once_and_ends_that_connection_only(
    make_node: MakeNode, make_raw: MakeRaw, caplog: pytest.LogCaptureFixture
) -> None:
    node = await make_node()
    good, bad = await make_raw(unique_name("raw")), await make_raw(unique_name("raw"))
    for raw in (good, bad):
        await raw.dial(node)
    await until(lambda: len(node.nodes()) == 2)
    with caplog.at_level(logging.INFO):
        bad.socks[0].send(b"\0\0\0\2\x70\x83")
        assert await is_closed(bad.socks[0])
        await until(lambda: len(node.nodes()) == 1)
    records = [r for r in caplog.records if bad.name in r.getMessage()]
    assert [r.levelno for r in records] == [logging.WARNING]
    assert "closing the connection" in records[0].getMessage()
    assert node.nodes() == [good.name]


async def test_who_waits_for_a_peer_that_breaks_a_rule_is_told_at_once(
    make_node: MakeNode, make_raw: MakeRaw
) -> None:
    node, raw = await make_node(), await make_raw(unique_name("raw"))
    sock = await raw.dial(node)
    await until(node.nodes)
    told: list[Any] = []

    async def ask(proc: ergopy.Process, verb: str) -> None:
        try:
            if verb == "call":
                await proc.call(("x", raw.name), 1, timeout=None)
            elif verb == "rpc":
                await proc.rpc(raw.name, "erlang", "node", [], timeout=None)
            elif verb == "monitor":
                await proc.monitor(("x", raw.name))
                told.append((await proc.receive())[4])
            else:
                options = {verb: True}
                await proc.remote_spawn(raw.name, "m", "f", [], timeout=None, **options)
        except (ergopy.NodeDown, ergopy.RpcError) as error:
            told.append(type(error).__name__)

    verbs = ["call", "rpc", "monitor", "link"]
    asking = [await node.spawn(ask, verb) for verb in verbs]
    with trio.fail_after(30):
        await settle()
        assert not told
        sock.send(b"\0\0\0\2\x70\x83")
        await until(lambda: len(told) == len(verbs))
        await until(lambda: not any(map(node.runtime.find, asking)))
        assert await is_closed(sock)
    assert sorted(told) == ["NodeDown", "NodeDown", "RpcError", "noconnection"]


async def test_a_crash_of_a_connection_is_logged_and_is_the_loss_of_that_peer(
    make_node: MakeNode,
    make_raw: MakeRaw,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(self: Any, packets: Any) -> None:
        raise LookupError("a bug")

    monkeypatch.setattr(Dispatcher, "deliver", fail)
    node = await make_node()
    raw = await make_raw(unique_name("raw"))
    await raw.dial(node)
    await until(node.nodes)
    raw.socks[0].send(LinkEncoder(header=True).control((5,)))
    assert await is_closed(raw.socks[0])
    await until(lambda: not node.nodes())
    assert await node.ping(node.name)
    assert "a bug" in caplog.text
