"""Protocols as data: how they are written, their dual, and which ones can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given

from ergopy.gen.session import (
    Again,
    Choose,
    End,
    Offer,
    Protocol,
    Rec,
    Recv,
    Send,
)
from tests.gen.session.strategies import protocols


@dataclass
class Order:
    sku: str


SHOP = Rec("go", Choose(buy=Send(Order) >> Recv(str) >> Again("go"), leave=End))


@pytest.mark.parametrize(
    ("protocol", "text"),
    [
        (End, "End"),
        (Send(int) >> End, "Send(int) >> End"),
        (Send(int) >> Recv(str) >> End, "Send(int) >> Recv(str) >> End"),
        (Send(list[int]) >> End, "Send(list[int]) >> End"),
        (Send(int | None) >> End, "Send(int | None) >> End"),
        (Offer(b=End, a=End), "Offer(a=End, b=End)"),
        (
            SHOP,
            "Rec(go, Choose(buy=Send(Order) >> Recv(str) >> Again(go), leave=End))",
        ),
    ],
)
def test_a_protocol_is_shown_as_it_is_written(protocol: Protocol, text: str) -> None:
    assert str(protocol) == repr(protocol) == text


def test_the_dual_has_each_step_from_the_other_side() -> None:
    assert SHOP.dual == Rec(
        "go", Offer(buy=Recv(Order) >> Send(str) >> Again("go"), leave=End)
    )


def test_steps_may_be_put_together_in_any_order() -> None:
    first = Send(int) >> Recv(int)
    assert (first >> End) == (Send(int) >> (Recv(int) >> End))
    assert first.then == Recv(int)


def test_protocols_are_equal_if_they_say_the_same() -> None:
    assert Choose(a=End, b=End) == Choose({"b": End, "a": End})
    assert hash(Choose(a=End, b=End)) == hash(Choose({"b": End, "a": End}))
    assert Choose(a=End) != Offer(a=End)
    one: Protocol = Send(int)
    assert one != Recv(int)
    assert Choose(a=End) != 1


@pytest.mark.parametrize("before", [End, Choose(a=End), Again("x"), Rec("x", End)])
def test_nothing_can_follow_an_end(before: Protocol) -> None:
    with pytest.raises(TypeError, match="nothing can follow"):
        before >> Send(int)


def test_only_a_protocol_can_follow() -> None:
    wrong: Any = int
    with pytest.raises(TypeError):
        Send(int) >> wrong


def test_a_choice_has_branches() -> None:
    with pytest.raises(ValueError, match="without branches"):
        Choose()


@pytest.mark.parametrize(
    ("protocol", "problem"),
    [
        (Send(int), "does not go on"),
        (Send(int) >> Recv(int), "does not go on"),
        (Choose(a=End, b=Send(int)), "does not go on"),
        (Again("x"), "not inside of a Rec"),
        (Rec("x", Send(int) >> Again("y")), "not inside of a Rec"),
        (Rec("x", Again("x")), "for ever"),
        (Rec("x", Rec("y", Again("x"))), "for ever"),
        (Rec("x", Send(int) >> Rec("x", Again("x"))), "for ever"),
    ],
)
def test_a_protocol_that_comes_to_no_end_is_refused(
    protocol: Protocol, problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        protocol.check()
    with pytest.raises(ValueError, match=problem):
        protocol.dual.check()


@pytest.mark.parametrize(
    "protocol",
    [
        End,
        SHOP,
        Rec("x", Send(int) >> Again("x")),
        Rec("x", Send(int) >> Rec("y", Offer(a=Again("x"), b=Again("y"), c=End))),
        Rec("x", Send(int) >> Rec("x", Recv(int) >> Again("x"))),
    ],
)
def test_a_protocol_that_keeps_the_rules_is_fine(protocol: Protocol) -> None:
    protocol.check()


@given(protocols())
def test_the_dual_of_the_dual_is_the_protocol(protocol: Protocol) -> None:
    protocol.check()
    protocol.dual.check()
    assert protocol.dual.dual == protocol
    assert str(protocol.dual.dual) == str(protocol)
