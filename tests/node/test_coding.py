"""What messages of a node become, and how they leave: ``decode=`` and ``encode=``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

import ergopy
import etf
from ergopy import Atom, GenServer
from ergopy.services.io.chars import text

if TYPE_CHECKING:
    from tests.nodes import MakeNode

A = Atom


@etf.struct("Elixir.Shop.Order")
@dataclass(frozen=True)
class Simple:
    id: int


async def echo_of(node: ergopy.Node) -> list[Any]:
    got: list[Any] = []

    async def collect(proc: Any) -> None:
        while True:
            got.append(await proc.receive())

    await node.spawn(collect, name="collect")
    return got


async def test_a_node_decodes_and_encodes_as_its_options_say(
    make_node: MakeNode,
) -> None:
    everything = etf.converters.ALL
    node = await make_node(
        decode=etf.DecodeOptions(
            strings="str", structs=[Simple], converters=etf.converters.DATES
        )
    )
    other = await make_node(encode=etf.EncodeOptions(converters=everything))
    got = await echo_of(node)
    sent = [b"text", b"\xff", Simple(1), date(2024, 1, 1), {"k": frozenset({1})}]
    node.export("here", {"same": lambda *args: list(args)})
    for message in sent:
        await other.send(("collect", node.name), message)
    # Lists of small integers stay argument lists, and text is text in both directions.
    assert await other.rpc(node.name, "here", "same", [b"x", [1, 2]]) == [b"x", [1, 2]]
    assert got[:4] == ["text", b"\xff", Simple(1), date(2024, 1, 1)]
    assert got[4]["k"][A("__struct__")] == "Elixir.MapSet"
    # What waited for the connection was encoded the same way.
    again = await echo_of(other)
    await node.send(("collect", other.name), Simple(2))
    assert await node.ping(other.name)
    assert again == [{A("__struct__"): A("Elixir.Shop.Order"), A("id"): 2}]


@pytest.mark.parametrize(
    "options",
    [
        {"decode": etf.DecodeOptions(charlists="str")},
        {"decode": etf.DecodeOptions(nil="atom")},
        {"decode": etf.DecodeOptions(limits=etf.Limits(max_depth=1))},
        {"decode": "str"},
        {"encode": etf.EncodeOptions(compressed=True)},
        {"encode": 5},
    ],
    ids=repr,
)
def test_options_that_a_node_cannot_have_are_refused(options: Any) -> None:
    (name,) = options
    with pytest.raises(ValueError, match=f"{name}="):
        ergopy.Node("py@127.0.0.1", cookie="x", **options)


def test_text_in_an_io_request_may_be_decoded_already() -> None:
    assert text(["é", b"x", 33]) == "éx!"
    assert text("é", "latin-1") == "Ã©"
    assert text(A("atom")) is None


class Answers(GenServer):
    async def handle_call(self, request: Any, from_: Any) -> Any:
        return [self, self.process]


async def test_a_process_is_its_pid_in_a_message(make_node: MakeNode) -> None:
    node, other = await make_node(), await make_node()
    pid = await node.start(Answers, name="answers")
    assert await other.call(("answers", node.name), 1) == [pid, pid]
