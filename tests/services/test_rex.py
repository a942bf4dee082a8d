"""The requests that ``rex`` serves (protocol 6.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import Atom, Exit, MailboxLimit, Process
from ergopy.errors import Throw
from ergopy.services import rex
from tests.runtimes import find, idle, mail, settle, sleeper

if TYPE_CHECKING:
    from tests.services.conftest import LoneNode

M = Atom("m")
USER = Atom("user")
BADRPC = Atom("badrpc")
EXIT = Atom("EXIT")


@pytest.fixture
async def served(node: LoneNode) -> LoneNode:
    async def wait() -> None:
        await trio.sleep_forever()

    def fails() -> None:
        raise ValueError("as you wish")

    def throws() -> None:
        raise Throw(Atom("ball"))

    def leaves() -> None:
        raise Exit("gone")

    node.exports.export(
        "m",
        {
            "add": lambda a, b: a + b,
            "wait": wait,
            "fails": fails,
            "throws": throws,
            "leaves": leaves,
            "unsendable": object,
        },
    )
    await node.start(rex.Rex, name="rex")
    return node


def call(function: str, arguments: Any, kind: str = "call", leader: Any = USER) -> Any:
    return (Atom(kind), M, Atom(function), arguments, leader)


RESULTS: list[tuple[Any, Any]] = [
    (call("add", [1, 2]), 3),
    (call("throws", []), Atom("ball")),
    (call("leaves", []), (BADRPC, (EXIT, Atom("gone")))),
    (
        call("nothing", [1]),
        (BADRPC, (EXIT, (Atom("undef"), [(M, Atom("nothing"), [1], [])]))),
    ),
    (
        call("add", [1]),
        (BADRPC, (EXIT, (Atom("undef"), [(M, Atom("add"), [1], [])]))),
    ),
    (Atom("what"), (BADRPC, (EXIT, Atom("badarg")))),
    ((Atom("call"), M), (BADRPC, (EXIT, Atom("badarg")))),
]


@pytest.mark.parametrize(("request_", "answer"), RESULTS)
async def test_a_call_is_answered_with_the_value_or_badrpc(
    served: LoneNode, request_: Any, answer: Any
) -> None:
    assert await served.call("rex", request_) == answer


@pytest.mark.parametrize(("request_", "answer"), RESULTS[:5])
async def test_a_block_call_is_answered_alike(
    served: LoneNode, request_: Any, answer: Any
) -> None:
    assert await served.call("rex", (Atom("block_call"), *request_[1:])) == answer


@pytest.mark.parametrize(
    ("function", "error"),
    [("fails", b"builtins.ValueError"), ("unsendable", b"etf.EncodeError")],
)
async def test_an_exception_is_badrpc_with_its_term(
    served: LoneNode, function: str, error: bytes
) -> None:
    match await served.call("rex", call(function, [])):
        case ("badrpc", ("EXIT", ((kind, name, _, _), stack))):
            assert kind == "python"
            assert name.rpartition(b".")[2] == error.rpartition(b".")[2]
            assert isinstance(stack, list)
        case other:
            pytest.fail(f"not badrpc: {other!r}")


@pytest.mark.parametrize(
    ("module", "function", "arguments"),
    [
        (b"m", Atom("add"), [1, 2]),
        (M, [], [1, 2]),
        ({}, Atom("add"), []),
        (M, Atom("add"), 1),
        (M, Atom("add"), (1, 2)),
    ],
)
async def test_arguments_that_are_none_are_badarg(
    served: LoneNode, module: Any, function: Any, arguments: Any
) -> None:
    request = (Atom("call"), module, function, arguments, USER)
    badrpc, (exit_, (reason, _)) = await served.call("rex", request)
    assert (badrpc, exit_, reason) == ("badrpc", "EXIT", "badarg")


async def test_a_call_that_takes_long_does_not_keep_others_waiting(
    served: LoneNode,
) -> None:
    with trio.move_on_after(0.01):
        await served.call("rex", call("wait", []))
    assert await served.call("rex", call("add", [1, 2])) == 3


async def test_a_cast_runs_and_is_not_answered(served: LoneNode) -> None:
    ran: list[int] = []
    served.exports.export("m", {"note": ran.append})
    await served.runtime.root.cast("rex", call("note", [1], "cast"))
    await served.runtime.root.cast("rex", call("fails", [], "cast"))
    await served.runtime.root.cast("rex", Atom("what"))
    await settle()
    assert ran == [1]
    assert served.runtime.whereis("rex") is not None


async def test_plain_messages_of_c_nodes_are_answered(served: LoneNode) -> None:
    asker = sleeper(served.runtime)
    await asker.send("rex", (asker.pid, call("add", [1, 2])))
    await asker.send("rex", (asker.pid, call("leaves", [])))
    await asker.send("rex", (asker.pid, Atom("features_request")))
    await settle()
    expected = [
        (Atom("rex"), 3),
        (Atom("rex"), (BADRPC, (EXIT, Atom("gone")))),
        (Atom("features_reply"), served.name, [Atom("erpc")]),
    ]
    assert sorted(map(repr, mail(asker))) == sorted(map(repr, expected))


async def test_messages_are_passed_on_to_names(served: LoneNode) -> None:
    asker = sleeper(served.runtime)
    target = sleeper(served.runtime, name="target")
    nobody = (Atom("nonexisting_name"), Atom("nobody"))
    for name in ("target", "nobody"):
        await asker.send("rex", (asker.pid, (Atom("sbcast"), Atom(name), "hello")))
        await asker.send("rex", (asker.pid, (Atom("send"), Atom(name), "hi")))
    await settle()
    assert mail(target) == ["hello", (asker.pid, "hi")]
    assert mail(asker) == [
        (Atom("rex"), served.name, served.name),
        (Atom("rex"), served.name, nobody),
        (Atom("rex"), served.name, nobody),
    ]


@pytest.mark.parametrize(
    "message",
    [
        1,
        (1, 2),
        (1, call("add", [1, 2])),
        (Atom("nobody"), Atom("features_request")),
        (Atom("$gen_call"), None, call("add", [1, 2])),
        (Atom("$gen_call"), (1, 2), call("add", [1, 2])),
    ],
)
async def test_nothing_that_is_sent_to_rex_ends_it(
    served: LoneNode, message: Any
) -> None:
    pid = served.runtime.whereis("rex")
    assert pid is not None
    await served.runtime.root.send(pid, message)
    await settle()
    assert await served.call("rex", call("add", [1, 2])) == 3
    assert served.runtime.whereis("rex") == pid


async def test_an_exported_function_knows_who_runs_it(served: LoneNode) -> None:
    from ergopy import self

    def me() -> Any:
        process: Process = self()
        return process.pid

    served.exports.export("m", {"me": me})
    pid = await served.call("rex", call("me", []))
    assert find(served.runtime, pid).label == "rex"


async def test_a_mailbox_that_is_full_is_not_the_end_of_rex(served: LoneNode) -> None:
    full = served.runtime.spawn(idle, (), name="full", mailbox=MailboxLimit(1, "raise"))
    asker = sleeper(served.runtime)
    pid = served.runtime.whereis("rex")
    for verb in ("sbcast", "send"):
        for _ in range(3):
            request = (asker.pid, (Atom(verb), Atom("full"), b"text"))
            await served.runtime.root.send("rex", request)
    await settle()
    assert served.runtime.whereis("rex") == pid
    assert len(mail(full)) == 1
    assert mail(asker) == [(Atom("rex"), served.name, served.name)] * 3
