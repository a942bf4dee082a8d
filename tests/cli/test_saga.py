"""``ergopy saga show`` against a node of the test's own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import ergopy
from ergopy.cli import main
from tests.cli.test_commands import ergopy_command
from tests.gen.saga.seeing import SECRET, Part, start
from tests.nodes import COOKIE, unique_name

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def served(epmd_port: int) -> AsyncIterator[ergopy.Node]:
    async with ergopy.Node(unique_name(), cookie=COOKIE) as node:
        await node.start(Part, steps=["hotel"], name="booking")
        await node.start(Part, name="hotel")
        yield node


async def test_it_draws_the_sagas_of_a_node_that_shows_them(
    served: ergopy.Node,
) -> None:
    tx = await start("booking", served)
    done = await ergopy_command("saga", "show", served.name)
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0
    assert lines[0].startswith("booking <")
    assert lines[0].endswith("Part  1 open of 50")
    assert lines[1].startswith(f"└─ {tx}  booking <")
    assert lines[3].startswith("hotel <")
    done = await ergopy_command("saga", "show", served.name, "--json", "--limit", "0")
    booking, hotel = json.loads(done.stdout)
    assert (booking["name"], hotel["statistics"]["open"]) == ("booking", 1)
    assert booking["transactions"] == []


async def test_it_draws_one_transaction_with_all_its_sagas(
    served: ergopy.Node,
) -> None:
    tx = await start("booking", served)
    done = await ergopy_command("saga", "show", served.name, str(tx))
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0
    assert lines[0].startswith(f"{tx}  booking <")
    assert lines[1].startswith("└─ Next#")
    assert lines[2].startswith("   └─ hotel <")
    done = await ergopy_command("saga", "show", served.name, str(tx), "--json")
    (graph,) = json.loads(done.stdout)
    assert graph["roots"][0]["steps"][0]["below"]["name"] == "hotel"
    assert SECRET not in done.stdout.decode()


@pytest.mark.parametrize(
    ("words", "status", "complaint"),
    [
        (["TX#1.2.3"], 1, b"no saga of"),
        (["three"], 2, b"no transaction, such as TX#3.2.1"),
    ],
)
async def test_what_is_not_there_is_said_in_a_line(
    served: ergopy.Node, words: list[str], status: int, complaint: bytes
) -> None:
    done = await ergopy_command("saga", "show", served.name, *words)
    assert (done.returncode, done.stdout) == (status, b"")
    assert complaint in done.stderr
    assert done.stderr.count(b"\n") == 1


async def test_a_node_that_shows_nothing_is_said_so(served: ergopy.Node) -> None:
    served.unexport("ergopy")
    done = await ergopy_command("saga", "show", served.name)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b'answers="none"' in done.stderr


def test_other_words_than_show_are_a_mistake(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["saga", "dance", "a@127.0.0.1"])
    assert caught.value.code == 2
    assert "show" in capsys.readouterr().err
