"""A dispatcher of one's own has to do little; the rest is done for it."""

from __future__ import annotations

import inspect
import textwrap
from typing import Any

import pytest

import ergopy
from ergopy.gen.stage.dispatch import Dispatcher

from .kit import Recorder, Source


def documented() -> Any:
    """Return the dispatcher that the documentation has as an example."""
    doc = inspect.getdoc(Dispatcher)
    assert doc is not None
    names: dict[str, Any] = {"ergopy": ergopy}
    exec(textwrap.dedent(doc.split("::\n\n", 1)[1]), names)
    return names["QueueDispatcher"]()


def test_the_documented_one_serves_those_first_who_asked_first() -> None:
    source = Source(documented())
    one, two = source.subscribe("one"), source.subscribe("two")
    assert [source.ask(one, 1), source.ask(two, 1), source.ask(one, 2)] == [1, 1, 2]
    assert source.make(1, 2, 3) == [("one", [1]), ("two", [2]), ("one", [3])]
    assert source.cancel(one) == 0
    assert source.ask(two, 1) == 0
    assert source.make(4, 5) == [("two", [4])]
    assert source.flow.buffered == 1


def test_an_info_is_told_at_once_unless_a_dispatcher_holds_events_back() -> None:
    out = Recorder()
    documented().info("here", out)
    assert out.infos == ["here"]


class Stubborn(Dispatcher):
    """One that wants events and does not take all of them."""

    def __init__(self, takes: int) -> None:
        self.wanted = 100
        self.takes = takes

    def subscribe(self, subscription: Any, options: Any) -> None:
        self.consumer = subscription

    def cancel(self, subscription: Any) -> None:
        raise NotImplementedError

    def ask(self, subscription: Any, count: int, out: Any) -> None:
        self.takes += count

    def dispatch(self, events: list[Any], out: Any) -> list[Any]:
        batch, self.takes = events[: self.takes], max(self.takes - len(events), 0)
        if batch:
            out.send(self.consumer, batch)
        return events[len(batch) :]


def test_what_a_dispatcher_hands_back_is_kept_in_its_place() -> None:
    source = Source(Stubborn(1))
    one = source.subscribe("one")
    assert source.make(1, 2, 3) == [("one", [1])]
    source.flow.info("here")
    assert source.make(4) == []
    source.ask(one, 1)
    assert source.out.take() == [("one", [2])]
    assert source.out.infos == []
    assert source.make(5) == []
    source.ask(one, 9)
    assert source.out.infos == ["here"]
    assert source.out.take() == [("one", [3]), ("one", [4, 5])]


def test_a_dispatcher_has_to_say_what_it_does() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Dispatcher()  # type: ignore[abstract]
