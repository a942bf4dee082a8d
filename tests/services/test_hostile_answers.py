"""What a peer can ask, and cannot: no secrets, no work without an end."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
import trio

import etf
from ergopy import Atom, ErgopyError, Exit, GenServer, Node, RpcError
from ergopy.errors.text import MAX_MESSAGE, MAX_PARTS, parts, shown
from ergopy.node.questions import ANY
from ergopy.process.info import _ITEMS
from ergopy.services import QUESTIONS
from ergopy.services.answers.numbers import _STATISTICS
from ergopy.services.answers.system_info import _ITEMS as SYSTEM
from ergopy.services.io import requests
from ergopy.services.io.formatting import MAX_DIRECTIVES, MAX_TEXT, render
from ergopy.services.io.pretty import MAX_COLUMN, MAX_LAID_OUT, pretty
from ergopy.services.io.requests import Answer, Put, Several, wish
from ergopy.services.logger import proxy
from ergopy.testing import MemoryNetwork
from etf import ImproperList, TermMap
from tests.services.hostile import FAR, ODD

if TYPE_CHECKING:
    from collections.abc import Iterator

A = Atom
SECRET = "kEkSeEd0fTh3C0okie"
PUT, UNICODE, IO_LIB, FORMAT = A("put_chars"), A("unicode"), A("io_lib"), A("format")
READING = [question for question in QUESTIONS if not question.acts]


class Server(GenServer):
    """Keeps a secret as it should."""

    async def init(self) -> None:
        self._secret = SECRET


def arguments_of(node: Node, function: str, count: int) -> Iterator[list[Any]]:
    """Give all that makes sense, and some more."""
    words = {"env", "cookie", "home", "password"}
    if function in ("system_info", "statistics"):
        words |= {*SYSTEM, *map(str, _STATISTICS)}
    names = [*node.registered(), *(A(str(i.name)) for i in node.applications.loaded())]
    subjects: list[Any] = [*node.processes(), *names, *map(A, sorted(words))]
    if count == 0:
        yield []
    elif count == 1:
        yield from ([one] for one in subjects)
    else:
        items = [A(word) for word in sorted(_ITEMS)]
        for one in [*node.processes(), *names]:
            yield [one] + [items] * (count - 1)
            yield [one] + [A("env")] * (count - 1)
        everything = [b"", A("pid"), A("asc"), 100, {}]
        yield everything[:count] + [1] * (count - 5)


async def test_no_question_tells_a_secret(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: object
) -> None:
    """Neither the cookie nor the environment, the command line or private state."""
    monkeypatch.setenv("ERGOPY_COOKIE", SECRET)
    monkeypatch.setenv("DATABASE_URL", SECRET)
    monkeypatch.setattr(sys, "argv", ["program", f"--password={SECRET}"])
    network = MemoryNetwork()
    async with (
        network.node("a", cookie=SECRET) as node,
        network.node("b", cookie=SECRET) as peer,
    ):
        await peer.connect(node.name)
        await node.start(Server, name="server")
        told = 0
        for question in READING:
            module = "m" if question.module == ANY else question.module
            for count in question.arities:
                count -= question.module == ANY
                for arguments in arguments_of(node, question.function, count):
                    find = node.exports.find
                    function = find(module, question.function, arguments)
                    try:
                        answer = function.call(*arguments)
                        if hasattr(answer, "__await__"):
                            answer = await answer
                    except (TypeError, ValueError, ErgopyError, Exit):
                        continue
                    told += 1
                    text = repr(answer)
                    assert SECRET not in text, (question, arguments)
                    assert SECRET.encode() not in etf.encode(answer)
                    assert repr(list(SECRET.encode()))[1:-1] not in text
        assert told > 500


@pytest.mark.parametrize("mode", ["read", "all"])
async def test_each_question_can_be_turned_off_and_replaced(
    mode: str, autojump_clock: object
) -> None:
    network = MemoryNetwork()
    async with network.node("a", answers=mode) as node, network.node("b") as peer:
        for question in QUESTIONS:
            name = question.module, question.function
            if question.module == ANY:
                continue
            arguments = [1] * question.least
            node.unexport(*name)
            with pytest.raises(RpcError) as caught:
                await peer.rpc(node.name, *name, arguments)
            assert caught.value.is_undefined
            node.export(question.module, {question.function: lambda *_: 77})
            assert await peer.rpc(node.name, *name, arguments) == 77
            node.unexport(*name)


async def test_without_answers_nothing_is_defined(autojump_clock: object) -> None:
    network = MemoryNetwork()
    async with network.node("a", answers="none") as node, network.node("b") as peer:
        for question in QUESTIONS:
            module = "m" if question.module == ANY else question.module
            for count in question.arities:
                with pytest.raises(RpcError) as caught:
                    await peer.rpc(node.name, module, question.function, [1] * count)
                assert caught.value.is_undefined
        for module in ("shell", "iex", "Elixir.IEx", "edlin_expand", "ergopy"):
            assert module not in node.exports.modules()
        assert set(node.exports.modules()) <= {"erpc", "global"}


async def test_no_shell_unless_wanted(autojump_clock: object) -> None:
    network = MemoryNetwork()
    async with network.node("a", answers="all") as node, network.node("b") as peer:
        for module, function, count in (
            ("shell", "start", 0),
            ("iex", "start", 2),
            ("Elixir.IEx", "start", 2),
            ("edlin_expand", "expand", 1),
            ("Elixir.IEx.Autocomplete", "expand", 2),
        ):
            with pytest.raises(RpcError) as caught:
                await peer.rpc(node.name, module, function, [b"x"] * count)
            assert caught.value.is_undefined


HUGE = 10**400
TOO_LARGE: list[tuple[str, str, list[Any]]] = [
    ("sys", "get_state", [A("kernel_sup"), HUGE]),
    ("sys", "get_status", [A("kernel_sup"), -1]),
    ("erlang", "system_time", [0]),
]


@pytest.mark.parametrize("call", TOO_LARGE, ids=lambda call: f"{call[0]}:{call[1]}")
async def test_numbers_may_be_of_any_size(
    call: tuple[str, str, list[Any]],
    autojump_clock: object,
    caplog: pytest.LogCaptureFixture,
) -> None:
    network = MemoryNetwork()
    async with network.node("a", answers="all") as node, network.node("b") as peer:
        with pytest.raises(RpcError) as caught:
            await peer.rpc(node.name, *call)
        assert (caught.value.kind, caught.value.reason) == ("error", "badarg")
        assert [one for one in caplog.records if one.levelname == "ERROR"] == []


async def test_who_wants_numbers_too_rarely_gets_none(
    autojump_clock: object, caplog: pytest.LogCaptureFixture
) -> None:
    network = MemoryNetwork()
    async with network.node("a") as node, network.node("b") as peer:
        call = "observer_backend", "fetch_stats", [peer.pid, HUGE]
        before = node.processes()
        assert await peer.rpc(node.name, *call) == "ok"
        await trio.sleep(1)
        assert node.processes() == before
        assert [one for one in caplog.records if one.levelname == "ERROR"] == []


async def test_a_viewer_may_want_any_interval(
    autojump_clock: object, caplog: pytest.LogCaptureFixture
) -> None:
    network = MemoryNetwork()
    async with network.node("a") as node, network.node("b") as peer:
        await peer.connect(node.name)
        viewer = [peer.pid, peer.pid, []]
        _, pid = await peer.rpc(node.name, "appmon_info", "start_link2", viewer)
        for odd in [HUGE, -HUGE, *ODD]:
            options = [(A("timeout"), odd)]
            wanted = (peer.pid, A("app_ctrl"), A("x"), True, options)
            await peer.cast(pid, wanted)
        await peer.cast(pid, (FAR, A("app"), A("x"), True, ODD))
        await peer.ping(node.name)
        assert node.is_process_alive(pid)
        assert [one for one in caplog.records if one.levelname == "ERROR"] == []


def test_what_is_formatted_has_a_limit() -> None:
    term = [(A("a"), 1)] * 20_000
    # Not one column, nor many lines far to the right.
    for column, width in [(2**62, 80), (MAX_COLUMN, MAX_COLUMN + 10), (10**6, 2**62)]:
        assert len(pretty(term, column=column, width=width)) <= MAX_LAID_OUT
    call = (PUT, UNICODE, IO_LIB, A("print"), [term, 2**62, 2**62 + 1, -1])
    assert isinstance(wish(call), Put)
    assert render(b"~n" * MAX_DIRECTIVES, []) is not None
    assert render(b"~n" * (MAX_DIRECTIVES + 1), []) is None


TOO_MUCH: list[Any] = [
    (PUT, UNICODE, IO_LIB, A("write"), [[1.0] * requests.MAX_PARTS, -1]),
    (PUT, UNICODE, IO_LIB, FORMAT, [b"~w", [b"\xff" * 16 * requests.MAX_PARTS]]),
    (A("get_line"), UNICODE, (FORMAT, b"~p", [[1.0] * requests.MAX_PARTS])),
    (A("get_line"), UNICODE, [[]] * requests.MAX_PARTS),
]


@pytest.mark.parametrize("request_", TOO_MUCH, ids=["write", "binary", "form", "list"])
def test_a_term_that_is_too_large_is_not_formatted(request_: Any) -> None:
    assert wish(request_) == Answer(requests.SYSTEM_LIMIT)


def test_all_requests_of_a_list_share_the_limits() -> None:
    one = (PUT, UNICODE, IO_LIB, FORMAT, [b"~10000c" * 100, [65] * 100])
    match wish((A("requests"), [(A("requests"), [one] * 3)] * 100)):
        case Several(wishes):
            texts = [w.text for some in wishes for w in some.wishes[:-1]]  # type: ignore[union-attr]
            assert sum(map(len, texts)) <= MAX_TEXT
            assert wishes[-1].wishes[-1] == Answer(requests.SYSTEM_LIMIT)  # type: ignore[union-attr]


def test_what_stands_behind_a_mistake_is_not_even_formatted() -> None:
    good = (PUT, UNICODE, b"x")
    bad = (PUT, UNICODE, IO_LIB, FORMAT, [b"~p", []])
    wanted = wish((A("requests"), [good, (A("requests"), [good, bad]), good]))
    failed = Answer((A("error"), FORMAT))
    assert wanted == Several((Put("x"), Several((Put("x"), failed))))


@pytest.mark.parametrize(
    ("term", "count"),
    [
        (1, 1),
        ([], 1),
        ([1, [2, 3]], 5),
        ((1, (2,)), 4),
        ({1: [2]}, 4),
        (TermMap([([1], 2)]), 4),
        (ImproperList([1, 2], 3), 4),
        (b"x" * 80, 11),
        ([0] * 100, 101),
        (b"x" * 900, 101),
        ({n: n for n in range(100)}, 101),
    ],
)
def test_parts_are_counted_up_to_a_limit(term: Any, count: int) -> None:
    assert parts(term, 100) == count


def test_a_term_that_contains_itself_has_too_many_parts() -> None:
    term: list[Any] = []
    term += [term, term]
    assert parts(term, 1000) == 1001


def test_a_large_term_is_cut_before_it_is_written() -> None:
    for large in ([1] * MAX_PARTS, [[(1,)] * 10] * MAX_PARTS, {1: [2] * MAX_PARTS}):
        text = shown(large)
        assert len(text) < MAX_MESSAGE + 100
        assert "very large" in text


def test_an_event_of_any_size_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    large = [(A("a"), 1.0)] * MAX_PARTS
    events: list[Any] = [
        (A("log"), A("error"), b"~p", [large], {}),
        (A("log"), A("error"), {A("label"): large, A("report"): large}, {}),
        (A("log"), A("error"), {A("x"): large}, {A("domain"): 1, A("pid"): 2}),
        (A("log"), A("error"), large, {}),
    ]
    for event in events:
        caplog.clear()
        proxy.log(event)
        (record,) = caplog.records
        assert len(record.getMessage()) < proxy.MAX_TEXT + 100
