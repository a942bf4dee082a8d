"""Methods of one object that are exchanged for a while, in any order."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ergopy.process.layers import Layer


class Plain:
    """What a process looks like, to a layer."""

    __slots__ = ("log",)

    def __init__(self) -> None:
        self.log: list[Any] = []

    def take(self, message: Any) -> None:
        self.log.append(message)


def layer(number: int) -> Layer:
    """Make a layer that notes its number, and goes on."""

    def methods(cls: Any) -> dict[str, Any]:
        def take(self: Any, message: Any) -> None:
            self.log.append(number)
            cls.take(self, message)

        return {"take": take}

    return Layer(methods)


steps = st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=30)


@given(steps)
def test_layers_come_and_go_in_any_order(steps: list[tuple[bool, int]]) -> None:
    layers = [layer(number) for number in range(4)]
    it = Plain()
    laid: list[int] = []
    for on, number in steps:
        if on and number not in laid:
            layers[number].put_on(it)
            laid.append(number)
        elif not on:
            layers[number].take_off(it)
            laid = [other for other in laid if other != number]
        it.log.clear()
        it.take("message")
        assert it.log == [*reversed(laid), "message"]
        assert (type(it) is Plain) == (not laid)


def test_one_layer_over_many_objects_is_one_class() -> None:
    one, other, top = Plain(), Plain(), layer(1)
    top.put_on(one)
    top.put_on(other)
    assert type(one) is type(other)
    top.take_off(one)
    assert (type(one), type(other).__name__) == (Plain, "Plain")
