"""Declared classes made by the decoder, on both codecs and on a link."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pytest

import etf
from ergopy.dist.framing import LinkDecoder as PureDecoder
from ergopy.dist.framing import LinkEncoder
from ergopy.dist.link import LinkDecoder
from etf import Atom, DecodeOptions, converters
from tests.etf.mapping.shop import Line, Order, Sku, Tree, User, struct

A = Atom
LINE = Line(Sku(A("a")))
ORDER = Order(1, "x", [LINE])
OPTIONS = DecodeOptions(structs=[Order], records=[Line], converters=converters.DATES)


@etf.struct("Elixir.Checked")
@dataclass(frozen=True)
class Checked:
    value: Any

    def __post_init__(self) -> None:
        if self.value == 13:
            raise RuntimeError("no luck")


def test_what_names_a_class_and_fits_becomes_an_instance(codec: Any) -> None:
    term = [ORDER, (A("ok"), {A("k"): LINE}), LINE, date(2020, 1, 1)]
    data = codec.encode(term, etf.EncodeOptions(converters=converters.DATES))
    assert codec.decode(data, OPTIONS) == term
    assert codec.decode_prefix(data, OPTIONS)[0] == term


@pytest.mark.parametrize(
    "term",
    [
        struct("Shop.Order", id=b"x", note=b""),
        struct("Shop.Order"),
        struct("Shop.Other", id=1),
        {A("__struct__"): 5},
        {A("__struct__"): [1]},
        (A("line"),),
        (A("line"), A("a"), 1),
        (A("line"), 5, 1, None),
        (),
        (1, 2, 3, 4),
        (b"line", A("a"), 1, None),
    ],
    ids=repr,
)
def test_anything_else_stays_what_it_is(codec: Any, term: Any) -> None:
    assert codec.decode(codec.encode([term]), OPTIONS) == [term]


def test_what_the_class_itself_refuses_stays_a_map(codec: Any) -> None:
    options = DecodeOptions(structs=[Checked])
    good, bad = codec.decode(
        codec.encode([Checked(12), struct("Checked", value=13)]), options
    )
    assert good == Checked(12)
    assert bad == struct("Checked", value=13)


def test_keys_become_instances_that_hash(codec: Any) -> None:
    data = codec.encode({LINE: 1, ORDER.lines[0].sku: 2})
    assert codec.decode(data, OPTIONS) == {LINE: 1, A("a"): 2}
    unhashable = codec.encode({etf.TermMap(struct("Shop.User", name=b"n")): 1})
    (key,) = codec.decode(unhashable, DecodeOptions(structs=[User]))
    assert type(key) is etf.TermMap


def test_nesting_below_the_limit_is_read_as_ever(codec: Any) -> None:
    term: Any = LINE
    for _ in range(900):
        term = [term]
    read = codec.decode(codec.encode(term), OPTIONS)
    for _ in range(900):
        (read,) = read
    assert read == LINE


def test_the_options_name_what_is_wrong() -> None:
    with pytest.raises(
        ValueError, match=r"structs: .*Tree.* not declared with @struct"
    ):
        DecodeOptions(structs=[Tree])
    with pytest.raises(ValueError, match=r"records: .*Order.* was not declared"):
        DecodeOptions(records=[Order])
    with pytest.raises(ValueError, match="structs"):
        DecodeOptions(structs=["Order"])  # type: ignore[list-item]
    assert replace(OPTIONS, strings="str").structs == (Order,)
    assert DecodeOptions().reviver is None
    etf.decode(etf.encode(1), OPTIONS)
    again = pickle.loads(pickle.dumps(OPTIONS))
    assert again == OPTIONS
    assert etf.decode(etf.encode(LINE), again) == LINE


@pytest.mark.parametrize("decoder", [PureDecoder, LinkDecoder], ids=["pure", "link"])
@pytest.mark.parametrize("header", [False, True])
def test_on_a_link_messages_are_revived_and_control_terms_are_not(
    decoder: Any, header: bool
) -> None:
    options = replace(OPTIONS, strings="str")
    link = decoder(header=header, options=options)
    # A control term that would be a record, with a binary: nobody's business but ours.
    control = (2, A(""), (A("line"), A("a"), 1, None), b"text")
    frame = LinkEncoder(header=header).frame(control, (LINE, b"text"))
    assert link.receive_data(frame * 2) == [(control, (LINE, "text"))] * 2
    assert link.error is None


@pytest.mark.parametrize("decoder", [PureDecoder, LinkDecoder], ids=["pure", "link"])
def test_a_bad_message_is_refused_as_ever(decoder: Any) -> None:
    link = decoder(header=True, options=OPTIONS)
    frame = LinkEncoder(header=True).frame((2, A(""), 1), LINE)
    assert isinstance(frame, bytes)
    cut = frame[:-1]
    assert link.receive_data((len(cut) - 4).to_bytes(4, "big") + cut[4:]) == []
    assert "truncated" in str(link.error)


@etf.struct("Elixir.Chain")
@dataclass(frozen=True)
class Chain:
    rest: Chain | list[Chain] | None = None
    value: int = 0


def test_what_does_not_fit_is_not_tried_again_for_all_around_it(codec: Any) -> None:
    tries = 0

    class Counted:
        @classmethod
        def __from_etf__(cls, term: Any) -> Counted:
            nonlocal tries
            tries += 1
            raise ValueError

    @etf.struct("Elixir.Link")
    @dataclass(frozen=True)
    class Link:
        rest: Any
        value: Any = None

    Link.__annotations__["rest"] = Link | None
    Link.__annotations__["value"] = Counted | None
    term: Any = struct("Link", rest=None, value=5)
    for _ in range(50):
        term = struct("Link", rest=term, value=None)
    assert codec.decode(codec.encode(term), DecodeOptions(structs=[Link])) == term
    assert tries == 1


def test_a_class_in_itself_is_made_at_every_depth(codec: Any) -> None:
    chain = None
    for value in range(400):
        chain = Chain([chain] if value % 2 and chain else chain, value)
    data = codec.encode(chain)
    made = codec.decode(data, DecodeOptions(structs=[Chain]))
    assert codec.encode(made) == data
    for value in reversed(range(400)):
        assert type(made) is Chain
        assert made.value == value
        made = made.rest[0] if isinstance(made.rest, list) else made.rest
