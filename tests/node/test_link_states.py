"""The states of a link to a remote process: each event in each state (protocol 4.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ergopy.process.links import LINKED
from etf import Atom
from tests.node.fakes import THEIRS, FakePeer, Scene
from tests.runtimes import mail, running, settle

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime

BOOM, LOST = Atom("boom"), Atom("noconnection")
NONE, ACTIVE, UNLINKING = "none", "active", "unlinking"

# event, then for each state before: state after, what is sent, what bob is told
TABLE: list[tuple[str, tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]]] = [
    (
        "link()",
        (ACTIVE, "LINK", None),
        (ACTIVE, None, None),
        (ACTIVE, "LINK", None),
    ),
    (
        "unlink()",
        (NONE, None, None),
        (UNLINKING, "UNLINK_ID", None),
        (UNLINKING, None, None),
    ),
    (
        "LINK",
        (ACTIVE, None, None),
        (ACTIVE, None, None),
        (UNLINKING, None, None),
    ),
    (
        "UNLINK_ID",
        (NONE, "ACK", None),
        (NONE, "ACK", None),
        (UNLINKING, "ACK", None),
    ),
    (
        "ACK",
        (NONE, None, None),
        (ACTIVE, None, None),
        (NONE, None, None),
    ),
    (
        "ACK of another",
        (NONE, None, None),
        (ACTIVE, None, None),
        (UNLINKING, None, None),
    ),
    (
        "EXIT",
        (NONE, None, None),
        (NONE, None, BOOM),
        (NONE, None, None),
    ),
    (
        "end",
        (NONE, None, None),
        (NONE, "EXIT", None),
        (NONE, None, None),
    ),
    (
        "loss",
        (NONE, None, None),
        (NONE, None, LOST),
        (NONE, None, None),
    ),
]
CASES = [
    pytest.param(event, state, *outcome, id=f"{event} when {state}")
    for event, *outcomes in TABLE
    for state, outcome in zip((NONE, ACTIVE, UNLINKING), outcomes, strict=True)
]


class Link:
    """A link of bob's, brought into a state by what leads there."""

    def __init__(self, scene: Scene, state: str) -> None:
        self.scene = scene
        self.last_id = 0
        if state != NONE:
            scene.bob.link_nowait(THEIRS)
        if state == UNLINKING:
            scene.bob.unlink(THEIRS)
        self.note_ids(scene.fake.sent())

    def note_ids(self, sent: list[Any]) -> list[Any]:
        for control in sent:
            if control[0] == 35:
                self.last_id = control[1]
        return sent

    async def happen(self, event: str) -> None:
        scene, bob = self.scene, self.scene.bob
        if event == "link()":
            bob.link_nowait(THEIRS)
        elif event == "unlink()":
            bob.unlink(THEIRS)
        elif event == "end":
            bob.end(BOOM)
            await settle()
        elif event == "loss":
            scene.fake.peer.lost()
        else:
            controls: dict[str, tuple[Any, ...]] = {
                "LINK": (1, THEIRS, bob.pid),
                "UNLINK_ID": (35, 77, THEIRS, bob.pid),
                "ACK": (36, self.last_id or 1, THEIRS, bob.pid),
                "ACK of another": (36, self.last_id + 1, THEIRS, bob.pid),
                "EXIT": (24, THEIRS, bob.pid),
            }
            scene.arrive(controls[event], BOOM if event == "EXIT" else None)

    @property
    def state(self) -> str:
        number = self.scene.bob.links.get(THEIRS)
        indexed = (self.scene.bob, THEIRS) in self.scene.fake.peer.links
        assert indexed is (number is not None)
        if number is None:
            return NONE
        return ACTIVE if number == LINKED else UNLINKING


@pytest.mark.parametrize(("event", "before", "after", "sent", "told"), CASES)
async def test_each_event_in_each_state(
    scene: Scene, event: str, before: str, after: str, sent: str | None, told: Any
) -> None:
    link = Link(scene, before)
    bob = scene.bob.pid
    assert link.state == before
    await link.happen(event)
    assert link.state == after
    out = link.note_ids(scene.fake.sent())
    expected: dict[str | None, list[Any]] = {
        None: [],
        "LINK": [(1, bob, THEIRS)],
        "UNLINK_ID": [(35, link.last_id, bob, THEIRS)],
        "ACK": [(36, 77, bob, THEIRS)],
        "EXIT": [(24, bob, THEIRS, BOOM)],
    }
    assert out == expected[sent]
    message = [] if told is None else [(Atom("EXIT"), THEIRS, told)]
    if event != "end":
        assert mail(scene.bob) == message
    assert scene.closed is None


async def test_the_ack_of_an_unlink_that_was_undone_changes_nothing(
    scene: Scene,
) -> None:
    link = Link(scene, UNLINKING)
    first = link.last_id
    await link.happen("link()")
    await link.happen("unlink()")
    link.note_ids(scene.fake.sent())
    assert link.last_id != first
    scene.arrive((36, first, THEIRS, scene.pid))
    assert link.state == UNLINKING
    await link.happen("ACK")
    assert link.state == NONE


class Far:
    """The other role, as a plain table: one process over there, and one link."""

    def __init__(self) -> None:
        self.state: Any = None
        self.ids = 1000

    def link(self) -> list[Any]:
        if self.state == LINKED:
            return []
        self.state = LINKED
        return [("LINK",)]

    def unlink(self) -> list[Any]:
        if self.state != LINKED:
            return []
        self.ids += 1
        self.state = self.ids
        return [("UNLINK_ID", self.ids)]

    def take(self, signal: tuple[Any, ...]) -> list[Any]:
        kind = signal[0]
        if kind == "LINK" and self.state is None:
            self.state = LINKED
        elif kind == "UNLINK_ID":
            if self.state == LINKED:
                self.state = None
            return [("ACK", signal[1])]
        elif kind == "ACK" and self.state == signal[1]:
            self.state = None
        return []


steps = st.sampled_from(["link", "unlink", "far link", "far unlink", "to", "from"])
NAMES = {1: "LINK", 35: "UNLINK_ID", 36: "ACK"}


async def cross(script: list[str]) -> None:
    async with running() as runtime:
        scene = make_scene(runtime)
        bob, far = scene.bob, Far()
        going: list[Any] = []
        coming: list[Any] = []

        def collect() -> None:
            for control in scene.fake.sent():
                number = control[1:2] if control[0] != 1 else ()
                going.append((NAMES[control[0]], *number))

        def one_to() -> None:
            coming.extend(far.take(going.pop(0)))

        def one_from() -> None:
            kind, *number = coming.pop(0)
            numbers = {name: value for value, name in NAMES.items()}
            scene.arrive((numbers[kind], *number, THEIRS, bob.pid))
            collect()

        for step in script:
            if step == "link":
                bob.link_nowait(THEIRS)
            elif step == "unlink":
                bob.unlink(THEIRS)
            elif step == "far link":
                coming.extend(far.link())
            elif step == "far unlink":
                coming.extend(far.unlink())
            elif step == "to" and going:
                one_to()
            elif step == "from" and coming:
                one_from()
            collect()
        while going or coming:
            while going:
                one_to()
            if coming:
                one_from()
        ours = bob.links.get(THEIRS)
        assert ours in (None, LINKED), "an unlink has not ended"
        assert ours == far.state, "one side is linked and the other is not"
        assert (bob, THEIRS) in scene.fake.peer.links or ours is None
        assert scene.closed is None


def make_scene(runtime: Runtime) -> Scene:
    fake = FakePeer(runtime)
    fake.connect()
    return Scene(fake, runtime)


@settings(max_examples=300)
@given(st.lists(steps, max_size=40))
def test_both_sides_agree_whatever_crosses(script: list[str]) -> None:
    import trio

    trio.run(cross, script)
