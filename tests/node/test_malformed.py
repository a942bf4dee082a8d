"""What no peer may send: it costs the connection, and nothing else."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from etf import Atom
from tests.node.fakes import EMPTY, THEIRS, THIRD, their_ref
from tests.runtimes import Ends, mail, settle

if TYPE_CHECKING:
    from tests.node.fakes import Scene

TOKEN = (1, Atom("label"), 1, THEIRS, 0)
BOB = Atom("bob")
HI = Atom("hi")
OOPS = Atom("oops")

MALFORMED: list[Any] = [
    lambda s: (99, 1),
    lambda s: (0,),
    lambda s: (-1, THEIRS, s.pid),
    lambda s: (5,),
    lambda s: (6,),
    lambda s: (6, THEIRS, EMPTY),
    lambda s: (6, THEIRS, EMPTY, BOB, BOB),
    lambda s: (6, THEIRS, EMPTY, 12),
    lambda s: (6, THEIRS, EMPTY, [1]),
    lambda s: (6, THEIRS, EMPTY, b"bob"),
    lambda s: (22, THEIRS),
    lambda s: (22, THEIRS, BOB),
    lambda s: (22, THEIRS, 1),
    lambda s: (2, EMPTY, s.alias),
    lambda s: (33, THEIRS, s.pid),
    lambda s: (33, THEIRS),
    lambda s: (37, 4, THEIRS),
    lambda s: (37, -1, THEIRS, s.pid),
    lambda s: (37, True, THEIRS, s.pid),
    lambda s: (37, BOB, THEIRS, s.pid),
    lambda s: (37, 1.0, THEIRS, s.pid),
    lambda s: (37, 12, THEIRS, s.alias),
    lambda s: (37, 2, THEIRS, s.pid),
    lambda s: (37, 0, THEIRS, BOB),
    lambda s: (37, 4, THEIRS, s.pid),
    lambda s: (37, 8, THEIRS, s.pid),
    lambda s: (37, 20, THEIRS, s.pid),
    lambda s: (19, THEIRS, s.pid),
    lambda s: (19, THIRD, s.pid, their_ref(1)),
    lambda s: (19, s.pid, s.pid, their_ref(1)),
    lambda s: (19, THEIRS, THIRD, their_ref(1)),
    lambda s: (19, THEIRS, 12, their_ref(1)),
    lambda s: (19, THEIRS, [BOB], their_ref(1)),
    lambda s: (19, THEIRS, s.pid, 1),
    lambda s: (19, BOB, s.pid, their_ref(1)),
    lambda s: (20, THEIRS, s.pid, 1),
    lambda s: (20, THEIRS, s.pid),
    lambda s: (21, THEIRS, s.pid, 1, OOPS),
    lambda s: (28, THEIRS, s.pid, 1),
    lambda s: (28, THEIRS, s.pid),
    lambda s: (1, THIRD, s.pid),
    lambda s: (1, s.pid, s.pid),
    lambda s: (1, THEIRS, THIRD),
    lambda s: (1, THEIRS, BOB),
    lambda s: (1, BOB, s.pid),
    lambda s: (1, THEIRS),
    lambda s: (24, THIRD, s.pid),
    lambda s: (24, THEIRS, THIRD),
    lambda s: (3, THEIRS, s.pid),
    lambda s: (26, THIRD, s.pid),
    lambda s: (26, THEIRS, THIRD),
    lambda s: (26, THEIRS, BOB),
    lambda s: (8, THEIRS, s.pid),
    lambda s: (4, THIRD, s.pid),
    lambda s: (35, 0, THEIRS, s.pid),
    lambda s: (35, -1, THEIRS, s.pid),
    lambda s: (35, 2**64, THEIRS, s.pid),
    lambda s: (35, True, THEIRS, s.pid),
    lambda s: (35, 1, THIRD, s.pid),
    lambda s: (35, 1, THEIRS, THIRD),
    lambda s: (35, 1, THEIRS, BOB),
    lambda s: (36, BOB, THEIRS, s.pid),
    lambda s: (36, 1, THIRD, s.pid),
    lambda s: (7, BOB, s.pid),
    lambda s: (31, 1, s.pid, 0, OOPS),
    lambda s: (31, their_ref(1), s.pid, OOPS, OOPS),
    lambda s: (31, their_ref(1), s.pid, 0, 1),
    lambda s: (12, EMPTY, s.pid),
    lambda s: (13, THEIRS, s.pid, OOPS),
    lambda s: (16, THEIRS, EMPTY, BOB),
    lambda s: (18, THEIRS, s.pid, OOPS),
    lambda s: (23, THEIRS, s.pid),
    lambda s: (25, THEIRS, s.pid),
    lambda s: (25, THIRD, s.pid, TOKEN),
    lambda s: (27, THEIRS, s.pid),
    lambda s: (30, their_ref(1), THEIRS, THEIRS, (BOB, BOB, 0), []),
    lambda s: (32, their_ref(1), s.pid, 0, OOPS),
    lambda s: (34, THEIRS, s.alias),
]


@pytest.mark.parametrize("control", MALFORMED)
async def test_what_breaks_a_rule_closes_the_connection_and_nothing_else(
    scene: Scene, control: Any, caplog: pytest.LogCaptureFixture
) -> None:
    ends = Ends(scene.bob)
    good = (22, THEIRS, scene.pid)
    with caplog.at_level(logging.DEBUG):
        scene.dispatcher.deliver(
            [(good, 1), (control(scene), HI), (good, 2), (control(scene), HI)]
        )
    await settle()
    assert scene.closed
    assert scene.fake.wire.error is not None
    assert mail(scene.bob) == [1]
    assert ends.reasons == []
    assert scene.fake.sent() == []
    assert scene.spawns == []
    assert not scene.bob.links
    # Only our own mistakes are worth a traceback.
    assert caplog.text == ""


async def test_the_reason_is_short_whatever_was_sent(scene: Scene) -> None:
    scene.arrive((22, THEIRS, [b"x" * 1000] * 1000))
    assert len(scene.closed or "") < 1000
