"""The allow lists: what may be called, with how many arguments, and how it runs."""

from __future__ import annotations

import functools
import threading
from typing import Any

import pytest
import trio

from ergopy.node.exports import Exports, Undefined


class Adder:
    def __call__(self, a: int, b: int = 1) -> int:
        return a + b


class AsyncAdder:
    async def __call__(self, a: int) -> int:
        await trio.lowlevel.checkpoint()
        return a + 1

    async def method(self, a: int) -> int:
        return await self(a)


async def double(a: int) -> int:
    await trio.lowlevel.checkpoint()
    return 2 * a


def add(a: int, b: int) -> int:
    return a + b


@pytest.fixture
def exports() -> Exports:
    return Exports()


@pytest.mark.parametrize(
    ("function", "args", "value"),
    [
        (add, [1, 2], 3),
        (double, [4], 8),
        (lambda: 5, [], 5),
        (lambda: double(3), [], 6),
        (Adder(), [1], 2),
        (Adder(), [1, 5], 6),
        (AsyncAdder(), [1], 2),
        (AsyncAdder().method, [1], 2),
        (functools.partial(add, 10), [1], 11),
        (functools.partial(add, b=10), [1], 11),
        (functools.partial(double, 10), [], 20),
        (len, [b"four"], 4),
        (max, [1, 3, 2], 3),
        (str.upper, ["x"], "X"),
        (dict, [], {}),
        (lambda *args: len(args), [1, 2, 3], 3),
        (lambda a, *, b=2: a + b, [1], 3),
    ],
)
async def test_whatever_can_be_called_can_be_exported(
    exports: Exports, function: Any, args: list[Any], value: Any
) -> None:
    exports.export("m", {"f": function})
    assert await exports.call("m", "f", args) == value


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (add, []),
        (add, [1]),
        (add, [1, 2, 3]),
        (double, []),
        (Adder(), []),
        (Adder(), [1, 2, 3]),
        (functools.partial(add, b=1), [1, 2]),
        (lambda a, *rest: a, []),
        (lambda *, key=1: key, [1]),
    ],
)
async def test_another_number_of_arguments_is_undefined_and_nothing_runs(
    exports: Exports, function: Any, args: list[Any]
) -> None:
    exports.export("m", {"f": function})
    with pytest.raises(Undefined) as caught:
        await exports.call("m", "f", args)
    error = caught.value
    assert (error.module, error.function, error.arguments) == ("m", "f", args)
    assert str(len(args)) in str(error)


@pytest.mark.parametrize(
    "name", [("m", "g"), ("n", "f"), (None, "f"), (["m"], "f"), ("m", 1), ("m", [])]
)
async def test_what_was_not_exported_is_undefined(exports: Exports, name: Any) -> None:
    exports.export("m", {"f": add})
    with pytest.raises(Undefined):
        await exports.call(*name, [1, 2])


async def test_a_type_error_inside_is_no_wrong_arity(exports: Exports) -> None:
    def wrong(a: int) -> Any:
        return add(a)  # type: ignore[call-arg]

    exports.export("m", {"f": wrong})
    with pytest.raises(TypeError, match="missing"):
        await exports.call("m", "f", [1])


@pytest.mark.parametrize(
    ("function", "words"),
    [(7, "not callable"), (lambda *, key: key, "key=")],
)
def test_what_erlang_cannot_call_is_refused(
    exports: Exports, function: Any, words: str
) -> None:
    with pytest.raises(TypeError, match=words):
        exports.export("m", {"f": function})
    assert ("m", "f") not in exports


def test_a_decorator_exports_under_the_name_of_the_function(exports: Exports) -> None:
    @exports.export("m")
    def one() -> int:
        return 1

    assert one() == 1
    assert exports.names() == [("m", "one")]
    assert ("m", "one") in exports


async def test_a_later_export_takes_the_place_of_an_earlier_one(
    exports: Exports,
) -> None:
    exports.export("m", {"f": add})
    exports.export("m", {"f": double})
    assert await exports.call("m", "f", [4]) == 8
    with pytest.raises(Undefined):
        await exports.call("m", "f", [1, 2])


async def test_a_slow_function_runs_in_a_thread(exports: Exports) -> None:
    exports.export("m", {"where": threading.get_ident}, in_thread=True)
    exports.export("m", {"here": threading.get_ident})
    assert await exports.call("m", "where", []) != threading.get_ident()
    assert await exports.call("m", "here", []) == threading.get_ident()


async def test_threads_are_those_of_the_node(exports: Exports) -> None:
    exports.limiter = trio.CapacityLimiter(1)
    started, go_on = threading.Event(), threading.Event()
    running: list[int] = []

    def block(number: int) -> int:
        running.append(number)
        started.set()
        assert go_on.wait(10)
        return number

    exports.export("m", {"block": block}, in_thread=True)
    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(exports.call, "m", "block", [number])
        await trio.to_thread.run_sync(started.wait)
        assert len(running) == exports.limiter.borrowed_tokens == 1
        go_on.set()
    assert sorted(running) == [0, 1, 2]


@pytest.mark.parametrize(
    "function",
    [double, AsyncAdder(), functools.partial(double, 1), AsyncAdder().method],
)
def test_an_async_function_and_a_thread_do_not_go_together(
    exports: Exports, function: Any
) -> None:
    with pytest.raises(TypeError, match="async"):
        exports.export("m", {"f": function}, in_thread=True)


@pytest.mark.parametrize("in_thread", [True, False])
async def test_exceptions_pass_through(exports: Exports, in_thread: bool) -> None:
    def fail() -> None:
        raise LookupError("mine")

    exports.export("m", {"fail": fail}, in_thread=in_thread)
    with pytest.raises(LookupError, match="mine"):
        await exports.call("m", "fail", [])


def test_a_program_is_found_by_its_name_before_that_of_its_module(
    exports: Exports,
) -> None:
    async def exact(process: Any) -> None: ...

    async def general(process: Any) -> None: ...

    exports.provide("m", exact, "f", name="only")
    exports.provide("m", general)
    found = [exports.program("m", "f"), exports.program("m", "g")]
    assert [program and program.name for program in found] == ["only", None]
    assert exports.program("n", "f") is None
