"""Plays a script on two nodes in memory: ``python -m tests.models SCRIPT``."""

from __future__ import annotations

import json
import sys

import trio
import trio.testing

from ergopy import testing
from tests.models.ours import OurStage
from tests.models.play import Player
from tests.models.script import Script


async def play(script: Script) -> None:
    async with testing.node_pair() as (a, b):
        stages = {"a": OurStage(a), "b": OurStage(b)}
        for stage in stages.values():
            await stage.open()
        for label, view in (await Player(script, dict(stages)).play()).items():
            print(label, view or "is dead")  # noqa: T201


if __name__ == "__main__":
    trio.run(play, Script(**json.loads(sys.argv[1])))
