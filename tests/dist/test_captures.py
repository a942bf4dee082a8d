"""What OTP 25 and OTP 28 did, again: handshakes and everything on a link."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import etf
from ergopy.dist.control import problem
from ergopy.dist.flags import WITH_HEADER, Flag
from ergopy.dist.handshake import (
    Acceptor,
    Connected,
    Connector,
    Event,
    Identity,
    NameReceived,
    Verified,
)

if TYPE_CHECKING:
    from collections.abc import Callable

RELEASES = pytest.mark.parametrize("release", [25, 28])
STEPS = pytest.mark.parametrize("step", [1, 5, 4096])


def dialled_again(
    capture: Callable[[str], Any], title: str, step: int, *, named: bool = True
) -> tuple[dict[str, Any], Connected]:
    """Go through a handshake again, *step* bytes at a time; ours have to be the same.

    Returns what the capture says of it, and what it comes to.
    """
    theirs, about = capture(f"{title}_received")
    ours, _ = capture(f"{title}_sent")
    name, creation = (about["name"], 5) if named else ("127.0.0.1", 0)
    me = Identity(name, creation, Flag(about["flags"]))
    cookie, challenge = about["cookie"], about["challenge"]
    machine = Connector(me, about["peer"], cookie, challenge=challenge)
    events: list[Event] = []
    for start in range(0, len(theirs), step):
        events += machine.receive_data(theirs[start : start + step])
    assert machine.data_to_send() == ours
    (event,) = events
    assert isinstance(event, Connected)
    return about, event


@RELEASES
@STEPS
def test_dialling_a_beam_again_gives_the_same_bytes(
    release: int, step: int, capture: Callable[[str], Any]
) -> None:
    title = f"handshake_dialled_{release}"
    about, event = dialled_again(capture, title, step)
    assert event.peer == about["peer"]
    assert not event.flags & Flag.PUBLISHED
    assert event.surplus == b""


@RELEASES
@STEPS
@pytest.mark.parametrize("case", ["unnamed", "renamed"])
def test_getting_a_name_from_a_beam_again_gives_the_same_bytes(
    case: str, release: int, step: int, capture: Callable[[str], Any]
) -> None:
    title = f"handshake_{case}_{release}"
    about, event = dialled_again(capture, title, step, named=False)
    assert (event.name, event.own_creation) == (about["name"], about["creation"])
    assert event.name.endswith("@127.0.0.1")
    assert not event.flags & (Flag.PUBLISHED | Flag.NAME_ME)


@RELEASES
def test_a_beam_gives_a_name_again_with_the_next_creation(
    release: int, capture: Callable[[str], Any]
) -> None:
    first = capture(f"handshake_unnamed_{release}_received")[1]
    second = capture(f"handshake_renamed_{release}_received")[1]
    assert second["name"] == first["name"]
    assert second["creation"] == first["creation"] + 1


@RELEASES
@STEPS
@pytest.mark.parametrize("case", ["accepted", "named"])
def test_being_dialled_by_a_beam_again_gives_the_same_bytes(
    case: str, release: int, step: int, capture: Callable[[str], Any]
) -> None:
    theirs, about = capture(f"handshake_{case}_{release}_received")
    ours, _ = capture(f"handshake_{case}_{release}_sent")
    me = Identity(about["name"], 5, Flag(about["flags"]))
    peer = about["peer"]
    machine = Acceptor(me, challenge=about["challenge"])
    last: Event | None = None
    for start in range(0, len(theirs), step):
        events = machine.receive_data(theirs[start : start + step])
        for last in events:
            if isinstance(last, NameReceived):
                assert last.dynamic == (case == "named")
                if last.dynamic:
                    events += machine.give_name(peer, 77, cookie=about["cookie"])
                else:
                    events += machine.accept(cookie=about["cookie"])
            elif isinstance(last, Verified):
                events += machine.confirm()
    assert machine.data_to_send() == ours
    assert isinstance(last, Connected)
    assert last.peer == peer


@RELEASES
@STEPS
@pytest.mark.parametrize("style", ["header", "pass_through"])
def test_a_link_of_a_beam_is_understood(
    link: Any,
    style: str,
    release: int,
    step: int,
    capture: Callable[[str], Any],
) -> None:
    data, about = capture(f"link_{style}_{release}")
    assert (style == "header") == bool(about["flags"] & WITH_HEADER)
    decoder = link.LinkDecoder(header=style == "header")
    operations = []
    for start in range(0, len(data), step):
        operations += decoder.receive_data(data[start : start + step])
    assert decoder.error is None
    assert [control[0] for control, _ in operations] == about["ops"]
    assert [problem(control) for control, _ in operations] == [None] * len(operations)
    check_messages(operations, about)


def check_messages(
    operations: list[tuple[tuple[Any, ...], Any]], about: dict[str, Any]
) -> None:
    by_number: dict[int, list[tuple[tuple[Any, ...], Any]]] = {}
    for control, message in operations:
        by_number.setdefault(control[0], []).append((control, message))
    atom = etf.Atom
    sender = by_number[22][0][0][1]
    us = etf.Pid(atom(about["name"]), 7, 0, 5)
    assert sender.node == about["peer"]
    messages = [message for _, message in by_number[22]]
    hello = atom("hello")
    assert messages[0] == (hello, [1, 2, 3], b"bin", {atom("a"): 1.5})
    assert messages[1] == (hello, atom("again"), sender)
    *_, long_atom, big, atoms, done = messages
    assert long_atom == atom("€" * 200)
    assert big == b"\7" * 150_000
    assert atoms == [atom(f"atom{n}") for n in range(1, 301)]
    assert done == "done"
    name = atom("py")
    assert by_number[6] == [((6, sender, atom(""), name), atom("to_name"))]
    assert by_number[26] == [((26, sender, us), (atom("bad"), atom("reason")))]
    assert by_number[24] == [((24, sender, us), (atom("shutdown"), [1, 2]))]
    ((traced, message),) = by_number[23]
    assert traced[:3] == (23, sender, us)
    assert message == "traced"
    ((request, arguments),) = by_number[29]
    assert request[4] == (atom("m"), atom("f"), 2)
    assert request[5][:2] == [atom("monitor"), atom("link")]
    assert arguments == [atom("a"), 1]


@RELEASES
@STEPS
def test_what_a_beam_sends_under_load_is_understood(
    link: Any, release: int, step: int, capture: Callable[[str], Any]
) -> None:
    """Atoms that evict each other, 255 of them at once, long ones, and fragments."""
    data, _ = capture(f"link_bulk_{release}")
    decoder = link.LinkDecoder(header=True)
    operations = []
    for start in range(0, len(data), step):
        operations += decoder.receive_data(data[start : start + step])
    assert decoder.error is None
    messages = [message for control, message in operations if control[0] == 22]
    *small, done = [message for message in messages if message[0] != "big"]
    assert done == "done"
    assert small == [
        *[
            ("evicted", bulk(range(start, start + 100)))
            for start in range(1, 4000, 100)
        ],
        ("again", bulk(range(1, 4001, 17))),
        *[("many", bulk(range(1, n + 1))) for n in (0, 1, 2, 253, 254, 255, 300)],
        ("long", [etf.Atom("€" * n) for n in (1, 85, 86, 255)]),
    ]
    for sender in (1, 2):
        assert [m[2:] for m in messages if m[:2] == ("big", sender)] == [
            (n, bytes([sender]) * (60_000 + 10_000 * n), etf.Atom(f"bulk{n}"))
            for n in (1, 2)
        ]


def bulk(numbers: range) -> list[etf.Atom]:
    return [etf.Atom(f"bulk{number}") for number in numbers]
