"""What others can make the name server keep has an end."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from ergopy.services.globals import actions as do
from ergopy.services.globals import cluster, losses, words
from ergopy.services.globals.machine import Machine
from etf import Atom, Pid

if TYPE_CHECKING:
    import pytest

OWN = Atom("a@x")
FROM = (Pid(Atom("b@x"), 7, 0, 1), 1)


def machine(**limits: Any) -> Machine:
    locker = Pid(OWN, 1, 0, 1)
    return Machine(OWN, 1, locker, random.Random(1), **limits)


def answer(it: Machine, request: Any) -> Any:
    assert it.call(request, FROM)
    (reply,) = [a for a in it.actions() if isinstance(a, do.Reply)]
    return reply.value


def test_names_beyond_the_limit_are_not_kept_and_logged_once() -> None:
    it = machine(max_names=2)
    it.cluster.add([(FROM[0].node, 8)])
    for name in range(5):
        request = (Atom("register"), name, FROM[0], words.RANDOM_EXIT)
        assert it.call(request, FROM)
    logs = [a for a in it.actions() if isinstance(a, do.Log)]
    assert (len(it.names), len(logs)) == (2, 1)
    # Another owner takes no more room.
    other = Pid(FROM[0].node, 8, 0, 1)
    assert answer(it, (Atom("register"), 1, other, words.RANDOM_EXIT)) == "yes"
    entry = it.names.find(1)
    assert entry is not None
    assert entry.pid == other
    assert answer(it, (Atom("unregister"), 0)) == "ok"
    assert it.call((Atom("register"), 9, FROM[0], words.RANDOM_EXIT), FROM)
    assert it.names.find(9) is not None


def test_a_lock_beyond_the_limit_is_refused() -> None:
    it = machine(max_locks=2)
    asked = [answer(it, (Atom("set_lock"), (n, 1))) for n in range(4)]
    assert asked == [True, True, False, False]
    assert answer(it, (Atom("set_lock"), (0, 1))) is True
    assert answer(it, (Atom("del_lock"), (0, 1))) is True
    assert answer(it, (Atom("set_lock"), (3, 1))) is True


def test_nodes_beyond_the_limit_are_not_believed_in() -> None:
    seen: list[Any] = []
    it = cluster.Cluster(OWN, seen.append, limit=2)
    nodes = [(Atom(f"n{n}@x"), 8) for n in range(5)]
    assert len(it.add(nodes)) == 2
    assert len(it.known) == 2
    assert sum(isinstance(action, do.Log) for action in seen) == 1


def test_of_too_many_that_wait_to_be_in_sync_the_oldest_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cluster, "MAX_WAITING", 2)
    it = machine()
    for number in range(3):
        assert it.call((Atom("sync"), [Atom("z@x")]), (FROM[0], number))
    replies = [a for a in it.actions() if isinstance(a, do.Reply)]
    assert [reply.from_[1] for reply in replies] == [0]
    it.not_found(Atom("z@x"))
    replies = [a for a in it.actions() if isinstance(a, do.Reply)]
    assert sorted(reply.from_[1] for reply in replies) == [1, 2]


def test_reports_of_losses_are_forgotten() -> None:
    a, b, c = Atom("a@x"), Atom("b@x"), Atom("c@x")
    it = losses.Losses(limit=2)
    assert it.is_new(a, 5, 1, b, 0.0)
    assert not it.is_new(a, 5, 1, b, 1.0)
    assert it.is_new(a, 5, 2, b, 1.0)
    assert not it.is_new(a, 5, 1, b, 1.0)
    assert it.is_new(a, 6, 1, b, 1.0)
    assert it.is_new(a, 6, 1, c, 2.0)
    assert it.is_new(b, 6, 1, c, 2.0)
    assert len(it) == 2
    assert it.is_new(c, 1, 1, a, 2.0 + words.LOST_SECONDS)
    assert len(it) == 1


def test_two_nodes_out_of_step_connect_anew_in_the_end() -> None:
    it = machine()
    b = Atom("b@x")
    it.node_up(b)
    for _ in range(words.MAX_RESTARTS + 1):
        session = it.sessions.by_node[b]
        assert it.info((Atom("cancel_connect"), b, session.my_tag), 0.0)
    assert do.Rejoin(b) in it.actions()
    it.node_down(b)
    it.node_up(b)
    assert b in it.sessions.by_node


def test_a_name_is_refused_when_its_lock_was_lost() -> None:
    it = machine()
    registrar, _ = FROM
    it.cluster.add([(registrar.node, 8)])
    assert answer(it, (Atom("set_lock"), (Atom("global"), registrar))) is True
    it.down(1)
    request = (Atom("register"), 1, registrar, words.RANDOM_EXIT)
    assert answer(it, request) == "yes"
    assert it.names.find(1) is None


def test_who_asks_for_a_name_while_names_change_is_answered_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ergopy.services.globals.machine.MAX_WAITING", 2)
    it = machine()
    registrar = Pid(OWN, 8, 0, 1)
    lock = (Atom("global"), registrar)
    assert it.call((Atom("set_lock"), lock), (registrar, 1))
    it.actions()
    questions = [(Atom("whereis"), 1, (FROM[0], number)) for number in range(3)]
    for question in questions:
        assert it.info(question, 0.0)
    acts = it.actions()
    later = [a.message for a in acts if isinstance(a, do.Later)]
    assert later == questions[:2]
    assert [a.from_[1] for a in acts if isinstance(a, do.Reply)] == [2]
    it.again(later[0])
    assert [a.message for a in it.actions() if isinstance(a, do.Later)] == later[:1]
    request = (Atom("register"), 1, registrar, words.RANDOM_EXIT)
    assert it.call(request, (registrar, 1))
    assert it.call((Atom("del_lock"), lock), (registrar, 1))
    it.actions()
    it.again(later[0])
    it.again((Atom("whereis"), 2, later[1][2]))
    assert it.actions() == [
        do.Reply((FROM[0], 0), registrar),
        do.Reply((FROM[0], 1), Atom("undefined")),
    ]
