"""The tutorial on pipelines, with stages of another Python node for those of Elixir."""

from __future__ import annotations

import trio

from ergopy import Atom, stage
from tests.docs.pages import DOCS, blocks, program

PAGE = DOCS / "tutorial" / "3-pipeline.md"
KEYS = ("keys", "py@127.0.0.1")


def shown() -> list[tuple[int, bytes]]:
    (block,) = [b for b in blocks(PAGE, "text") if not b.info]
    pairs = [line.split() for line in block.text.splitlines()]
    return [(int(number), key.encode()) for number, key in pairs]


async def test_keys_come_of_passwords_as_the_page_shows(peer, start, tmp_path) -> None:
    file = tmp_path / "keys.py"
    file.write_text(program(PAGE))
    passwords = [(number, b"secret %d" % number) for number, _ in shown()]
    async with start(file) as running:
        assert await running.line() == "py@127.0.0.1 is up"
        await stage.from_iterable(passwords, name="passwords", caller=peer)
        options = {"max_demand": 8, "min_demand": 4, "cancel": "temporary"}
        to = (Atom("passwords"), peer.name)
        await stage.sync_subscribe(KEYS, to, caller=peer, **options)
        keys = []
        with trio.fail_after(60):
            async with stage.subscribe(KEYS, max_demand=8, caller=peer) as batches:
                async for batch in batches:
                    keys += batch
                    if len(keys) == len(passwords):
                        break
        assert keys == shown()
