"""Typed handlers: which request goes where, and what becomes of an unfit one."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

import etf
from ergopy import Atom, CallExit, GenServer, on_call, on_cast, on_info
from tests.etf.mapping.shop import struct
from tests.gen.typed.shop import Line, Order, Refund, Shop
from tests.runtimes import settle

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime

A = Atom
ORDER = struct("Shop.Order", id=7, lines=[(A("line"), A("a"), 2)])


ANSWERED: list[tuple[Any, Any]] = [
    ((A("add"), 3), 3),
    (("add", 3), 3),
    ((A("add"), 3, 2), 6),
    (A("value"), 0),
    ((A("value"),), 0),
    (A("empty?"), True),
    ((A("place"), ORDER), [date(2024, 1, 7)]),
    (ORDER, [date(2024, 1, 7)]),
    (Order(9), [date(2024, 1, 9)]),
    ((A("place"), Order(9)), [date(2024, 1, 9)]),
    ((A("line"), A("a"), 2), "a"),
    (Line(A("b")), "b"),
    ((A("scan"), (A("line"), A("a"), 2)), "a"),
    ((A("cancel"), Refund(5)), 5),
    ((A("anything"), {1: [2]}), ({1: [2]}, None)),
    ((A("anything"), 1, 2), (1, 2)),
    ((A("later"), 2), ("later", 2.0)),
    ((A("day"), b"now"), date(2024, 1, 1)),
    ((A("day"), b"reply"), date(2024, 1, 1)),
    ((A("day"), b"stop"), date(2024, 1, 1)),
    # Nobody is meant by these.
    (Refund(5), ("by hand", Refund(5))),
    ((A("line"), 1, 2, 3), ("by hand", (A("line"), 1, 2, 3))),
    (A("is_empty"), ("by hand", A("is_empty"))),
    (b"add", ("by hand", b"add")),
    ((b"add", 1), ("by hand", (b"add", 1))),
    (([1], 2), ("by hand", ([1], 2))),
    ((), ("by hand", ())),
    (5, ("by hand", 5)),
    (struct("Other"), ("by hand", struct("Other"))),
    ({A("__struct__"): [1]}, ("by hand", {A("__struct__"): [1]})),
]


@pytest.mark.parametrize(("request_", "reply"), ANSWERED, ids=repr)
async def test_a_request_goes_to_the_handler_that_it_names(
    runtime: Runtime, request_: Any, reply: Any
) -> None:
    await runtime.root.start(Shop, name="shop")
    assert await runtime.root.call("shop", request_) == reply


REFUSED: list[tuple[Any, str]] = [
    ((A("add"), b"x"), 'add.count: expected an integer, got <<"x">>'),
    ((A("add"), 1, None), "add.times: expected an integer, got nil"),
    (A("add"), "add: expected 1 or 2 arguments, got 0"),
    ((A("add"), 1, 2, 3), "add: expected 1 or 2 arguments, got 3"),
    ((A("value"), 1), "value: expected 0 arguments, got 1"),
    ((A("scan"), 1), "scan.line: expected #line{}, got 1"),
    ((A("scan"),), "scan: expected 1 argument, got 0"),
    ((A("place"), 1), "place.order: expected %Shop.Order{}, got 1"),
    (struct("Shop.Order", id=None), "place.id: expected an integer, got nil"),
    (
        struct("Shop.Order", id=1, lines=[(A("line"), 3, 1)]),
        "place.lines[0].sku: expected an atom, got 3",
    ),
    ((A("line"), 3, 1), "scan.sku: expected an atom, got 3"),
]


@pytest.mark.parametrize(("request_", "text"), REFUSED, ids=[row[1] for row in REFUSED])
async def test_a_request_that_does_not_fit_is_answered_and_the_server_lives(
    runtime: Runtime, request_: Any, text: str
) -> None:
    await runtime.root.start(Shop, name="shop")
    reply = await runtime.root.call("shop", request_)
    assert reply == (A("error"), (A("bad_request"), text.encode()))
    assert await runtime.root.call("shop", A("value")) == 0


async def test_casts_and_messages_go_to_their_handlers(runtime: Runtime) -> None:
    pid = await runtime.root.start(Shop, name="shop")
    await runtime.root.cast("shop", (A("note"), b"text"))
    await runtime.root.send("shop", (A("tick"), 3))
    await runtime.root.cast("shop", (A("tick"), 3))
    await runtime.root.send("shop", (A("note"), b"text"))
    server = ServerOf(runtime, pid)
    await settle()
    assert await server.log() == [
        "text",
        3,
        ("cast", (A("tick"), 3)),
        ("info", (A("note"), b"text")),
    ]


class ServerOf:
    def __init__(self, runtime: Runtime, pid: Any) -> None:
        self.runtime, self.pid = runtime, pid

    async def log(self) -> Any:
        import ergopy.gen.sys as sys_

        state = await sys_.get_state(self.pid, caller=self.runtime.root)
        return state[A("log")]


async def test_messages_of_the_system_are_told_by_their_class(runtime: Runtime) -> None:
    pid = await runtime.root.start(Shop, name="shop")

    async def brief(proc: Any) -> None:
        await proc.receive()

    other = await runtime.root.spawn(brief)

    class Watches(Shop):
        async def init(self) -> None:
            await super().init()
            await self.monitor(other)

    watcher = await runtime.root.start(Watches)
    await runtime.root.send(other, "go")
    await settle()
    assert await ServerOf(runtime, watcher).log() == [A("normal")]
    assert await ServerOf(runtime, pid).log() == []


@pytest.mark.parametrize(
    ("send", "text"),
    [
        (("cast", (A("note"), 5)), "shop refused a cast: note.text: expected a binary"),
        (("send", (A("tick"),)), "shop refused a message: tick: expected 1 argument"),
    ],
)
async def test_a_cast_or_message_that_does_not_fit_is_logged_and_dropped(
    runtime: Runtime, caplog: pytest.LogCaptureFixture, send: Any, text: str
) -> None:
    pid = await runtime.root.start(Shop, name="shop")
    verb, message = send
    with caplog.at_level(logging.ERROR, "ergopy.gen"):
        await getattr(runtime.root, verb)("shop", message)
        await settle()
    assert [record.message for record in caplog.records if text in record.message]
    assert await ServerOf(runtime, pid).log() == []


async def test_a_cast_may_stop_the_server(runtime: Runtime) -> None:
    pid = await runtime.root.start(Shop, name="shop")
    await runtime.root.cast("shop", A("leave"))
    await settle()
    assert runtime.find(pid) is None


class Extended(Shop):
    """Overrides a handler, adds one, and has no callbacks of its own."""

    async def add(self, count: int, times: int = 1) -> int:
        return -(await super().add(count, times))

    @on_call
    async def twice(self, number: int) -> int:
        return 2 * number


class Bare(GenServer):
    @on_call
    async def here(self) -> Atom:
        return A("yes")


async def test_handlers_are_inherited_and_overridden(runtime: Runtime) -> None:
    await runtime.root.start(Extended, name="shop")
    call = runtime.root.call
    assert await call("shop", (A("add"), 3)) == -3
    assert await call("shop", (A("twice"), 3)) == 6
    assert await call("shop", A("other")) == ("by hand", A("other"))
    assert (await call("shop", (A("add"), b"x")))[0] == "error"


def test_a_class_without_handlers_is_left_as_it_is() -> None:
    class Plain(GenServer):
        async def handle_call(self, request: Any, from_: Any) -> Any:
            return 1

    assert not hasattr(Plain.handle_call, "__ergopy_own__")
    assert Plain.handle_cast is GenServer.handle_cast
    assert Extended.handle_call is not Shop.handle_call


async def test_what_nobody_takes_ends_the_server_as_ever(runtime: Runtime) -> None:
    pid = await runtime.root.start(Bare)
    assert await runtime.root.call(pid, A("here")) == "yes"
    with pytest.raises(CallExit, match="NotImplementedError"):
        await runtime.root.call(pid, A("elsewhere"))


class Early(GenServer):
    @on_call
    async def take(self, later: Later) -> int:
        return later.number


@dataclass
class Later:
    number: int


async def test_annotations_may_name_what_comes_later(runtime: Runtime) -> None:
    pid = await runtime.root.start(Early)
    assert await runtime.root.call(pid, (A("take"), {A("number"): 5})) == 5


def wrong(body: Any) -> None:
    type("Wrong", (GenServer,), body)


def test_what_cannot_be_a_handler_is_refused_when_the_class_is_made() -> None:
    with pytest.raises(TypeError, match="plain has to be an 'async def'"):

        @on_call
        def plain(self: Any) -> None: ...

    async def keywords(self: Any, *, name: int) -> None: ...
    async def many(self: Any, *names: int) -> None: ...
    async def odd(self: Any, number: complex) -> None: ...
    async def who(self: Any, from_: Any) -> None: ...

    with pytest.raises(TypeError, match="f: name cannot be in a request"):
        wrong({"f": on_call(keywords)})
    with pytest.raises(TypeError, match="cannot be in a request"):
        wrong({"f": on_call(many)})
    with pytest.raises(TypeError, match="complex has no form in Erlang"):
        wrong({"f": on_call(odd)})
    with pytest.raises(TypeError, match="only a call has from_"):
        wrong({"f": on_cast(who)})


def test_two_handlers_for_one_request_are_refused() -> None:
    async def first(self: Any, order: Order) -> None: ...
    async def second(self: Any, order: Order) -> None: ...
    async def third(self: Any, number: int = 1) -> None: ...
    async def fourth(self: Any) -> None: ...

    with pytest.raises(TypeError, match="first and second would both serve"):
        wrong({"first": on_call(first), "second": on_call(second)})
    wrong({"first": on_call(first), "second": on_call("second")(second)})
    with pytest.raises(TypeError, match="third and fourth would both serve x"):
        wrong({"third": on_call("x")(third), "fourth": on_call("x")(fourth)})
    wrong({"third": on_call("x")(third), "fourth": on_info("x")(fourth)})


async def test_a_request_too_deep_is_a_bad_request(runtime: Runtime) -> None:
    @dataclass
    class Tree:
        below: Any

    Tree.__annotations__["below"] = Tree | None

    async def grow(self: Any, tree: Any) -> None: ...

    grow.__annotations__["tree"] = Tree
    cls = type("Deep", (GenServer,), {"grow": on_call(grow)})
    pid = await runtime.root.start(cls)
    tree: Any = None
    for _ in range(3000):
        tree = {A("below"): tree}
    error, (reason, text) = await runtime.root.call(pid, (A("grow"), tree))
    assert (error, reason) == ("error", "bad_request")
    assert b"not so deep" in text


def test_the_names_of_other_layers_are_the_same_objects() -> None:
    import ergopy

    assert ergopy.struct is etf.struct
    assert ergopy.record is etf.record
    assert ergopy.keywords is etf.keywords


async def test_values_of_the_library_need_their_tag(runtime: Runtime) -> None:
    async def first(self: Any, day: date) -> int:
        return day.day

    async def second(self: Any, day: date) -> int:
        return -day.day

    async def by_hand(self: Any, request: Any, from_: Any) -> str:
        return "by hand"

    cls = type(
        "Days",
        (GenServer,),
        {"one": on_call(first), "two": on_call(second), "handle_call": by_hand},
    )
    pid = await runtime.root.start(cls)
    day = etf.as_term(date(2024, 1, 9), date)
    assert await runtime.root.call(pid, (A("first"), day)) == 9
    assert await runtime.root.call(pid, (A("second"), date(2024, 1, 9))) == -9
    assert await runtime.root.call(pid, day) == "by hand"


class Lost(GenServer):
    @on_call
    async def take(self, thing: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821


async def test_an_annotation_that_means_nothing_ends_the_server(
    runtime: Runtime,
) -> None:
    pid = await runtime.root.start(Lost)
    with pytest.raises(CallExit, match="name 'Nowhere' is not defined"):
        await runtime.root.call(pid, A("anything"))
