"""Typed messages with real structs and records on the other side."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest

import ergopy
import etf
from ergopy import Atom, Client
from etf import converters

from .typed import (
    SHOP,
    Line,
    Order,
    RecordLine,
    RecordOrder,
    Shop,
    Till,
)

A = Atom
RECORD = RecordOrder(7, [RecordLine(A("tea")), RecordLine(A("jam"), 3)])
ORDER = Order(
    id=5,
    note="grün",
    photo=b"\xff\0",
    price=Decimal("12.50"),
    placed_at=datetime(2024, 7, 1, 10, 0, 0, 123456, UTC),
    tags=frozenset({"a", "b"}),
    link=urlsplit("https://u@example.org:8443/p?q=1#f"),
    lines=[Line(A("tea")), Line(A("jam"), 3)],
    class_=A("first"),
)


@pytest.fixture
async def till(node) -> Any:
    return await node.start(Till, name="till")


@pytest.fixture
async def shop(elixir) -> Any:
    """An Elixir node on which the modules of the shop are."""
    await elixir.elixir(SHOP)
    return elixir


async def test_a_record_of_erlang_becomes_an_instance(beam, node):
    module = "ergopy_peer_records"
    term = await node.rpc(beam.name, module, "order", [])
    assert etf.convert(term, RecordOrder) == RECORD
    # Fields that were never set are undefined, which is None.
    empty = await node.rpc(beam.name, module, "empty", [])
    assert etf.convert(empty, RecordOrder) == RecordOrder(None)


async def test_an_instance_is_the_record_of_erlang(beam, node):
    module = "ergopy_peer_records"
    assert await node.rpc(beam.name, module, "same", [RECORD]) is True
    assert await node.rpc(beam.name, module, "total", [RECORD]) == 4
    assert await node.rpc(beam.name, module, "note", [RECORD]) == A("none")
    noted = RecordOrder(1, [], "text")
    assert await node.rpc(beam.name, module, "note", [noted]) == (A("some"), b"text")


async def test_erlang_calls_a_typed_handler_with_a_record(beam, node, till):
    source = "gen_server:call(Till, {total, ergopy_peer_records:order()})"
    assert await beam.run(source, Till=till) == 4
    source = "gen_server:call(Till, ergopy_peer_records:order())"
    assert await beam.run(source, Till=till) == 4


async def test_erlang_hears_what_does_not_fit(beam, node, till):
    source = "gen_server:call({till, Py}, {total, {order, 1, [{line, 3, 1}], nil}})"
    reply = await beam.run(source, Py=A(node.name))
    assert reply == (
        A("error"),
        (A("bad_request"), b"total.orders.lines[0].sku: expected an atom, got 3"),
    )
    assert await beam.run("gen_server:call({till, Py}, other)", Py=A(node.name)) == A(
        "other"
    )


async def test_a_node_makes_instances_of_what_it_receives(beam, node_options):
    decode = etf.DecodeOptions(strings="str", records=[RecordLine, RecordOrder])
    async with ergopy.Node(**node_options, decode=decode) as node:
        made = await node.rpc(beam.name, "ergopy_peer_records", "order", [])
        assert made == RECORD
        assert await node.rpc(beam.name, "erlang", "node", []) == beam.name
        # Its services still understand their peers.
        assert await beam.run("net_adm:ping(Py)", Py=A(node.name)) == A("pong")
        node.export("py", {"same": lambda *args: list(args)})
        source = 'erpc:call(Py, py, same, [<<"text">>, [1, 2], {line, tea, 1}])'
        reply = await beam.run(source, Py=A(node.name))
        assert reply == [b"text", [1, 2], (A("line"), A("tea"), 1)]


async def test_a_struct_of_elixir_becomes_an_instance(shop, node):
    term = await shop.elixir("Shop.sample(5)")
    assert etf.convert(term, Order) == ORDER


async def test_an_instance_is_the_struct_of_elixir(shop, node):
    source = """
        %Shop.Order{} = order
        expected = Shop.sample(5)
        {Map.delete(order, :tags) == Map.delete(expected, :tags),
         MapSet.equal?(order.tags, expected.tags),
         Map.keys(order) == Map.keys(expected)}
    """
    assert await shop.elixir(source, order=ORDER) == (True, True, True)


async def test_elixir_calls_a_typed_handler_with_a_struct(shop, node, till):
    source = """
        %Shop.Receipt{order: %Shop.Order{id: 5} = order, total: 4} =
          GenServer.call({:till, py}, Shop.sample(5))
        request = {:place, Shop.sample(5)}
        %Shop.Receipt{order: ^order} = GenServer.call({:till, py}, request)
        [first, second] = GenServer.call({:till, py}, {:due, Shop.sample(5), 2})
        GenServer.cast({:till, py}, {:note, "grün"})
        {first == ~U[2024-07-01 10:00:00.123456Z], first == second,
         GenServer.call({:till, py}, :notes)}
    """
    reply = await shop.elixir(source, py=A(node.name))
    assert reply == (True, True, ["grün".encode()])


async def test_elixir_hears_what_does_not_fit(shop, node, till):
    source = """
        order = %{Shop.sample(5) | lines: [%Shop.Line{sku: 3}]}
        {:error, {:bad_request, text}} = GenServer.call({:till, py}, order)
        {text, GenServer.call({:till, py}, {:place, %{order | note: :atom}})}
    """
    text, second = await shop.elixir(source, py=A(node.name))
    assert text == b"place.lines[0].sku: expected an atom, got 3"
    assert second == (
        A("error"),
        (A("bad_request"), b"place.order.note: expected a binary in UTF-8, got atom"),
    )


async def test_a_client_talks_to_a_server_of_elixir(shop, node):
    await shop.elixir("{:ok, _} = GenServer.start(Shop, nil, name: :typed_shop); :ok")
    client = Client(node, ("typed_shop", shop.name))
    assert await client.call(Shop.order, 5) == ORDER
    assert await client.call(Shop.ship, ORDER) == "shipped grün"


SIGILS: list[tuple[str, Any, Any]] = [
    (
        "~U[2024-02-29 23:59:59Z]",
        datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC),
        datetime,
    ),
    ("~N[2024-02-29 23:59:59.000001]", datetime(2024, 2, 29, 23, 59, 59, 1), datetime),
    ("~D[0001-01-01]", date(1, 1, 1), date),
    ("~D[9999-12-31]", date(9999, 12, 31), date),
    ("~T[23:59:59]", time(23, 59, 59), time),
    ("~T[23:59:59.999999]", time(23, 59, 59, 999_999), time),
    ("1..10//3", range(1, 11, 3), range),
    ("10..1//-3", range(10, 0, -3), range),
    (
        'URI.new!("http://example.org/a?b#c")',
        urlsplit("http://example.org/a?b#c"),
        None,
    ),
    ('URI.new!("mailto:a@example.org")', urlsplit("mailto:a@example.org"), None),
    ('URI.new!("/path")', urlsplit("/path"), None),
]


@pytest.mark.parametrize(
    ("source", "value", "cls"), SIGILS, ids=[row[0] for row in SIGILS]
)
async def test_values_of_elixir_are_values_of_python(elixir, source, value, cls):
    cls = cls or type(value)
    assert etf.convert(await elixir.elixir(source), cls) == value
    ours = etf.as_term(value, cls)
    assert await elixir.elixir(f"ours == {source}", ours=ours) is True


async def test_a_range_without_members_is_one(elixir):
    made = etf.convert(await elixir.elixir("1..0//1"), range)
    assert list(made) == []
    ours = etf.as_term(range(5, 5), range)
    assert await elixir.elixir("Enum.to_list(ours)", ours=ours) == []


async def test_elixir_works_with_our_sets(elixir):
    ours = etf.as_term({1, 2}, set[int])
    source = """
        {MapSet.equal?(ours, MapSet.new([1, 2])), MapSet.member?(ours, 2),
         MapSet.size(MapSet.put(ours, 3)),
         Enum.sort(MapSet.union(ours, MapSet.new([7]))),
         MapSet.subset?(ours, MapSet.new([1, 2, 3])),
         Enum.to_list(MapSet.delete(ours, 1)),
         inspect(ours)}
    """
    reply = await elixir.elixir(source, ours=ours)
    assert reply[:6] == (True, True, 3, [1, 2, 7], True, [2])
    assert b"1, 2" in reply[6]
    assert etf.convert(await elixir.elixir('MapSet.new(["a"])'), set[str]) == {"a"}


async def test_elixir_compares_and_shifts_our_moments(elixir):
    zone = converters.Zone("Europe/Oslo", "CEST", 3600, 3600)
    zoned = datetime(2024, 7, 1, 12, tzinfo=zone)
    source = """
        {DateTime.compare(ours, ~U[2024-07-01 10:00:00Z]),
         DateTime.to_iso8601(ours), ours.time_zone,
         DateTime.to_unix(ours)}
    """
    reply = await elixir.elixir(source, ours=etf.as_term(zoned, datetime))
    assert reply == (
        "eq",
        b"2024-07-01T12:00:00+02:00",
        b"Europe/Oslo",
        int(zoned.timestamp()),
    )


async def test_keyword_lists_are_elixirs(elixir):
    ours = etf.keywords(timeout=5, name="x")
    assert await elixir.elixir('ours == [timeout: 5, name: "x"]', ours=ours) is True
    term = await elixir.elixir("[a: 1, a: 2, b: 3]")
    assert etf.keyword_dict(term) == {"a": 1, "b": 3}


async def test_a_node_sends_and_receives_values(elixir, node_options):
    options = {
        "decode": etf.DecodeOptions(converters=converters.ALL),
        "encode": etf.EncodeOptions(converters=converters.ALL),
    }
    async with ergopy.Node(**node_options, **options) as node:
        day = date(2024, 2, 28)
        made = await node.rpc(elixir.name, "Elixir.Date", "add", [day, 2])
        assert made == date(2024, 3, 1)
        made = await node.rpc(elixir.name, "Elixir.MapSet", "put", [{1}, 2])
        assert made == {1, 2}
