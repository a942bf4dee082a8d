"""What is sent for a signal depends on what the connection shares."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from ergopy.dist.flags import OFFERED_VISIBLE, Flag
from ergopy.node import forms
from etf import Atom, Pid, Reference
from tests.node.fakes import CREATION, EMPTY, OTHERS, PEER, THEIRS, FakePeer
from tests.runtimes import mail, sleeper

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime

ALIAS = Reference(PEER, CREATION, (7, 8, 9))
EARLIER = Pid(PEER, 50, 0, CREATION - 1)
HI, BOB = Atom("hi"), Atom("bob")
OLDER = OFFERED_VISIBLE & ~Flag.ALTACT_SIG
NOPROC = Atom("noproc")


@pytest.fixture
async def down(runtime: Runtime) -> FakePeer:
    """A peer that is not connected."""
    return FakePeer(runtime)


# what is sent, how, to OTP 28 and to older releases; `me` is the sender's pid
PRIORITY: list[tuple[Any, Any, Any, Any]] = [
    ("send", ALIAS, (37, 5, "me", ALIAS), (33, "me", ALIAS)),
    ("send", THEIRS, (37, 1, "me", THEIRS), (22, "me", THEIRS)),
    ("send", "bob", (37, 9, "me", BOB), (6, "me", EMPTY, BOB)),
    ("exit", ALIAS, (37, 21, "me", ALIAS), None),
    ("exit", THEIRS, (37, 17, "me", THEIRS), (26, "me", THEIRS)),
    ("plain exit", ALIAS, (37, 20, "me", ALIAS), None),
    ("plain exit", THEIRS, (26, "me", THEIRS), (26, "me", THEIRS)),
]


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize("flags", [OFFERED_VISIBLE, OLDER], ids=["new", "older"])
@pytest.mark.parametrize(("what", "to", "new", "older"), PRIORITY)
async def test_an_alias_or_priority_signal_has_the_form_that_is_understood(
    down: FakePeer,
    runtime: Runtime,
    caplog: pytest.LogCaptureFixture,
    what: str,
    to: Any,
    new: Any,
    older: Any,
    flags: Flag,
    early: bool,
) -> None:
    me = runtime.root.pid
    if not early:
        down.connect(flags)
    with caplog.at_level(logging.DEBUG):
        if what == "send":
            down.peer.send_priority(me, to, HI)
        else:
            down.peer.exit_signal(me, to, HI, priority=what == "exit")
        if early:
            down.connect(flags)
    form = new if flags is OFFERED_VISIBLE else older
    if form is None:
        assert down.sent() == []
        assert "one is dropped" in caplog.text
    else:
        control = tuple(me if part == "me" else part for part in form)
        assert down.sent() == [(*control, HI)]


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize("lacks", [Flag.DIST_MONITOR, Flag.DIST_MONITOR_NAME])
async def test_without_both_flags_a_monitor_watches_the_connection_only(
    down: FakePeer, runtime: Runtime, lacks: Flag, early: bool
) -> None:
    flags = OFFERED_VISIBLE & ~lacks
    bob = sleeper(runtime)
    if not early:
        down.connect(flags)
    ref, other = bob.monitor_nowait(THEIRS), bob.monitor_nowait(OTHERS)
    if early:
        down.connect(flags)
    bob.demonitor(other)
    assert down.sent() == []
    down.peer.lost()
    assert [(d.ref, d.reason) for d in mail(bob)] == [(ref, Atom("noconnection"))]
    down.assert_nothing_is_kept()


@pytest.mark.parametrize("early", [True, False])
async def test_a_peer_without_aliases_gets_no_message_to_one(
    down: FakePeer, runtime: Runtime, early: bool
) -> None:
    flags = OLDER & ~Flag.ALIAS
    if not early:
        down.connect(flags)
    down.peer.send_priority(runtime.root.pid, ALIAS, HI)
    if early:
        down.peer.send_alias(runtime.root.pid, ALIAS, HI)
        down.connect(flags)
    assert down.sent() == []


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize("unlinked", [True, False])
async def test_a_link_to_an_earlier_start_of_the_peer_is_none(
    down: FakePeer, runtime: Runtime, early: bool, unlinked: bool
) -> None:
    """A BEAM would close the connection on what else there is to say about it."""
    bob = sleeper(runtime, trap=True)
    if not early:
        down.connect()
    bob.link_nowait(EARLIER)
    if unlinked:
        bob.unlink(EARLIER)
    if early:
        down.connect()
    assert down.sent() == []
    assert not bob.links
    told = [] if unlinked and early else [(Atom("EXIT"), EARLIER, NOPROC)]
    assert mail(bob) == told
    down.assert_nothing_is_kept()


@pytest.mark.parametrize(
    "control",
    [
        (24, THEIRS, EARLIER),
        (35, 1, THEIRS, EARLIER),
        (36, 1, THEIRS, EARLIER),
    ],
)
async def test_signals_of_links_go_to_no_earlier_start(control: Any) -> None:
    assert forms.on_link(OFFERED_VISIBLE, CREATION, control) is None
    now = (*control[:-1], THEIRS)
    assert forms.on_link(OFFERED_VISIBLE, CREATION, now) == now


async def test_the_end_of_a_process_touches_its_own_links_only(
    down: FakePeer, runtime: Runtime
) -> None:
    """However many there are: none is looked for among the others."""
    looked_at = 0

    class Counting(dict[Any, Any]):
        def __iter__(self) -> Any:
            nonlocal looked_at
            looked_at += len(self)
            return super().__iter__()

    down.connect()
    one, two = sleeper(runtime), sleeper(runtime)
    down.peer.links = Counting()
    for number in range(500):
        one.link_nowait(Pid(PEER, 1000 + number, 0, CREATION))
        two.link_nowait(Pid(PEER, 1000 + number, 0, CREATION))
    one.finish(HI)
    assert looked_at == 0
    assert len(down.peer.links) == 500
    assert {process for process, _ in dict.keys(down.peer.links)} == {two}
