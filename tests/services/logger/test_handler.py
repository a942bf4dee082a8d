"""``BeamLogHandler``: what Python logs is sent to another node."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import Atom, BeamLogHandler, ChildSpec, GenServer, Node, Supervisor
from ergopy.errors import NodeNameError
from ergopy.services.logger import handler as module
from ergopy.services.logger.levels import LEVELS, level_name
from ergopy.testing import MemoryNetwork, node_pair
from tests.runtimes import settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from trio.testing import MockClock as Clock

    from ergopy import Process

LOGGER = logging.getLogger("shop.orders")


class Proxy:
    """What stands for the ``logger_proxy`` of a BEAM, and keeps what it gets."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    async def run(self, process: Process) -> None:
        while True:
            self.events.append(await process.receive())

    @property
    def texts(self) -> list[str]:
        return [e[2].decode() for e in self.events if isinstance(e[2], bytes)]


async def serve(node: Node, proxy: Proxy) -> None:
    """Take the place of the one that the node has."""
    pid = node.whereis("logger_proxy")
    assert pid is not None
    node.unregister("logger_proxy")
    await node.spawn(proxy.run, name="logger_proxy")


@pytest.fixture
def installed() -> Iterator[Any]:
    """``install(handler)``: at the logger of the tests, and of ergopy."""
    loggers = [LOGGER, logging.getLogger("ergopy")]
    levels = [logger.level for logger in loggers]
    handlers: list[logging.Handler] = []

    def install(handler: logging.Handler, *, ours: bool = True) -> None:
        handlers.append(handler)
        for logger in loggers if ours else loggers[:1]:
            logger.addHandler(handler)
            logger.setLevel(logging.DEBUG)

    yield install
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
        for handler in handlers:
            logger.removeHandler(handler)


@pytest.fixture
async def pair(autojump_clock: Clock) -> AsyncIterator[tuple[Node, Node]]:
    async with node_pair() as (a, b):
        await a.connect(b.name)
        yield a, b


async def test_a_record_arrives_as_text_with_metadata(
    pair: tuple[Node, Node], installed: Any
) -> None:
    a, b = pair
    proxy = Proxy()
    await serve(b, proxy)
    installed(BeamLogHandler(a, b.name))
    LOGGER.warning("order %d is late \u2603", 7)
    await settle()
    ((tag, level, text, meta),) = proxy.events
    assert (tag, level, text) == ("log", "warning", "order 7 is late \u2603".encode())
    assert (meta["pid"], meta["node"]) == (a.pid, a.name)
    assert (meta["logger"], meta["domain"]) == ("shop.orders", [Atom("otp")])
    name = "test_a_record_arrives_as_text_with_metadata"
    assert meta["mfa"] == (Atom("test_handler"), Atom(name), 0)
    assert bytes(meta["file"]).endswith(b"test_handler.py")
    assert type(meta["time"]) is int
    assert "gl" not in meta


async def test_a_traceback_comes_with_it_and_formatters_count(
    pair: tuple[Node, Node], installed: Any
) -> None:
    a, b = pair
    proxy = Proxy()
    await serve(b, proxy)
    handler = BeamLogHandler(a, b.name, level="ERROR")
    handler.setFormatter(logging.Formatter("[%(name)s] %(message)s"))
    installed(handler)
    LOGGER.warning("below the level")
    try:
        raise KeyError("id")
    except KeyError:
        LOGGER.exception("could not")
    LOGGER.error("x" * 100_000)
    await settle()
    first, second = proxy.texts
    assert first.startswith("[shop.orders] could not\nTraceback")
    assert first.endswith("KeyError: 'id'")
    assert second.startswith("[shop.orders] xxx")
    assert len(second) < 20_000


async def test_reports_arrive_as_those_of_otp(
    pair: tuple[Node, Node], installed: Any
) -> None:
    class Kid(GenServer):
        async def init(self) -> None:
            self.process.dictionary["secret"] = "1234"

        async def handle_cast(self, request: Any) -> None:
            raise ValueError(object())

    a, b = pair
    proxy = Proxy()
    await serve(b, proxy)
    installed(BeamLogHandler(a, b.name, level=logging.ERROR))
    top = await a.start(Supervisor, [ChildSpec(Kid, name="kid")], name="top")
    kid = a.whereis("kid")
    await a.cast("kid", 1)
    await settle()
    crash, child = proxy.events
    assert crash[1:2] == ("error",)
    assert crash[2]["label"] == (Atom("proc_lib"), Atom("crash"))
    told, linked = crash[2]["report"]
    assert [key for key, _ in told[:4]] == [
        "initial_call",
        "pid",
        "registered_name",
        "error_info",
    ]
    assert linked == []
    info = dict(told)
    assert (info["pid"], info["registered_name"]) == (kid, "kid")
    assert (info["ancestors"][0], info["links"]) == ("top", [top])
    assert (info["messages"], info["dictionary"]) == ([], [])
    kind, reason, stack = info["error_info"]
    assert (kind, reason[:2]) == ("error", (Atom("python"), b"builtins.ValueError"))
    assert stack[0][1].endswith("Kid.handle_cast")
    assert crash[3]["pid"] == kid
    assert child[2]["label"] == (Atom("supervisor"), Atom("child_terminated"))
    report = dict(child[2]["report"])
    assert report["supervisor"] == (Atom("local"), Atom("top"))
    offender = report["offender"]
    assert [key for key, _ in offender[:3]] == ["pid", "id", "mfargs"]
    assert dict(offender)["restart_type"] is Atom("permanent")
    assert child[3]["domain"] == [Atom("otp"), Atom("sasl")]


async def test_any_thread_may_log_and_none_waits(
    pair: tuple[Node, Node], installed: Any
) -> None:
    a, b = pair
    proxy = Proxy()
    await serve(b, proxy)
    installed(BeamLogHandler(a, b.name))

    def work(number: int) -> None:
        for count in range(50):
            LOGGER.info("%d %d", number, count)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        # The event loop does not run meanwhile.
        thread.join()
    await settle()
    assert len(proxy.events) == 200
    for number in range(4):
        mine = [text for text in proxy.texts if text.startswith(f"{number} ")]
        assert mine == [f"{number} {count}" for count in range(50)]


async def test_a_handler_can_be_made_in_another_thread(
    pair: tuple[Node, Node], installed: Any
) -> None:
    a, b = pair
    proxy = Proxy()
    await serve(b, proxy)
    installed(await trio.to_thread.run_sync(BeamLogHandler, a, b.name))
    LOGGER.info("hello")
    await settle()
    assert proxy.texts == ["hello"]


async def test_while_the_other_is_away_a_number_is_kept_and_the_rest_counted(
    autojump_clock: Clock, installed: Any
) -> None:
    network = MemoryNetwork()
    async with network.node("a") as a:
        handler = BeamLogHandler(a, "b@memory", capacity=3)
        installed(handler, ours=False)
        for number in range(5):
            LOGGER.info("%d", number)
        await trio.sleep(60)
        assert (handler.waiting, handler.dropped) == (3, 2)
        async with network.node("b") as b:
            proxy = Proxy()
            await serve(b, proxy)
            await trio.sleep(2 * module.RETRY)
            assert (handler.waiting, handler.dropped) == (0, 2)
            told = "2 log records of a@memory were dropped"
            assert proxy.texts == [told, "0", "1", "2"]
            LOGGER.info("later")
            await settle()
            assert proxy.texts[-1] == "later"


async def test_nobody_waits_for_a_peer_that_has_come_by_itself(
    autojump_clock: Clock, installed: Any
) -> None:
    network = MemoryNetwork()
    async with network.node("a") as a, network.node("c") as c:
        handler = BeamLogHandler(a, "b@memory")
        installed(handler, ours=False)
        LOGGER.info("first")
        await trio.sleep(0.1)
        assert handler.waiting == 1
        await a.connect(c.name)
        async with network.node("b") as b:
            proxy = Proxy()
            await serve(b, proxy)
            await b.connect(a.name)
            await trio.sleep(0.1)
            assert proxy.texts == ["first"]


async def test_nothing_goes_in_a_circle(
    autojump_clock: Clock, pair: tuple[Node, Node], installed: Any
) -> None:
    """Both send their logs to each other, and what they get they log."""
    a, b = pair
    for node, peer in ((a, b), (b, a)):
        installed(BeamLogHandler(node, peer.name))
    LOGGER.info("once")
    await settle()
    event = (Atom("log"), Atom("error"), b"from b", {Atom("pid"): b.pid})
    await b.send(("logger_proxy", a.name), event)
    await settle()
    for node in pair:
        proxy = Proxy()
        await serve(node, proxy)
        await trio.sleep(30)
        assert proxy.events == []


async def test_what_ergopy_says_about_that_connection_stays_here(
    pair: tuple[Node, Node], installed: Any
) -> None:
    a, b = pair
    proxy = Proxy()
    await serve(b, proxy)
    installed(BeamLogHandler(a, b.name))
    ours = logging.getLogger("ergopy.node")
    ours.info("about it", extra={"peer": b.name})
    ours.debug("a detail of the protocol")
    ours.info("about another", extra={"peer": "c@memory"})
    LOGGER.debug("not of ergopy")
    await settle()
    assert proxy.texts == ["about another", "not of ergopy"]


async def test_after_the_node_it_drops_and_is_closed_in_peace(
    autojump_clock: Clock, installed: Any
) -> None:
    async with node_pair() as (a, b):
        handler = BeamLogHandler(a, b.name)
        installed(handler)
    LOGGER.info("too late")
    await settle()
    assert handler.dropped >= 1
    assert handler.waiting == 0
    handler.close()
    LOGGER.info("after the end")
    await settle()
    assert handler.waiting == 0


async def test_closed_it_sends_nothing_and_its_process_ends(
    pair: tuple[Node, Node], installed: Any
) -> None:
    a, b = pair
    proxy = Proxy()
    await serve(b, proxy)
    handler = BeamLogHandler(a, b.name)
    installed(handler)
    before = len(a.processes())
    LOGGER.info("one")
    await settle()
    assert len(a.processes()) == before + 1
    handler.close()
    LOGGER.info("two")
    await settle()
    assert proxy.texts == ["one"]
    assert len(a.processes()) == before


async def test_its_process_is_started_again(
    pair: tuple[Node, Node], installed: Any
) -> None:
    a, b = pair
    proxy = Proxy()
    await serve(b, proxy)
    installed(BeamLogHandler(a, b.name))
    before = set(a.processes())
    LOGGER.info("one")
    await settle()
    (sender,) = set(a.processes()) - before
    await a.exit(sender, "kill")
    await settle()
    LOGGER.info("two")
    await settle()
    assert [text for text in proxy.texts if text in ("one", "two")] == ["one", "two"]


def test_levels_have_the_names_of_otp() -> None:
    for name, number in LEVELS.items():
        assert level_name(number) is Atom(name)
    assert level_name(logging.WARNING + 5) is Atom("warning")
    assert level_name(1) is Atom("debug")


async def test_a_peer_has_the_name_of_a_node(pair: tuple[Node, Node]) -> None:
    with pytest.raises(NodeNameError, match="'b' has no host"):
        BeamLogHandler(pair[0], "b")


async def test_a_capacity_is_a_number_above_zero(pair: tuple[Node, Node]) -> None:
    with pytest.raises(ValueError, match="capacity= is a number above 0"):
        BeamLogHandler(pair[0], pair[1].name, capacity=0)
