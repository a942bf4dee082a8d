"""What is measured: the commands of the driver, and the lines that are printed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True)
class Test:
    """One command of the driver, repeated *count* times against a peer."""

    key: str
    group: str
    command: str
    """With ``{node}``, ``{count}`` and perhaps ``{other}`` to fill in."""
    count: int
    quick: int

    def line(
        self, node: str, other: str = "", *, quick: bool, share: float = 1.0
    ) -> str:
        count = max(2, int((self.quick if quick else self.count) * share))
        body = self.command.replace("{node}", f"'{node}'")
        body = body.replace("{other}", f"'{other}'")
        return "{" + body.replace("{count}", str(count)) + "}."


@dataclass(frozen=True)
class Row:
    """One printed line: a metric of a test, and which way is good."""

    test: str
    metric: str
    label: str
    better: Literal["higher", "lower"]
    target: float | None = None
    """What ``ergopy / BEAM`` should be at least or at most."""

    limit: float | None = None
    """What ergopy's own number should be at least or at most."""

    @property
    def goal(self) -> str:
        sign = ">=" if self.better == "higher" else "<="
        if self.limit is not None:
            return f"{sign} {self.limit:,g}"
        if self.target is not None:
            return f"{sign} {self.target:g}x"
        return self.better

    def met(self, value: float, ratio: float) -> bool | None:
        """Whether the goal is reached; ``None`` if there is none."""
        if self.limit is not None:
            seen, goal = value, self.limit
        elif self.target is not None:
            seen, goal = round(ratio, 2), self.target  # as it is printed
        else:
            return None
        return seen >= goal if self.better == "higher" else seen <= goal


def _stages(where: str, round_trips: int) -> Iterator[Test]:
    """Producer to consumer: within the peer, from it to the driver, or into it."""
    for kind, max_demand, count in (
        ("number", 1, round_trips),
        ("number", 100, 500_000),
        ("number", 1000, 2_000_000),
        ("order", 1000, 200_000),
    ):
        command = f"stage, {{node}}, {{{where}, {kind}, {max_demand}}}, {{count}}"
        key = f"{where} {kind} {max_demand}"
        yield Test(key, "stages", command, count, count // 20)


_SAGAS = (
    ("within", "in one node", ("chain", "fan")),
    ("between", "over two nodes", ("chain", "fan")),
    ("middle", "in the middle of a BEAM's", ("chain",)),
)
_COUNTS = {"chain": 10_000, "fan": 2_000}
_LOGS = {"plain": 1.0, "memory": 0.5, "durable": 0.5}
_IN_FLIGHT = 1000


def _sagas() -> Iterator[Test]:
    """Through a chain of three, or to ten at once; without two phases, and with."""
    for where, _, shapes in _SAGAS:
        for shape in shapes:
            for log, share in _LOGS.items():
                command = f"saga, {{node}}, {{other}}, {{{where}, {shape}, {log}}}"
                count = int(_COUNTS[shape] * share)
                key = f"{where} {shape} {log}"
                command += ", {count}"
                yield Test(key, "sagas", command, count, max(count // 10, _IN_FLIGHT))


TESTS = (
    Test("lone", "call", "lone, {node}, 0, {count}", 8_000, 500),
    Test("lone64", "call", "lone, {node}, 64, {count}", 8_000, 500),
    Test("lone16k", "call", f"lone, {{node}}, {16 * KIB}, {{count}}", 8_000, 500),
    Test("many1", "many", "many, {node}, 1, {count}", 10_000, 500),
    Test("many10", "many", "many, {node}, 10, {count}", 60_000, 3_000),
    Test("many100", "many", "many, {node}, 100, {count}", 100_000, 5_000),
    Test("each100", "many", "each, {node}, 100, {count}", 50_000, 5_000),
    Test("inward", "oneway", "inward, {node}, {count}", 300_000, 20_000),
    Test("outward", "oneway", "outward, {node}, {count}", 300_000, 20_000),
    Test("bulk1", "bulk", f"bulk, {{node}}, {MIB}, {{count}}", 300, 20),
    Test("bulk16", "bulk", f"bulk, {{node}}, {16 * MIB}, {{count}}", 12, 3),
    Test("rpc", "rpc", "rpc, {node}, {count}", 5_000, 300),
    Test("erpc", "rpc", "erpc, {node}, {count}", 5_000, 300),
    Test("spawn", "spawn", "spawn, {node}, plain, {count}", 20_000, 2_000),
    Test("spawn_message", "spawn", "spawn, {node}, message, {count}", 20_000, 2_000),
    Test("spawn_monitor", "spawn", "spawn, {node}, monitor, {count}", 20_000, 2_000),
    Test("rspawn", "rspawn", "rspawn, {node}, {count}", 5_000, 300),
    Test("rspawn_back", "rspawn", "rspawn_back, {node}, {count}", 5_000, 300),
    Test("links", "links", "links, {node}, {count}", 30_000, 2_000),
    Test("link_exits", "links", "link_exits, {node}, {count}", 20_000, 2_000),
    Test("monitors", "monitors", "monitors, {node}, {count}", 50_000, 2_000),
    Test("downs", "monitors", "downs, {node}, {count}", 20_000, 2_000),
    Test("tls_lone", "tls", "lone, {node}, 0, {count}", 8_000, 500),
    Test("tls_many", "tls", "many, {node}, 100, {count}", 60_000, 3_000),
    Test("tls_bulk1", "tls", f"bulk, {{node}}, {MIB}, {{count}}", 200, 20),
    Test("tls_bulk16", "tls", f"bulk, {{node}}, {16 * MIB}, {{count}}", 8, 3),
    Test("order_in", "order", "order_in, {node}, {count}", 300_000, 20_000),
    Test("order_out", "order", "order_out, {node}, {count}", 300_000, 20_000),
    *_stages("within", 50_000),
    *_stages("out", 10_000),
    *_stages("in", 10_000),
    *_sagas(),
)

GROWTH = Test("growth", "growth", "many, {node}, 100, {count}", 200_000, 20_000)

IDLE = (
    Test("idle", "idle", "idle, {node}, process, {count}", 100_000, 50_000),
    Test("idle_server", "idle", "idle, {node}, server, {count}", 20_000, 5_000),
)
"""Each measured once, as memory of a fresh peer."""

OPEN = (Test("open", "sagas", "open, {node}, {count}", 100_000, 20_000),)
"""The same, of transactions."""

_CALLS = "calls/s", "CPU us/call"
_MESSAGES = "msgs/s", "CPU us/msg"
_EACH = "/s", "CPU us"


def _latency(test: str, label: str, target: float | None = None) -> tuple[Row, ...]:
    return (
        Row(test, "p50", f"{label}, p50 us", "lower", target),
        Row(test, "p99", f"{label}, p99 us", "lower"),
    )


def _flow(
    test: str,
    label: str,
    units: tuple[str, str],
    rate: float | None = None,
    cpu: float | None = None,
) -> tuple[Row, ...]:
    return (
        Row(test, "rate", f"{label}, {units[0]}", "higher", rate),
        Row(test, "cpu", f"{label}, {units[1]}", "lower", cpu),
    )


def _events(
    where: str, label: str, rate: float | None = None, limit: float | None = None
) -> Iterator[Row]:
    for kind, max_demand in ("number", 1), ("number", 100), ("number", 1000):
        name = f"{label}, max_demand {max_demand}, events/s"
        aims = (rate, limit) if max_demand == 1000 else (None, None)
        yield Row(f"{where} {kind} {max_demand}", "rate", name, "higher", *aims)
    yield Row(f"{where} order 1000", "rate", f"{label}, maps, events/s", "higher")


def _transactions() -> Iterator[Row]:
    names = {"chain": "chain of 3", "fan": "fan of 10"}
    logs = {"plain": "", "memory": ", 2PC", "durable": ", 2PC, durable"}
    limits = {"within chain plain": 10_000.0, "within chain durable": 2_000.0}
    for where, place, shapes in _SAGAS:
        for shape in shapes:
            for log, text in logs.items():
                key = f"{where} {shape} {log}"
                label = f"{names[shape]} {place}{text}, tx/s"
                yield Row(key, "rate", label, "higher", limit=limits.get(key))
    yield Row("open", "bytes", "open transaction at two sagas, B", "lower")


def _none(test: str, metric: str, label: str) -> Row:
    return Row(test, metric, f"{label}, {metric}", "lower", limit=0)


ROWS = (
    *_latency("lone", "call small", 1.5),
    Row("lone", "cpu", "call small, CPU us/call", "lower"),
    *_latency("lone64", "call 64 B", 1.5),
    *_latency("lone16k", "call 16 KiB", 1.5),
    *_flow("many1", "1 caller", _CALLS),
    *_flow("many10", "10 callers", _CALLS),
    *_flow("many100", "100 callers", _CALLS, rate=1.0, cpu=1.2),
    *_flow("each100", "100 callers and servers", ("/s", "CPU")),
    *_flow("inward", "one-way in", _MESSAGES, rate=1.0),
    _none("inward", "lost", "one-way in"),
    *_flow("outward", "one-way out", _MESSAGES, rate=0.8),
    Row("bulk1", "mb_s", "1 MiB echo, MB/s", "higher", 1.0),
    Row("bulk1", "cpu", "1 MiB echo, CPU us", "lower"),
    Row("bulk16", "mb_s", "16 MiB echo, MB/s", "higher", 0.8),
    Row("bulk16", "cpu", "16 MiB echo, CPU us", "lower"),
    *_latency("rpc", "rpc:call"),
    *_latency("erpc", "erpc:call"),
    Row("spawn", "us", "local spawn and end, us", "lower", limit=25),
    Row("spawn_message", "us", "spawn, message, end, us", "lower"),
    Row("spawn_monitor", "us", "spawn_monitor, DOWN, us", "lower"),
    *_latency("rspawn", "remote spawn there"),
    *_latency("rspawn_back", "remote spawn back"),
    *_flow("links", "link and unlink", _EACH),
    *_flow("link_exits", "link and exit", _EACH),
    _none("link_exits", "lost", "link and exit"),
    *_flow("monitors", "monitor and demonitor", _EACH),
    *_flow("downs", "monitor, end, DOWN", _EACH),
    Row("order_in", "rate", "ten senders in, msgs/s", "higher"),
    _none("order_in", "wrong", "ten senders in"),
    Row("order_out", "rate", "ten senders out, msgs/s", "higher"),
    _none("order_out", "wrong", "ten senders out"),
    *_events("within", "stages in one node", limit=500_000),
    *_events("out", "stages, from the peer", rate=0.8),
    *_events("in", "stages, to the peer", rate=0.8),
    *_transactions(),
    *_latency("tls_lone", "TLS: call small"),
    *_flow("tls_many", "TLS: 100 callers", _CALLS),
    Row("tls_bulk1", "mb_s", "TLS: 1 MiB echo, MB/s", "higher"),
    Row("tls_bulk16", "mb_s", "TLS: 16 MiB echo, MB/s", "higher"),
    Row("idle", "mb", "100,000 idle processes, MB", "lower", limit=300),
    Row("idle_server", "mb", "100,000 idle servers, MB", "lower"),
    Row("start", "ms", "start to first call, ms", "lower"),
    Row("start", "mb", "idle memory, MB", "lower"),
    Row("growth", "bytes", "RSS growth, B/call", "lower", limit=5),
)

GROUPS = (
    "start",
    "call",
    "many",
    "oneway",
    "bulk",
    "rpc",
    "spawn",
    "rspawn",
    "links",
    "monitors",
    "order",
    "stages",
    "sagas",
    "tls",
    "idle",
    "growth",
    "local",
    "codec",
)
