"""The table of names: against captures of OTP's EPMD, and rule by rule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from epmd import DumpEntry, EpmdProtocolError, NodeEntry, NodeInfo, Registry
from epmd._listings import parse_names
from epmd._messages import (
    AliveRequest,
    DumpRequest,
    KillRequest,
    NamesRequest,
    PortRequest,
    RejectedAlive,
    Request,
    StopRequest,
    parse_port_reply,
    read_alive_reply,
    read_request,
)
from epmd._registry import MAX_DEAD_NAMES, Answer

DATA = Path(__file__).parents[1] / "data" / "epmd"
RUNS = [
    pytest.param(run, id=f"{label}-{'relaxed' if run['relaxed'] else 'strict'}")
    for label in ("otp25", "otp28")
    for run in json.loads((DATA / f"{label}.json").read_text())["runs"]
]
FIRST_FD = 5


class Replay:
    """A registry with file descriptors for connections, as the captured EPMD had."""

    def __init__(self, run: dict[str, Any]) -> None:
        self.registry = Registry(run["port"], relaxed=run["relaxed"])
        self.fds: dict[str, int] = {}
        self.spoke: set[str] = set()

    def send(self, conn: str, data: bytes, now: int) -> tuple[bytes, bool]:
        if conn not in self.fds:
            self.fds[conn] = next(
                fd for fd in range(FIRST_FD, 99) if fd not in self.fds.values()
            )
        answer = Answer()
        if conn not in self.spoke:
            try:
                request = read_request(bytearray(data))
                if request is not None:
                    fd = self.fds[conn]
                    answer = self.registry.answer(request, fd, local=True, now=now)
            except EpmdProtocolError:
                pass
        self.spoke.add(conn)
        if not answer.keep_open:
            self.close(conn)
        if answer.drop is not None:
            (dropped,) = (c for c, fd in self.fds.items() if fd == answer.drop)
            self.close(dropped)
        return answer.data, not answer.keep_open

    def close(self, conn: str) -> None:
        if conn in self.fds:
            self.spoke.discard(conn)
            self.registry.release(self.fds.pop(conn))


def clock(steps: list[dict[str, Any]], index: int) -> int:
    """Find the second in which EPMD made a creation, from what it told."""
    conn = steps[index]["conn"]
    for earlier, step in enumerate(steps[index:]):
        got = bytearray.fromhex(step.get("got", ""))
        if step["conn"] == conn and len(got) == 6 and (reply := read_alive_reply(got)):
            since = [s for s in steps[index : index + earlier] if _registers(s, conn)]
            return reply.creation - len(since)
    return 0


def _registers(step: dict[str, Any], conn: str) -> bool:
    got: str = step.get("got", "")
    return step["conn"] == conn and got.startswith(("7900", "7600"))


@pytest.mark.parametrize("run", RUNS)
def test_registry_answers_byte_for_byte_like_the_epmd_of_otp(
    run: dict[str, Any],
) -> None:
    replay = Replay(run)
    for index, step in enumerate(run["steps"]):
        if "close" in step:
            replay.close(step["conn"])
            continue
        now = clock(run["steps"], index)
        got = replay.send(step["conn"], bytes.fromhex(step["sent"]), now)
        expected = bytes.fromhex(step["got"]), step["closed"]
        assert got == expected, f"step {index}: {step['sent'][:60]}"


def creation(answer: Answer) -> int:
    reply = read_alive_reply(bytearray(answer.data))
    assert reply is not None
    assert reply.result == 0
    return reply.creation


def ask(registry: Registry, request: Request, owner: int = 1, now: float = 0) -> Answer:
    return registry.answer(request, owner, local=True, now=now)


def test_new_name_gets_the_clock_as_creation_and_a_known_one_the_next() -> None:
    registry = Registry(4369)
    node = AliveRequest(NodeInfo("a", 1))
    assert creation(ask(registry, node, 1, now=1000.9)) == 1000
    registry.release(1)
    assert creation(ask(registry, node, 2, now=5000)) == 1001


def test_creation_is_at_least_4_whatever_the_clock_says() -> None:
    registry = Registry(4369)
    for owner, now in enumerate([-1.0, 0.0, 3.9, 2.0**32]):
        assert registry.register(NodeInfo(f"n{owner}", 1), owner, now) == 4


def test_creation_wraps_from_the_largest_to_4() -> None:
    registry = Registry(4369)
    node = NodeInfo("a", 1)
    assert registry.register(node, 1, 2**32 - 1) == 2**32 - 1
    registry.release(1)
    assert registry.register(node, 2, 0) == 4


def test_old_node_gets_a_creation_of_1_to_3_in_turn() -> None:
    registry = Registry(4369)
    told = []
    for owner in range(4):
        answer = ask(registry, AliveRequest(NodeInfo("a", 1, high=5)), owner, now=900)
        assert answer.data[0] == 121
        told.append(creation(answer))
        registry.release(owner)
    assert told == [1, 2, 3, 1]


def test_duplicate_name_is_refused_and_the_connection_stays_without_a_name() -> None:
    registry = Registry(4369)
    ask(registry, AliveRequest(NodeInfo("a", 1)), 1)
    answer = ask(registry, AliveRequest(NodeInfo("a", 2)), 2)
    assert answer == Answer(bytes.fromhex("760100000063"), keep_open=True)
    assert not registry.owns(2)
    assert registry.names() == [NodeEntry("a", 1)]


@pytest.mark.parametrize(("high", "reply"), [(6, "760100000063"), (5, "79010063")])
def test_impossible_name_is_refused_in_the_form_the_node_understands(
    high: int, reply: str
) -> None:
    answer = ask(Registry(4369), RejectedAlive(high, "too long"))
    assert answer == Answer(bytes.fromhex(reply), keep_open=True)


def test_extra_data_and_type_are_given_to_who_looks_the_node_up() -> None:
    registry = Registry(4369)
    node = NodeInfo("hid", 9997, 72, extra=b"EXTRA")
    ask(registry, AliveRequest(node))
    answer = ask(registry, PortRequest("hid"), 2)
    assert parse_port_reply(answer.data) == node
    assert not answer.keep_open


def test_release_frees_the_name_once() -> None:
    registry = Registry(4369)
    registry.register(NodeInfo("a", 1), 1, 0)
    assert len(registry) == 1
    assert registry.release(1) == "a"
    assert registry.release(1) is None
    assert registry.lookup("a") is None
    assert len(registry) == 0


def test_dead_names_are_remembered_up_to_a_thousand_and_the_oldest_is_forgotten() -> (
    None
):
    registry = Registry(4369)
    for owner in range(MAX_DEAD_NAMES + 1):
        registry.register(NodeInfo(f"n{owner}", 1), owner, 100)
        registry.release(owner)
    assert len(registry.dump()) == MAX_DEAD_NAMES == 1000
    assert registry.register(NodeInfo("n0", 1), 1, 500) == 500
    assert registry.register(NodeInfo("n1", 1), 2, 500) == 101


def test_dump_lists_the_living_newest_first_and_then_the_dead() -> None:
    registry = Registry(4369)
    for owner, name in enumerate("abcd", 1):
        registry.register(NodeInfo(name, owner), owner, 0)
    registry.release(3)
    registry.release(1)
    assert registry.dump() == [
        DumpEntry("d", 4, 4, active=True),
        DumpEntry("b", 2, 2, active=True),
        DumpEntry("c", 3, 3, active=False),
        DumpEntry("a", 1, 1, active=False),
    ]


@pytest.mark.parametrize(
    "request_",
    [
        AliveRequest(NodeInfo("a", 1)),
        RejectedAlive(6, ""),
        DumpRequest(),
        KillRequest(),
        StopRequest("b"),
    ],
    ids=lambda request: type(request).__name__,
)
def test_remote_peer_gets_no_answer_to_what_is_for_local_ones(
    request_: Request,
) -> None:
    registry = Registry(4369, relaxed=True)
    registry.register(NodeInfo("b", 1), 9, 0)
    assert registry.answer(request_, 1, local=False, now=0) == Answer()
    assert registry.names() == [NodeEntry("b", 1)]


def test_remote_peer_may_ask_for_names_and_ports() -> None:
    registry = Registry(4369)
    registry.register(NodeInfo("b", 7), 9, 0)
    listed = registry.answer(NamesRequest(), 1, local=False, now=0)
    assert parse_names(listed.data) == [NodeEntry("b", 7)]
    found = registry.answer(PortRequest("b"), 1, local=False, now=0)
    assert parse_port_reply(found.data) == NodeInfo("b", 7)


@pytest.mark.parametrize(
    ("relaxed", "alive", "expected"),
    [
        (False, False, Answer(b"OK", shutdown=True)),
        (False, True, Answer(b"NO")),
        (True, True, Answer(b"OK", shutdown=True)),
    ],
)
def test_kill_needs_that_nobody_is_registered_or_leave(
    relaxed: bool, alive: bool, expected: Answer
) -> None:
    registry = Registry(4369, relaxed=relaxed)
    if alive:
        registry.register(NodeInfo("b", 7), 9, 0)
    assert ask(registry, KillRequest()) == expected


@pytest.mark.parametrize(
    ("relaxed", "name", "expected"),
    [
        (False, "b", Answer()),
        (True, "b", Answer(b"STOPPED", drop=9)),
        (True, "nobody", Answer(b"NOEXISTSTOPPED")),
    ],
)
def test_stop_needs_leave_and_drops_the_connection(
    relaxed: bool, name: str, expected: Answer
) -> None:
    registry = Registry(4369, relaxed=relaxed)
    registry.register(NodeInfo("b", 7), 9, 0)
    assert ask(registry, StopRequest(name)) == expected
    assert registry.owns(9) is (expected.drop is None)
