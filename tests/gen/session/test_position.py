"""What one side may do when: tables, and walks of two sides that are duals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import etf
from ergopy import Atom, WrongStep
from ergopy.gen.session import Again, Choose, End, Offer, Protocol, Rec, Recv, Send
from ergopy.gen.session.position import Position
from tests.gen.session.strategies import LABELS, VALUES, protocols


@etf.struct("Elixir.Shop.Order")
@dataclass
class Order:
    sku: str
    count: int = 1


def test_a_recursion_goes_on_where_it_began() -> None:
    position = Position(Rec("more", Send(int) >> Choose(on=Again("more"), off=End)))
    for _ in range(3):
        position.send(1)
        position.choose("on")
    assert position.expected == "Send(int)"
    position.send(1)
    position.choose("off")
    assert position.at_end
    assert position.expected == "End"


def test_the_innermost_recursion_of_a_name_is_meant() -> None:
    inner = Rec("x", Recv(int) >> Again("x"))
    position = Position(Rec("x", Send(int) >> inner))
    position.send(1)
    for _ in range(2):
        assert position.receive(2) == 2
    assert position.expected == "Recv(int)"


def test_an_outer_recursion_can_be_gone_back_to() -> None:
    protocol = Rec(
        "out", Send(int) >> Rec("in", Offer(a=Again("out"), b=Again("in"), c=End))
    )
    position = Position(protocol)
    position.send(1)
    position.offer("b")
    position.offer("a")
    assert position.expected == "Send(int)"


@pytest.mark.parametrize(
    ("protocol", "step"),
    [
        (Send(int) >> End, lambda p: p.receive(1)),
        (Send(int) >> End, lambda p: p.choose("a")),
        (Send(int) >> End, lambda p: p.offer("a")),
        (Recv(int) >> End, lambda p: p.send(1)),
        (Choose(a=End), lambda p: p.offer("a")),
        (Choose(a=End), lambda p: p.choose("b")),
        (Choose(a=End), lambda p: p.send(Atom("a"))),
        (Offer(a=End), lambda p: p.choose("a")),
        (Offer(a=End), lambda p: p.offer("b")),
        (Offer(a=End), lambda p: p.offer(1)),
        (End, lambda p: p.send(1)),
        (End, lambda p: p.receive(1)),
    ],
)
def test_what_does_not_come_next_is_refused_and_moves_nothing(
    protocol: Protocol, step: Any
) -> None:
    position = Position(protocol)
    with pytest.raises(WrongStep) as caught:
        step(position)
    assert caught.value.expected == position.expected
    assert position.step is protocol


@pytest.mark.parametrize(
    ("of", "value"),
    [
        (int, "1"),
        (int, True),
        (int, 1.0),
        (str, 1),
        (str, Atom("text")),
        (bytes, 1),
        (list[int], [1, "2"]),
        (Order, {"sku": "a"}),
        (Literal["a", "b"], Atom("c")),
        (int | None, "x"),
    ],
)
def test_a_value_of_another_type_is_refused_on_both_sides(of: Any, value: Any) -> None:
    sending, receiving = Position(Send(of) >> End), Position(Recv(of) >> End)
    for step in (sending.send, receiving.receive):
        with pytest.raises(WrongStep):
            step(value)
    assert not sending.at_end
    assert not receiving.at_end


@pytest.mark.parametrize(
    ("of", "value"),
    [
        (int, 1),
        (str, "text"),
        (bytes, b"\xff"),
        (Atom, Atom("a")),
        (Any, ("anything", [1.5])),
        (list[str], ["a", "b"]),
        (int | None, None),
        (Order, Order("a", 2)),
        (tuple[int, str], (1, "x")),
    ],
)
def test_a_value_arrives_as_what_the_annotation_says_also_by_the_wire(
    of: Any, value: Any
) -> None:
    term = Position(Send(of) >> End).send(value)
    assert Position(Recv(of) >> End).receive(term) == value
    wired = etf.decode(etf.encode(term))
    if of is not Any:
        assert Position(Recv(of) >> End).receive(wired) == value


def test_the_error_names_the_place_in_the_value() -> None:
    with pytest.raises(WrongStep, match=r"\[1\]") as caught:
        Position(Send(list[int]) >> End).send([1, "2"])
    assert caught.value.got.startswith("send [1,")


@given(protocols(), st.data())
def test_a_walk_of_one_side_is_one_of_its_dual(
    protocol: Protocol, data: st.DataObject
) -> None:
    ours, theirs = Position(protocol), Position(protocol.dual)
    for _ in range(30):
        if ours.at_end or theirs.at_end:
            break
        step = ours.step
        if isinstance(step, Send | Recv):
            value = data.draw(st.sampled_from(VALUES[step.of]))
            one, other = (ours, theirs) if isinstance(step, Send) else (theirs, ours)
            assert other.receive(one.send(value)) == value
        else:
            assert isinstance(step, Choose | Offer)
            label = data.draw(st.sampled_from(sorted(step.branches)))
            one, other = (ours, theirs) if isinstance(step, Choose) else (theirs, ours)
            one.choose(label)
            other.offer(label)
    assert ours.at_end == theirs.at_end


@given(protocols(), st.data())
def test_every_illegal_step_is_refused_where_it_is_made(
    protocol: Protocol, data: st.DataObject
) -> None:
    """All that can be tried is tried in each position of a random walk."""
    position = Position(protocol)
    for _ in range(10):
        legal = list(_legal(position))
        names = set(map(repr, legal))
        for did in _everything():
            if repr(did) not in names:
                before = position.step
                with pytest.raises(WrongStep):
                    _do(position, did)
                assert position.step is before
        if not legal:
            break
        _do(position, data.draw(st.sampled_from(legal)))


def _everything() -> list[tuple[str, Any]]:
    values = [value for some in VALUES.values() for value in some]
    tried = [(verb, value) for verb in ("send", "receive") for value in values]
    return tried + [(verb, label) for verb in ("choose", "offer") for label in LABELS]


def _legal(position: Position) -> list[tuple[str, Any]]:
    step = position.step
    if isinstance(step, Send | Recv):
        verb = "send" if isinstance(step, Send) else "receive"
        return [(verb, value) for value in VALUES[step.of]]
    if isinstance(step, Choose | Offer):
        verb = "choose" if isinstance(step, Choose) else "offer"
        return [(verb, str(label)) for label in step.branches]
    return []


def _do(position: Position, did: tuple[str, Any]) -> None:
    verb, value = did
    getattr(position, verb)(value)
