"""Links and monitors that a peer sets up, takes back and fires."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ergopy.process.links import LINKED
from etf import Atom, Pid
from tests.node.fakes import OTHERS, THEIRS, their_ref
from tests.runtimes import mail, settle, sleeper

if TYPE_CHECKING:
    from tests.node.fakes import Scene

TOKEN = (1, Atom("label"), 1, THEIRS, 0)
BOB = Atom("bob")
HI = Atom("hi")
OOPS = Atom("oops")
NOPROC = Atom("noproc")
UNLINKING = 9


Control = tuple[Any, ...]


ACK = (36, 9, "us", "them")
LINK_ENDS = [
    # event, state before, state after, answer, exit message
    ("link", None, LINKED, None, False),
    ("link", LINKED, LINKED, None, False),
    ("link", UNLINKING, UNLINKING, None, False),
    ("unlink", None, None, ACK, False),
    ("unlink", LINKED, None, ACK, False),
    ("unlink", UNLINKING, UNLINKING, ACK, False),
    ("old unlink", None, None, None, False),
    ("old unlink", LINKED, None, None, False),
    ("ack", None, None, None, False),
    ("ack", LINKED, LINKED, None, False),
    ("ack", UNLINKING, None, None, False),
    ("other ack", UNLINKING, UNLINKING, None, False),
    ("exit", None, None, None, False),
    ("exit", LINKED, None, None, True),
    ("exit", UNLINKING, None, None, False),
    ("old exit", LINKED, None, None, True),
    ("traced exit", LINKED, None, None, True),
    ("old traced exit", LINKED, None, None, True),
]


@pytest.mark.parametrize(("event", "before", "after", "answer", "told"), LINK_ENDS)
async def test_a_link_goes_through_its_states(
    scene: Scene,
    event: str,
    before: int | None,
    after: int | None,
    answer: Any,
    told: bool,
) -> None:
    pid = scene.pid
    events: dict[str, tuple[Control, Any]] = {
        "link": ((1, THEIRS, pid), None),
        "unlink": ((35, 9, THEIRS, pid), None),
        "old unlink": ((4, THEIRS, pid), None),
        "ack": ((36, UNLINKING, THEIRS, pid), None),
        "other ack": ((36, UNLINKING + 1, THEIRS, pid), None),
        "exit": ((24, THEIRS, pid), OOPS),
        "old exit": ((3, THEIRS, pid, OOPS), None),
        "traced exit": ((25, THEIRS, pid, TOKEN), OOPS),
        "old traced exit": ((13, THEIRS, pid, TOKEN, OOPS), None),
    }
    scene.link(before)
    scene.arrive(*events[event])
    assert scene.bob.links.get(THEIRS) == after
    assert ((scene.bob, THEIRS) in scene.fake.peer.links) is (after is not None)
    places = {"us": pid, "them": THEIRS}
    expected = [] if answer is None else [tuple(places.get(x, x) for x in answer)]
    assert scene.fake.sent() == expected
    assert mail(scene.bob) == ([(Atom("EXIT"), THEIRS, OOPS)] if told else [])
    assert scene.closed is None


async def test_a_process_stays_linked_to_the_others_of_a_peer(scene: Scene) -> None:
    scene.arrive((1, THEIRS, scene.pid))
    scene.arrive((1, OTHERS, scene.pid))
    scene.arrive((35, 1, THEIRS, scene.pid))
    assert scene.bob.links == {OTHERS: LINKED}
    assert list(scene.fake.peer.links) == [(scene.bob, OTHERS)]


@pytest.mark.parametrize("dead", ["gone", "earlier"])
async def test_a_link_to_nobody_is_answered_noproc_as_it_was_asked(
    scene: Scene, dead: str
) -> None:
    pid = scene.old(scene.pid)
    if dead == "gone":
        pid = Pid(scene.pid.node, 999, 0, scene.pid.creation)
    scene.arrive((1, THEIRS, pid))
    assert scene.fake.sent() == [(24, pid, THEIRS, NOPROC)]
    scene.fake.assert_nothing_is_kept()
    scene.arrive((35, 2**64 - 1, THEIRS, pid))
    assert scene.fake.sent() == [(36, 2**64 - 1, pid, THEIRS)]
    scene.fake.assert_nothing_is_kept()


async def test_no_link_exit_goes_to_a_pid_of_another_start_of_the_peer(
    scene: Scene,
) -> None:
    earlier = scene.old(THEIRS)
    scene.arrive((1, earlier, Pid(scene.pid.node, 999, 0, scene.pid.creation)))
    assert scene.fake.sent() == []
    assert scene.closed is None


@pytest.mark.parametrize("by_name", [True, False])
async def test_a_monitor_fires_once_with_the_reason(
    scene: Scene, by_name: bool
) -> None:
    target = BOB if by_name else scene.pid
    ref = their_ref(1)
    scene.arrive((19, THEIRS, target, ref))
    assert scene.fake.sent() == []
    scene.bob.end(OOPS)
    await settle()
    assert scene.fake.sent() == [(28, target, THEIRS, ref, OOPS)]
    scene.fake.assert_nothing_is_kept()


@pytest.mark.parametrize(
    "target",
    [
        lambda s: Atom("nobody"),
        lambda s: None,
        lambda s: True,
        lambda s: s.old(s.pid),
        lambda s: Pid(s.pid.node, 999, 0, s.pid.creation),
    ],
)
async def test_a_monitor_of_nobody_is_answered_noproc_as_it_was_asked(
    scene: Scene, target: Any
) -> None:
    whom = target(scene)
    scene.arrive((19, THEIRS, whom, their_ref(1)))
    assert scene.fake.sent() == [(28, whom, THEIRS, their_ref(1), NOPROC)]
    scene.fake.assert_nothing_is_kept()


async def test_a_monitor_of_a_name_stays_on_the_process_that_had_it(
    scene: Scene,
) -> None:
    scene.arrive((19, THEIRS, BOB, their_ref(1)))
    scene.runtime.unregister("bob")
    other = sleeper(scene.runtime, name="bob")
    other.end(OOPS)
    await settle()
    assert scene.fake.sent() == []
    scene.bob.end(HI)
    await settle()
    assert scene.fake.sent() == [(28, BOB, THEIRS, their_ref(1), HI)]


async def test_a_demonitor_is_silent_and_leaves_nothing(scene: Scene) -> None:
    scene.arrive((19, THEIRS, scene.pid, their_ref(1)))
    scene.arrive((20, THEIRS, scene.pid, their_ref(1)))
    scene.arrive((20, THEIRS, scene.pid, their_ref(2)))
    scene.bob.end(OOPS)
    await settle()
    assert scene.fake.sent() == []
    scene.fake.assert_nothing_is_kept()


async def test_a_monitor_reference_that_is_in_use_changes_nothing(
    scene: Scene,
) -> None:
    other = sleeper(scene.runtime)
    scene.arrive((19, THEIRS, scene.pid, their_ref(1)))
    scene.arrive((19, THEIRS, other.pid, their_ref(1)))
    other.end(OOPS)
    await settle()
    assert scene.fake.sent() == []
    assert not other.watchers
    scene.bob.end(HI)
    await settle()
    assert scene.fake.sent() == [(28, scene.pid, THEIRS, their_ref(1), HI)]
