"""``logger_proxy``: events of BEAM processes become records."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

import etf
from ergopy import Atom, Pid
from ergopy.services.logger import proxy
from tests.runtimes import settle
from tests.services.conftest import node as node

if TYPE_CHECKING:
    from tests.services.conftest import LoneNode

LOG, ERROR = Atom("log"), Atom("error")
PID = Pid("a@there", 5, 0, 1)
META = {
    Atom("pid"): PID,
    Atom("gl"): Pid("py@test", 1, 0, 7),
    Atom("time"): 1,
    Atom("domain"): [Atom("otp"), Atom("sasl")],
    Atom("report_cb"): etf.Export("proc_lib", "report_cb", 2),
}


@pytest.fixture
async def served(node: LoneNode, caplog: pytest.LogCaptureFixture) -> LoneNode:
    caplog.set_level(logging.DEBUG, "ergopy.beam")
    await node.spawn(proxy.logger_proxy, name="logger_proxy", mailbox=proxy.LIMIT)
    return node


async def log(node: LoneNode, *events: Any) -> None:
    for event in events:
        await node.runtime.root.send("logger_proxy", event)
    await settle()


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    told = [record for record in caplog.records if record.name == "ergopy.beam"]
    return [(record.levelno, record.getMessage()) for record in told]


CRASH = {
    Atom("label"): (Atom("proc_lib"), Atom("crash")),
    Atom("report"): [
        [(Atom("pid"), PID), (Atom("messages"), [b"\x1b[31m"])],
        [(Atom("neighbour"), [])],
    ],
}
EVENTS: list[tuple[Any, str]] = [
    ((LOG, ERROR, etf.Charlist("~p and ~ts~n"), [1, b"two"], META), "1 and two"),
    ((LOG, ERROR, (etf.Charlist("~w"), [Atom("x")]), META), "x"),
    ((LOG, ERROR, b"plain \xe2\x98\x83", META), "plain \u2603"),
    ((LOG, ERROR, list(b"a list"), META), "a list"),
    ((LOG, ERROR, etf.Charlist("a list"), META), "a list"),
    ((LOG, ERROR, {Atom("a"): 1, Atom("b"): []}, META), "    a: 1\n    b: []"),
    ((LOG, ERROR, [(Atom("a"), 1)], META), "    a: 1"),
    (
        (LOG, ERROR, {Atom("format"): etf.Charlist("~w"), Atom("args"): [1]}, META),
        "1",
    ),
    (
        (LOG, ERROR, CRASH, META),
        "proc_lib: crash\n"
        f"    pid: {etf.format(PID)}\n"
        '    messages: [<<"\\e[31m">>]\n'
        "    neighbour: []",
    ),
    ((LOG, ERROR, {Atom("label"): 5, Atom("x"): 1}, META), "5\n    x: 1"),
    # What does not go together is shown as it is.
    ((LOG, ERROR, etf.Charlist("~p"), [], META), "Charlist('~p') []"),
    ((LOG, ERROR, 5, [1], META), "5 [1]"),
    ((LOG, ERROR, etf.Charlist("\x1b[2J~n~w"), [1], META), "?[2J\n1"),
]


@pytest.mark.parametrize(("event", "text"), EVENTS)
async def test_an_event_becomes_a_record(
    served: LoneNode, caplog: pytest.LogCaptureFixture, event: Any, text: str
) -> None:
    await log(served, event)
    assert said(caplog) == [(logging.ERROR, text)]
    record: Any = caplog.records[-1]
    assert (record.node, record.pid) == ("a@there", str(PID))
    assert (record.beam_level, record.domain) == ("error", ["otp", "sasl"])


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("emergency", logging.CRITICAL),
        ("alert", logging.CRITICAL),
        ("critical", logging.CRITICAL),
        ("error", logging.ERROR),
        ("warning", logging.WARNING),
        ("notice", logging.INFO),
        ("info", logging.INFO),
        ("debug", logging.DEBUG),
        ("unheard_of", logging.ERROR),
    ],
)
async def test_levels_are_those_that_python_has_names_for(
    served: LoneNode, caplog: pytest.LogCaptureFixture, name: str, level: int
) -> None:
    await log(served, (LOG, Atom(name), b"text", {}))
    assert said(caplog) == [(level, "text")]


async def test_what_nobody_reads_is_not_even_formatted(
    served: LoneNode,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(proxy, "render", lambda *_, **__: pytest.fail("formatted"))
    caplog.set_level(logging.WARNING, "ergopy.beam")
    await log(served, (LOG, Atom("info"), etf.Charlist("~p"), [1], META))
    assert said(caplog) == []


@pytest.mark.parametrize(
    "message",
    [
        1,
        Atom("log"),
        (LOG,),
        (LOG, ERROR, b"text"),
        (LOG, 5, b"text", {}),
        (LOG, ERROR, b"text", []),
        (LOG, ERROR, b"~p", 5, {}),
        (b"log", ERROR, [1], {}),
    ],
)
async def test_what_is_no_event_is_dropped(
    served: LoneNode, caplog: pytest.LogCaptureFixture, message: Any
) -> None:
    await log(served, message, (LOG, ERROR, b"next", {}))
    assert said(caplog) == [(logging.ERROR, "next")]


async def test_a_text_has_a_limit(
    served: LoneNode, caplog: pytest.LogCaptureFixture
) -> None:
    long = b"x" * 200_000
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    await log(
        served,
        (LOG, ERROR, etf.Charlist("~s"), [long], {}),
        (LOG, ERROR, long, {}),
        (LOG, ERROR, {Atom("a"): long, Atom("b"): deep}, {}),
        (LOG, ERROR, [(Atom("a"), 1)] * 100_000, {}),
        (LOG, ERROR, [deep, (Atom("a"), 1)], {}),
    )
    assert len(said(caplog)) == 5
    assert "could not be logged" not in caplog.text
    for _, text in said(caplog):
        assert len(text) < proxy.MAX_TEXT + 100


async def test_a_handler_that_fails_is_not_the_end(
    served: LoneNode, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(record: logging.LogRecord) -> bool:
        if "bad" in record.getMessage():
            raise ValueError("a filter of the program")
        return True

    logging.getLogger("ergopy.beam").addFilter(fails)
    try:
        await log(served, (LOG, ERROR, b"bad", {}), (LOG, ERROR, b"good", {}))
    finally:
        logging.getLogger("ergopy.beam").removeFilter(fails)
    assert [text for _, text in said(caplog)][-1] == "good"
    assert "could not be logged" in caplog.text


async def test_more_than_can_be_logged_is_dropped_and_counted(
    served: LoneNode, caplog: pytest.LogCaptureFixture
) -> None:
    event = (LOG, Atom("debug"), b"text", {})
    caplog.set_level(logging.INFO, "ergopy.beam")
    for _ in range(1500):
        served.runtime.root.send_nowait("logger_proxy", event)
    await settle()
    assert said(caplog) == [
        (logging.WARNING, "500 events of other nodes were dropped: too many")
    ]
    await log(served, (LOG, ERROR, b"next", {}))
    assert said(caplog)[1:] == [(logging.ERROR, "next")]
