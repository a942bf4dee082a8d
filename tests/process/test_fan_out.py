"""One message to many destinations, of this node and of others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

import etf
from ergopy import (
    Atom,
    LocalProtocolError,
    NoProcess,
    NotRegistered,
    Pid,
    Reference,
    Via,
)
from tests.runtimes import mail, sleeper

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


class Way:
    """The way to another node: keeps what is sent, and counts encodings."""

    def __init__(self, name: str, encoded: list[Any]) -> None:
        self.name = name
        self.encoded = encoded
        self.sent: list[tuple[Any, bytes]] = []
        self.full = False

    def is_ready(self, sender: Any) -> bool:
        return True

    def has_room(self, sender: Any) -> bool:
        return not self.full

    def encode(self, message: Any) -> bytes:
        self.encoded.append(message)
        return etf.encode(message)

    def send_many(self, sender: Pid, targets: list[Any], payload: bytes) -> None:
        self.sent += [(target, etf.decode(payload)) for target in targets]


@pytest.fixture
def ways(runtime: Runtime) -> dict[str, Way]:
    encoded: list[Any] = []
    known = {name: Way(name, encoded) for name in ("one@host", "two@host")}
    runtime._remote_node = lambda name: known[name]  # type: ignore[assignment, return-value]
    return known


def pid(node: str, number: int) -> Pid:
    return Pid(node, number, 0, 1)


async def test_it_is_encoded_once_for_all_nodes(
    runtime: Runtime, ways: dict[str, Way]
) -> None:
    here = sleeper(runtime, name="here")
    alias = Reference("two@host", 1, (1, 2, 3))
    dests: list[Any] = [pid("one@host", n) for n in range(3)]
    dests += [pid("two@host", 7), ("bob", "two@host"), here.pid, "here", alias]
    await runtime.root.send(dests, (1, b"x"))
    runtime.root.send_nowait(dests, (1, b"x"))
    assert ways["one@host"].encoded == [(1, b"x")] * 2
    assert ways["one@host"].sent == [(d, (1, b"x")) for d in dests[:3]] * 2
    assert (
        ways["two@host"].sent
        == [(dests[3], (1, b"x")), ("bob", (1, b"x")), (alias, (1, b"x"))] * 2
    )
    assert mail(here) == [(1, b"x")] * 4


async def test_nothing_is_encoded_for_processes_of_this_node(
    runtime: Runtime, ways: dict[str, Way]
) -> None:
    some = [sleeper(runtime) for _ in range(3)]
    message = object()
    await runtime.root.send([p.pid for p in some], message)
    assert [mail(p) for p in some] == [[message]] * 3
    assert ways["one@host"].encoded == []


async def test_what_is_no_term_is_sent_to_nobody(
    runtime: Runtime, ways: dict[str, Way]
) -> None:
    here = sleeper(runtime)
    dests = [here.pid, pid("one@host", 1)]
    with pytest.raises(etf.EncodeError):
        await runtime.root.send(dests, object())
    with pytest.raises(etf.EncodeError):
        runtime.root.send_nowait(dests, object())
    assert mail(here) == []


async def test_a_destination_that_is_none_is_found_before_anything_is_sent(
    runtime: Runtime, ways: dict[str, Way]
) -> None:
    here = sleeper(runtime)
    with pytest.raises(LocalProtocolError):
        await runtime.root.send([here.pid, 42], "x")
    assert mail(here) == []


async def test_a_name_that_nobody_has_keeps_nothing_from_the_others(
    runtime: Runtime, ways: dict[str, Way]
) -> None:
    here = sleeper(runtime)
    with pytest.raises(NotRegistered):
        await runtime.root.send(["nobody", here.pid, pid("one@host", 1)], Atom("x"))
    assert mail(here) == ["x"]
    assert len(ways["one@host"].sent) == 1


async def test_a_full_connection_keeps_nothing_from_the_others(
    runtime: Runtime, ways: dict[str, Way]
) -> None:
    ways["one@host"].full = True
    with pytest.raises(trio.WouldBlock):
        runtime.root.send_nowait([pid("one@host", 1), pid("two@host", 1)], Atom("x"))
    assert ways["one@host"].sent == []
    assert len(ways["two@host"].sent) == 1


async def test_a_cast_goes_to_many_as_well(
    runtime: Runtime, ways: dict[str, Way]
) -> None:
    here = sleeper(runtime)
    await runtime.root.cast([here.pid, "nobody", pid("one@host", 1)], 5)
    assert mail(here) == [("$gen_cast", 5)]
    assert ways["one@host"].sent == [(pid("one@host", 1), ("$gen_cast", 5))]


async def test_a_priority_message_to_many_reaches_the_others_of_a_bad_one(
    runtime: Runtime,
) -> None:
    target = sleeper(runtime)
    with pytest.raises(NotRegistered):
        await runtime.root.send(["nobody", target.pid], "x", priority=True)
    assert mail(target) == ["x"]
    with pytest.raises(LocalProtocolError):
        await runtime.root.send([target.pid, 5.0], "y", priority=True)
    assert mail(target) == ["x"]


async def test_a_via_name_that_leads_nowhere_keeps_the_message_from_nobody(
    runtime: Runtime, ways: dict[str, Way]
) -> None:
    here = sleeper(runtime)
    lost = Via("no_such_registry", "key")
    dests = [lost, here.pid, pid("one@host", 1)]
    with pytest.raises(NoProcess):
        await runtime.root.send(dests, 1)
    await runtime.root.cast(dests, 2)
    assert mail(here) == [1, ("$gen_cast", 2)]
    assert [message for _, message in ways["one@host"].sent] == mail(here)
