"""What a peer may send, links and monitors apart, and what it may not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ergopy.dist.flags import OFFERED_VISIBLE, Flag
from ergopy.node.dispatch import Dispatcher
from ergopy.process.links import LINKED
from etf import Atom, ImproperList, Pid, Reference
from tests.node.fakes import EMPTY, OTHERS, PEER, THEIRS, FakePeer, their_ref
from tests.runtimes import Ends, mail, settle, sleeper

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime
    from tests.node.fakes import Scene

TOKEN = (1, Atom("label"), 1, THEIRS, 0)
BOB = Atom("bob")
HI = Atom("hi")
OOPS = Atom("oops")


@pytest.mark.parametrize(
    "control",
    [
        lambda s: (2, EMPTY, s.pid),
        lambda s: (22, THEIRS, s.pid),
        lambda s: (6, THEIRS, EMPTY, BOB),
        lambda s: (33, THEIRS, s.alias),
        lambda s: (37, 0, THEIRS, s.pid),
        lambda s: (37, 1, THEIRS, s.pid),
        lambda s: (37, 4, THEIRS, s.alias),
        lambda s: (37, 5, THEIRS, s.alias),
        lambda s: (37, 8, THEIRS, BOB),
        lambda s: (37, 9, THEIRS, BOB),
        lambda s: (37, 6, THEIRS, s.alias, TOKEN),
        lambda s: (37, 2, THEIRS, s.pid, TOKEN),
        lambda s: (37, 1 << 70 | 4, THEIRS, s.alias),
        lambda s: (37, 4, THEIRS, s.alias, TOKEN),
        lambda s: (12, EMPTY, s.pid, TOKEN),
        lambda s: (16, THEIRS, EMPTY, BOB, TOKEN),
        lambda s: (23, THEIRS, s.pid, TOKEN),
        lambda s: (34, THEIRS, s.alias, TOKEN),
    ],
)
async def test_a_message_arrives_in_whatever_form(scene: Scene, control: Any) -> None:
    scene.arrive(control(scene), HI)
    assert mail(scene.bob) == [HI]
    assert scene.closed is None


@pytest.mark.parametrize(
    "control",
    [
        lambda s: (22, THEIRS, s.old(s.pid)),
        lambda s: (2, EMPTY, s.old(s.pid)),
        lambda s: (22, THEIRS, Pid(s.pid.node, s.pid.id, 5, s.pid.creation)),
        lambda s: (22, THEIRS, Pid(Atom("x@y"), s.pid.id, 0, s.pid.creation)),
        lambda s: (22, THEIRS, Pid(s.pid.node, 999, 0, s.pid.creation)),
        lambda s: (6, THEIRS, EMPTY, Atom("nobody")),
        lambda s: (6, THEIRS, EMPTY, None),
        lambda s: (6, THEIRS, EMPTY, True),
        lambda s: (33, THEIRS, Reference(s.pid.node, s.pid.creation, (1, 2, 3))),
        lambda s: (33, THEIRS, Reference(s.pid.node, 1, s.alias.words)),
        lambda s: (33, THEIRS, Reference(PEER, s.pid.creation, s.alias.words)),
        lambda s: (37, 4, THEIRS, Reference(s.pid.node, 1, s.alias.words)),
        lambda s: (37, 20, THEIRS, Reference(s.pid.node, 1, s.alias.words)),
        lambda s: (37, 16, THEIRS, s.old(s.pid)),
        lambda s: (37, 24, THEIRS, Atom("nobody")),
        lambda s: (26, THEIRS, s.old(s.pid)),
        lambda s: (24, THEIRS, s.old(s.pid)),
        lambda s: (24, THEIRS, s.pid),
        lambda s: (28, BOB, s.pid, their_ref(4)),
    ],
)
async def test_a_signal_to_nobody_is_dropped(scene: Scene, control: Any) -> None:
    scene.arrive(control(scene), HI)
    assert mail(scene.bob) == []
    assert scene.closed is None
    assert scene.fake.sent() == []


@pytest.mark.parametrize(
    ("value", "word"), [(None, "nil"), (True, "true"), (False, "false")]
)
async def test_a_name_that_python_has_a_value_for_is_found(
    scene: Scene, value: Any, word: str
) -> None:
    scene.runtime.register(word, scene.pid)
    scene.arrive((6, THEIRS, EMPTY, value), HI)
    scene.arrive((19, THEIRS, value, their_ref(1)))
    assert mail(scene.bob) == [HI]
    assert scene.fake.sent() == []
    assert len(scene.fake.peer.watches) == 1


async def test_the_reply_of_an_abandoned_call_reaches_no_mailbox(scene: Scene) -> None:
    old = Reference(scene.runtime.name, scene.runtime.creation, (1, 2, 3))
    reply = (ImproperList([Atom("alias")], old), Atom("yes"))
    scene.arrive((22, THEIRS, scene.pid), reply)
    assert mail(scene.bob) == []
    theirs = (ImproperList([Atom("alias")], their_ref(1)), Atom("yes"))
    scene.arrive((22, THEIRS, scene.pid), theirs)
    assert mail(scene.bob) == [theirs]


@pytest.mark.parametrize(
    ("control", "message"),
    [
        (lambda s: (26, THEIRS, s.pid), OOPS),
        (lambda s: (8, THEIRS, s.pid, OOPS), None),
        (lambda s: (27, THEIRS, s.pid, TOKEN), OOPS),
        (lambda s: (18, THEIRS, s.pid, TOKEN, OOPS), None),
        (lambda s: (37, 16, THEIRS, s.pid), OOPS),
        (lambda s: (37, 17, THEIRS, s.pid), OOPS),
        (lambda s: (37, 20, THEIRS, s.alias), OOPS),
        (lambda s: (37, 24, THEIRS, BOB), OOPS),
    ],
)
async def test_an_exit_signal_arrives_in_whatever_form(
    scene: Scene, control: Any, message: Any
) -> None:
    scene.arrive(control(scene), message)
    assert mail(scene.bob) == [(Atom("EXIT"), THEIRS, OOPS)]


async def test_kill_over_a_link_is_trapped_and_from_exit_is_not(scene: Scene) -> None:
    ends = Ends(scene.bob)
    scene.link(LINKED)
    scene.arrive((24, THEIRS, scene.pid), Atom("kill"))
    await settle()
    assert mail(scene.bob) == [(Atom("EXIT"), THEIRS, Atom("kill"))]
    assert ends.reasons == []
    scene.arrive((26, THEIRS, scene.pid), Atom("kill"))
    await settle()
    assert ends.reasons == [Atom("killed")]


class Told:
    def __init__(self) -> None:
        self.reasons: list[Any] = []
        self.answers: list[Any] = []

    def fire(self, reason: Any) -> None:
        self.reasons.append(reason)

    def spawned(self, flags: int, result: Any) -> None:
        self.answers.append((flags, result))


@pytest.mark.parametrize("old", [True, False])
async def test_the_end_of_a_monitored_process_is_told_once(
    scene: Scene, old: bool
) -> None:
    told = Told()
    ref = scene.runtime.new_reference()
    scene.fake.peer.monitors[ref.words] = told
    for _ in range(2):
        if old:
            scene.arrive((21, THEIRS, scene.pid, ref, OOPS))
        else:
            scene.arrive((28, THEIRS, scene.pid, ref), OOPS)
    assert told.reasons == [OOPS]


@pytest.mark.parametrize("traced", [True, False])
@pytest.mark.parametrize("result", [THEIRS, Atom("badopt"), None])
async def test_the_answer_to_a_spawn_request_is_told_once(
    scene: Scene, traced: bool, result: Any
) -> None:
    told = Told()
    ref = scene.runtime.new_reference()
    scene.fake.peer.spawns[ref.words] = told
    for _ in range(2):
        if traced:
            scene.arrive((32, ref, scene.pid, 2, result, TOKEN))
        else:
            scene.arrive((31, ref, scene.pid, 2, result))
    assert told.answers == [(2, result)]
    assert scene.closed is None


async def test_a_spawn_request_loses_its_token(scene: Scene) -> None:
    mfa = (Atom("m"), Atom("f"), 0)
    plain = (29, their_ref(1), THEIRS, THEIRS, mfa, [])
    scene.arrive(plain, [])
    scene.arrive((30, *plain[1:], TOKEN), [])
    assert scene.spawns == [plain, plain]


async def test_the_group_leader_can_be_set(scene: Scene) -> None:
    scene.arrive((7, THEIRS, scene.pid))
    assert scene.bob.group_leader == THEIRS
    scene.arrive((7, OTHERS, scene.old(scene.pid)))
    assert scene.bob.group_leader == THEIRS


async def test_a_mistake_of_ours_is_logged_and_ends_that_connection_only(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def fire(self, reason: Any) -> None:
            raise LookupError("a bug")

    ref = scene.runtime.new_reference()
    scene.fake.peer.monitors[ref.words] = Broken()
    scene.dispatcher.deliver(
        [((28, THEIRS, scene.pid, ref), OOPS), ((22, THEIRS, scene.pid), HI)]
    )
    assert "a bug" in (scene.closed or "")
    assert "Traceback" in caplog.text
    assert mail(scene.bob) == []


async def test_what_arrives_after_the_connection_is_lost_is_answered_by_nobody(
    scene: Scene,
) -> None:
    scene.fake.peer.lost()
    scene.arrive((19, THEIRS, Atom("nobody"), their_ref(1)))
    scene.arrive((99,))
    assert scene.fake.sent() == []


@pytest.mark.parametrize("sender", [True, False])
@pytest.mark.parametrize("payload", [True, False])
async def test_a_node_that_lacks_newer_forms_gets_the_old_ones(
    runtime: Runtime, sender: bool, payload: bool
) -> None:
    flags = OFFERED_VISIBLE
    if not sender:
        flags &= ~Flag.SEND_SENDER
    if not payload:
        flags &= ~Flag.EXIT_PAYLOAD
    fake = FakePeer(runtime)
    root = runtime.root
    fake.peer.exit_signal(root.pid, THEIRS, HI)
    fake.connect(flags)
    bob = sleeper(runtime)
    fake.peer.add_link(bob, THEIRS)
    Dispatcher(fake.peer, runtime, lambda *_: None).deliver(
        [((19, OTHERS, bob.pid, their_ref(1)), None)]
    )
    fake.peer.send(root.pid, THEIRS, HI)
    fake.peer.send_many(root.pid, [THEIRS], fake.peer.encode(HI))
    bob.end(OOPS)
    await settle()
    message = (22, root.pid, THEIRS, HI) if sender else (2, EMPTY, THEIRS, HI)
    exits = (26, 24, 28) if payload else (8, 3, 21)
    assert fake.sent() == [
        (exits[0], root.pid, THEIRS, HI),
        message,
        message,
        (exits[1], bob.pid, THEIRS, OOPS),
        (exits[2], bob.pid, OTHERS, their_ref(1), OOPS),
    ]
