"""What a peer that has the cookie may send: odd terms, and what is nearly right."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import trio
from hypothesis import strategies as st

from ergopy import Atom, Node, Pid, Port, PubSub, Reference
from etf import BitBinary, Charlist, Export, ImproperList, TermMap

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    import pytest

    from ergopy.testing import MemoryNetwork

PUBSUB = "Hostile.PubSub"
WORKER = "Elixir.Hostile.PubSub.Adapter"

SERVICES = [
    "application_controller",
    "global_name_server",
    "kernel_safe_sup",
    "kernel_sup",
    "logger_proxy",
    "net_kernel",
    "pg",
    "rex",
    "standard_error",
    "user",
    "Elixir.Phoenix.PubSub",
    WORKER,
]

FAR = Pid("far@memory", 5, 0, 1)
"""A process of a node that is nowhere."""

LONG_REFERENCE = Reference("far@memory", 1, (1, 2, 3, 4, 5))


def nested(depth: int) -> Any:
    term: Any = []
    for _ in range(depth):
        term = [term]
    return term


ODD: list[Any] = [
    0,
    -1,
    2**80,
    10**400,
    1.5,
    True,
    None,
    Atom("x"),
    Atom("a@memory"),
    b"x",
    b"\xff",
    [],
    {},
    (),
    [1, Atom("x"), b"x"],
    [(Atom("x"), 1)],
    {Atom("x"): [1]},
    TermMap([([1], 2), ({}, 3), ((1.0,), FAR)]),
    ImproperList([1], Atom("x")),
    BitBinary(b"\x80", 1),
    Charlist("x"),
    Export(Atom("m"), Atom("f"), 1),
    Port("far@memory", 1, 1),
    FAR,
    [FAR] * 50,
    LONG_REFERENCE,
    nested(200),
]

WORDS = [
    "$gen_call",
    "$gen_cast",
    "$gen_all",
    "system",
    "io_request",
    "io_reply",
    "log",
    "discover",
    "sync",
    "join",
    "leave",
    "forward_to_local",
    "EXIT",
    "DOWN",
    "nodeup",
    "nodedown",
    "whereis",
    "register",
    "register_ext",
    "unregister",
    "set_lock",
    "del_lock",
    "get_known",
    "lost_connection",
    "remove_connection",
    "init_connect",
    "new_nodes",
    "init_connect_ack",
    "cancel_connect",
    "exchange",
    "resolved",
    "in_sync",
    "lock_set",
    "lock_is_set",
    "prepare_shutdown",
    "features_request",
    "sbcast",
    "send",
    "call",
    "cast",
    "block_call",
    "is_auth",
    "debug",
    "change_code",
    "get_status",
    "which_children",
    "which_applications",
    "register_client",
]


def malformed(pids: Iterable[Pid]) -> list[Any]:
    """Return messages of all kinds, with odd parts in every place."""
    messages = list(ODD)
    someone = [*pids, FAR]
    for word in map(Atom, WORDS):
        messages.append(word)
        for odd in ODD:
            messages += [(word, odd), (word, odd, odd), (word, odd, odd, odd)]
        for odd in ODD[::4]:
            for pid in someone:
                messages += [
                    (word, pid, odd),
                    (word, pid, odd, odd),
                    (word, (pid, LONG_REFERENCE), odd),
                    (word, [pid, odd], odd, odd, odd),
                    (pid, (word, odd)),
                    (pid, (word, odd, odd, odd, odd)),
                ]
    return [message for message in messages if not _is_told_by_sys(message)]


def _is_told_by_sys(message: Any) -> bool:
    # sys takes texts of Python for words; with -bb that is not to meet bytes.
    match message:
        case (Atom("system"), _, request):
            return isinstance(request, bytes)
    return False


words = st.sampled_from([Atom(word) for word in WORDS])
leaves = words | st.sampled_from(ODD) | st.integers() | st.binary(max_size=4)
terms = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=6).map(tuple)
        | st.dictionaries(words, inner, max_size=2)
        | st.builds(ImproperList, st.lists(inner, min_size=1, max_size=2), words)
    ),
    max_leaves=8,
)
messages = (
    terms | st.builds(lambda word, rest: (word, *rest), words, st.lists(terms))
).filter(lambda message: not _is_told_by_sys(message))


@asynccontextmanager
async def attacked(network: MemoryNetwork, **options: Any) -> AsyncIterator[Any]:
    """Give a node with all services, and its peer."""
    async with network.node("a", **options) as a, network.node("b") as b:
        await b.connect(a.name)
        await a.start(PubSub, PUBSUB)
        yield a, b


class Harm:
    """Sees whether a node is the same afterwards."""

    def __init__(
        self, node: Node, peer: Node, caplog: pytest.LogCaptureFixture
    ) -> None:
        self.node, self.peer, self.caplog = node, peer, caplog
        self.before = self._now()

    def _now(self) -> Any:
        node = self.node
        return {name: node.whereis(name) for name in SERVICES}, set(node.processes())

    async def check(self) -> None:
        """Fail if anything has ended, begun or crashed."""
        await trio.sleep(120)
        assert self._now() == self.before
        assert self.peer.name in self.node.nodes()
        assert await self.peer.rpc(self.node.name, "erlang", "node") == self.node.name
        harm = [
            record.getMessage()
            for record in self.caplog.records
            if record.levelno >= logging.ERROR
            and "got an unexpected message" not in record.getMessage()
        ]
        assert harm == []
