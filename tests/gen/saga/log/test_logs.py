"""What every log does, in memory or in a file."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

import etf
from ergopy.gen.saga.log import MemorySagaLog, SqliteSagaLog, records
from etf import Atom, DecodeOptions, EncodeError, Pid

from .kit import SAGA, found, tx, written

if TYPE_CHECKING:
    from pathlib import Path

    from ergopy.gen.saga.log import SagaLog


async def test_records_come_back_by_transaction_and_in_order(log: SagaLog) -> None:
    assert await log.open(SAGA) == {}
    for number in range(7):
        log.append(SAGA, tx(number % 2), number)
    assert await found(log) == {tx(0): [0, 2, 4, 6], tx(1): [1, 3, 5]}


TEXT = Atom("$text")

VALUES = [
    "Rome",
    b"Rome",
    "",
    "\u00fc\0",
    Atom("Rome"),
    None,
    True,
    1,
    1.5,
    1 << 100,
    [],
    (),
    {},
    [1, "one", b"one"],
    ("a", b"a", Atom("a"), ["b", ("c",)]),
    {"city": "Rome", "nights": [3], "hotel": {b"name": "Ritz", 1: {"": ()}}},
    {"city": b"Rome", b"town": "Rome", ("a", 1): {"b": None}},
    TEXT,
    (TEXT, b"no text"),
    (TEXT, "text"),
    (TEXT, (TEXT, b"")),
    (TEXT,),
    (TEXT, 1, 2),
    (TEXT, (1, "x")),
    tx(5),
    Pid("here", 1, 2, 3),
    etf.ImproperList([1], 2),
]


def typed(value: Any) -> str:
    """Tell values apart that are equal, or that ``python -bb`` does not compare."""
    return repr(value)


@pytest.mark.parametrize("strings", ["bytes", "str"])
async def test_a_value_comes_back_as_what_it_was(tmp_path: Path, strings: Any) -> None:
    decode = DecodeOptions(strings=strings)
    for log in (
        MemorySagaLog(decode=decode),
        SqliteSagaLog(tmp_path / "x.db", decode=decode),
    ):
        for value in VALUES:
            log.append(SAGA, tx(1), value)
        got = (await found(log))[tx(1)]
        assert [typed(value) for value in got] == [typed(value) for value in VALUES]


@etf.struct("Elixir.Trip")
@dataclass
class Trip:
    city: str
    nights: int


async def test_classes_of_a_program_come_back_if_the_log_knows_them(
    tmp_path: Path,
) -> None:
    decode = DecodeOptions(structs=[Trip])
    trips = [Trip("Rome", 3), {"again": Trip("Oslo", 1)}]
    for log in (
        MemorySagaLog(decode=decode),
        SqliteSagaLog(tmp_path / "x.db", decode=decode),
    ):
        log.append(SAGA, tx(1), trips)
        assert await found(log) == {tx(1): [trips]}


async def test_sagas_see_only_their_own_records(log: SagaLog) -> None:
    log.append("one@here", tx(1), 1)
    log.append("two@here", tx(1), 2)
    log.forget("two@here", tx(2))
    log.forget("nobody@here", tx(1))
    assert await log.open("one@here") == {tx(1): [1]}
    assert await log.open("two@here") == {tx(1): [2]}
    log.close("one@here")
    log.append("two@here", tx(1), 3)
    assert await found(log, "two@here") == {tx(1): [2, 3]}


async def test_what_is_forgotten_is_gone_and_what_comes_later_is_kept(
    log: SagaLog,
) -> None:
    for number in (1, 2):
        log.append(SAGA, tx(number), "early")
    log.forget(SAGA, tx(1))
    log.append(SAGA, tx(1), "late")
    log.forget(SAGA, tx(2))
    assert await found(log) == {tx(1): ["late"]}


async def test_then_is_called_once_for_each_in_order_in_the_thread_of_trio(
    log: SagaLog,
) -> None:
    told: list[tuple[int, Any, int]] = []
    for number in range(20):

        def then(error: Any, number: int = number) -> None:
            told.append((number, error, threading.get_ident()))

        log.append(SAGA, tx(number), number, then)
    assert await written(log) is None
    here = threading.get_ident()
    assert told == [(number, None, here) for number in range(20)]


def nested(depth: int) -> list[Any]:
    term: list[Any] = []
    for _ in range(depth):
        term = [term]
    return term


async def test_what_is_no_record_raises_at_once_and_leaves_nothing(
    log: SagaLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "MAX_RECORD", 1000)

    def then(_error: Any) -> None:
        raise AssertionError("it was not written")

    with pytest.raises(EncodeError):
        log.append(SAGA, tx(1), object(), then)
    with pytest.raises(EncodeError, match="1000 can be"):
        log.append(SAGA, tx(1), bytes(1000), then)
    with pytest.raises(EncodeError, match="too deep"):
        log.append(SAGA, tx(1), nested(5000), then)
    with pytest.raises(TypeError, match="a transaction is an etf"):
        log.append(SAGA, "TX#1", 1, then)  # type: ignore[arg-type]
    assert await found(log) == {}


async def test_a_log_can_be_opened_again_and_again(log: SagaLog) -> None:
    for number in range(3):
        assert len((await log.open(SAGA)).get(tx(1), [])) == number
        log.append(SAGA, tx(1), number)
        log.close(SAGA)
    log.close(SAGA)  # once too often
    assert await found(log) == {tx(1): [0, 1, 2]}


def test_only_a_file_outlives_the_node(tmp_path: Path) -> None:
    assert SqliteSagaLog(tmp_path / "x.db").durable
    assert not MemorySagaLog().durable


async def test_a_log_in_memory_calls_then_within_append() -> None:
    told: list[Any] = []
    log = MemorySagaLog()
    log.append(SAGA, tx(1), 1, told.append)
    assert told == [None]
    assert repr(log) == "<MemorySagaLog of 1 sagas>"
    log.forget(SAGA, tx(1))
    assert repr(log) == "<MemorySagaLog of 0 sagas>"
