"""Every control message, good and bad, against what BEAMs do with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from etf import Pid, Reference
from tests.node.fakes import PEER, THEIRS, THIRD
from tests.runtimes import mail, settle
from tests.signal_rows import ROWS, Row, fill, name

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime
    from tests.node.fakes import Scene

OUTCOMES = json.loads(
    (Path(__file__).parents[1] / "data" / "signal_outcomes.json").read_text()
)

# OTP 26 and later close on it; older nodes may have it in a queue.
LIKE_25 = {"UNLINK"}

# A BEAM sends this, and closes on it; see ``checks.find_ours``.
KINDER: dict[str, list[Any]] = {
    "UNLINK_ID to=<old>": [["36", "5", "<old>", "<me>"]],
    "UNLINK_ID_ACK to=<old>": [],
    "EXIT to=<old>": [],
    "EXIT_TT to=<old>": [],
    "PAYLOAD_EXIT to=<old>": [],
    "PAYLOAD_EXIT_TT to=<old>": [],
}
NOTHING = {"sent": [], "mail": [], "links": [], "watchers": [], "leader": False}

# What a BEAM lets pass, and we take for what it is: a mistake of the peer.
STRICTER = {
    # A BEAM answers "noproc" from something that is no pid.
    *(f"LINK to={what}" for what in ("7", "<ref>", "[]", "x")),
}


def words(scene: Scene) -> dict[str, Any]:
    bob, node, creation = scene.pid, scene.pid.node, scene.pid.creation
    return {
        "me": THEIRS,
        "my old": Pid(PEER, THEIRS.id, THEIRS.serial, THEIRS.creation - 1),
        "third": THIRD,
        "bob": bob,
        "dead": Pid(node, 999, 0, creation),
        "old": Pid(node, bob.id, bob.serial, creation - 1),
        "ref": Reference(PEER, THEIRS.creation, (1, 2, 3)),
        "their ref": Reference(node, creation, (1, 2, 3)),
        "old ref": Reference(node, creation - 1, (1, 2, 3)),
        "third ref": Reference(THIRD.node, 7, (1, 2, 3)),
        "alias": scene.alias,
        "old alias": Reference(node, creation - 1, scene.alias.words),
    }


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_a_control_message_has_the_outcome_it_has_on_a_beam(
    scene: Scene, runtime: Runtime, row: Row
) -> None:
    bob, known = scene.bob, words(scene)
    leader = bob.group_leader
    control = fill(row.control, known)
    scene.arrive(control, row.payload)
    await settle()
    if scene.closed is not None:
        seen: Any = {"closed": True}
    else:
        seen = {
            "sent": name(scene.fake.sent(), known),
            "mail": name(mail(bob), known),
            "links": name(list(bob.links), known),
            "watchers": [
                "<me>"
                for watch in scene.fake.peer.watches.values()
                if watch.watcher == known["me"]
            ],
            "leader": bob.group_leader != leader,
        }
    expected = OUTCOMES["25" if row.name in LIKE_25 else "28"][row.name]
    if row.name in STRICTER:
        assert seen != expected, "no exception is needed any more"
        expected = {"closed": True}
    elif row.name in KINDER:
        assert expected == {"closed": True}, "no exception is needed any more"
        expected = NOTHING | {"sent": KINDER[row.name]}
    assert seen == expected
