"""Random programs of starts, stops and crashes, against a model of OTP's rules."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from ergopy import ApplicationNotStarted, Atom
from ergopy.testing import MemoryNetwork
from tests.gen.application.kit import Log, app, library, running
from tests.runtimes import settle

NAMES = list("abcdef")


@st.composite
def worlds(draw: st.DrawFn) -> tuple[dict[str, list[str]], set[str]]:
    """Dependencies without cycles, and which of them are libraries."""
    needs: dict[str, list[str]] = {}
    for place, name in enumerate(NAMES):
        older = NAMES[:place]
        needs[name] = draw(st.permutations(older))[: draw(st.integers(0, 3))]
    return needs, draw(st.sets(st.sampled_from(NAMES), max_size=2))


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["start", "start", "stop", "crash", "restart"]),
        st.sampled_from(NAMES),
    ),
    max_size=12,
)


class Model:
    """What runs, in which order."""

    def __init__(self, needs: dict[str, list[str]], libraries: set[str]) -> None:
        self.needs = needs
        self.libraries = libraries
        self.running: list[str] = []

    def start(self, name: str) -> list[str]:
        started: list[str] = []
        if name not in self.running:
            for needed in self.needs[name]:
                started += self.start(needed)
            self.running.append(name)
            started.append(name)
        else:
            for needed in self.needs[name]:
                started += self.start(needed)
        return started

    def stop(self, name: str) -> bool:
        if name not in self.running:
            return False
        self.running.remove(name)
        return True


@settings(max_examples=60)
@given(worlds(), STEPS)
def test_random_programs_run_what_the_model_says(
    world: tuple[dict[str, list[str]], set[str]], steps: list[tuple[str, str]]
) -> None:
    trio.run(play, world, steps)


async def play(world: Any, steps: list[tuple[str, str]]) -> None:
    needs, libraries = world
    model = Model(needs, libraries)
    log: Log = []
    async with MemoryNetwork().node("py", services=[]) as node:
        for name in NAMES:
            if name in libraries:
                spec = library(name, *needs[name])
            else:
                spec = app(name, log, *needs[name], intensity=0)
            node.applications.load(spec)
        for step, name in steps:
            await take(node, model, step, name)
            await settle()
            assert running(node) == model.running
        left = [name for name in model.running if name not in libraries]
        log.clear()
    stopped = [line.split()[0] for line in log if line.endswith(" stop")]
    assert stopped == left[::-1]


async def take(node: Any, model: Model, step: str, name: str) -> None:
    applications = node.applications
    match step:
        case "start":
            assert await applications.start(name) == model.start(name)
        case "crash":
            if name in model.running and name not in model.libraries:
                await node.cast(f"{name}_1", Atom("crash"))
                model.stop(name)
        case "stop" | "restart":
            verb = applications.stop if step == "stop" else applications.restart
            if not model.stop(name):
                with pytest.raises(ApplicationNotStarted):
                    await verb(name)
                return
            await verb(name)
            if step == "restart":
                model.start(name)
