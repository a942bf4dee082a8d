"""What is measured: the commands of the driver, and the lines that are printed."""

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
    """With ``{node}`` and ``{count}`` to fill in."""
    count: int
    quick: int

    def line(self, node: str, *, quick: bool, share: float = 1.0) -> str:
        count = max(2, int((self.quick if quick else self.count) * share))
        body = self.command.replace("{node}", f"'{node}'")
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
    """What ergopy's own number should be at most."""

    @property
    def goal(self) -> str:
        if self.limit is not None:
            return f"<= {self.limit:g}"
        if self.target is not None:
            return f"{'>=' if self.better == 'higher' else '<='} {self.target:g}x"
        return self.better

    def met(self, value: float, ratio: float) -> bool | None:
        """Whether the goal is reached; ``None`` if there is none."""
        if self.limit is not None:
            return value <= self.limit
        if self.target is None:
            return None
        seen = round(ratio, 2)  # as it is printed
        return seen >= self.target if self.better == "higher" else seen <= self.target


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
)

GROWTH = Test("growth", "growth", "many, {node}, 100, {count}", 200_000, 20_000)

IDLE = (
    Test("idle", "idle", "idle, {node}, process, {count}", 100_000, 50_000),
    Test("idle_server", "idle", "idle, {node}, server, {count}", 20_000, 5_000),
)
"""Each measured once, as memory of a fresh peer."""

ROWS = (
    Row("lone", "p50", "call small, p50 us", "lower", 1.5),
    Row("lone", "p99", "call small, p99 us", "lower"),
    Row("lone", "cpu", "call small, CPU us/call", "lower"),
    Row("lone64", "p50", "call 64 B, p50 us", "lower", 1.5),
    Row("lone64", "p99", "call 64 B, p99 us", "lower"),
    Row("lone16k", "p50", "call 16 KiB, p50 us", "lower", 1.5),
    Row("lone16k", "p99", "call 16 KiB, p99 us", "lower"),
    Row("many1", "rate", "1 caller, calls/s", "higher"),
    Row("many1", "cpu", "1 caller, CPU us/call", "lower"),
    Row("many10", "rate", "10 callers, calls/s", "higher"),
    Row("many10", "cpu", "10 callers, CPU us/call", "lower"),
    Row("many100", "rate", "100 callers, calls/s", "higher", 1.0),
    Row("many100", "cpu", "100 callers, CPU us/call", "lower", 1.2),
    Row("each100", "rate", "100 callers and servers, /s", "higher"),
    Row("each100", "cpu", "100 callers and servers, CPU", "lower"),
    Row("inward", "rate", "one-way in, msgs/s", "higher", 1.0),
    Row("inward", "cpu", "one-way in, CPU us/msg", "lower"),
    Row("inward", "lost", "one-way in, lost", "lower", limit=0),
    Row("outward", "rate", "one-way out, msgs/s", "higher", 0.8),
    Row("outward", "cpu", "one-way out, CPU us/msg", "lower"),
    Row("bulk1", "mb_s", "1 MiB echo, MB/s", "higher", 1.0),
    Row("bulk1", "cpu", "1 MiB echo, CPU us", "lower"),
    Row("bulk16", "mb_s", "16 MiB echo, MB/s", "higher", 0.8),
    Row("bulk16", "cpu", "16 MiB echo, CPU us", "lower"),
    Row("rpc", "p50", "rpc:call, p50 us", "lower"),
    Row("rpc", "p99", "rpc:call, p99 us", "lower"),
    Row("erpc", "p50", "erpc:call, p50 us", "lower"),
    Row("erpc", "p99", "erpc:call, p99 us", "lower"),
    Row("spawn", "us", "local spawn and end, us", "lower", limit=25),
    Row("spawn_message", "us", "spawn, message, end, us", "lower"),
    Row("spawn_monitor", "us", "spawn_monitor, DOWN, us", "lower"),
    Row("rspawn", "p50", "remote spawn there, p50 us", "lower"),
    Row("rspawn", "p99", "remote spawn there, p99 us", "lower"),
    Row("rspawn_back", "p50", "remote spawn back, p50 us", "lower"),
    Row("rspawn_back", "p99", "remote spawn back, p99 us", "lower"),
    Row("links", "rate", "link and unlink, /s", "higher"),
    Row("links", "cpu", "link and unlink, CPU us", "lower"),
    Row("link_exits", "rate", "link and exit, /s", "higher"),
    Row("link_exits", "cpu", "link and exit, CPU us", "lower"),
    Row("link_exits", "lost", "link and exit, lost", "lower", limit=0),
    Row("monitors", "rate", "monitor and demonitor, /s", "higher"),
    Row("monitors", "cpu", "monitor and demonitor, CPU us", "lower"),
    Row("downs", "rate", "monitor, end, DOWN, /s", "higher"),
    Row("downs", "cpu", "monitor, end, DOWN, CPU us", "lower"),
    Row("order_in", "rate", "ten senders in, msgs/s", "higher"),
    Row("order_in", "wrong", "ten senders in, wrong", "lower", limit=0),
    Row("order_out", "rate", "ten senders out, msgs/s", "higher"),
    Row("order_out", "wrong", "ten senders out, wrong", "lower", limit=0),
    Row("tls_lone", "p50", "TLS: call small, p50 us", "lower"),
    Row("tls_lone", "p99", "TLS: call small, p99 us", "lower"),
    Row("tls_many", "rate", "TLS: 100 callers, calls/s", "higher"),
    Row("tls_many", "cpu", "TLS: 100 callers, CPU us/call", "lower"),
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
    "tls",
    "idle",
    "growth",
    "local",
    "codec",
)
