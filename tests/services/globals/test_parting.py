"""Nodes that are lost, and come again before everybody has heard of it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from ergopy.services.globals import actions as do
from ergopy.services.globals import words
from ergopy.services.globals.locker import Locker
from ergopy.services.globals.steps import Ask, Emit, Pause, Take, set_lock, while_locked
from etf import Atom, Pid

from .alone import GLOBAL, A, B, C, Z, machine

if TYPE_CHECKING:
    from ergopy.services.globals.machine import Machine


def register(it: Machine, registrar: Pid, name: Any = 1) -> None:
    pid = Pid(registrar.node, 9, 0, 1)
    request = (Atom("register"), name, pid, words.RANDOM_EXIT)
    assert it.call(request, (registrar, 1))


@pytest.mark.parametrize(("node", "is_kept"), [(A, True), (B, True), (C, False)])
def test_a_name_is_taken_from_registrars_of_the_cluster(
    node: Atom, is_kept: bool
) -> None:
    it = machine(B)
    registrar = Pid(node, 8, 0, 1)
    assert it.call((Atom("set_lock"), (GLOBAL, registrar)), (registrar, 1))
    register(it, registrar)
    assert (it.names.find(1) is not None) == is_kept
    assert do.Reply((registrar, 1), Atom("yes")) in it.actions()


def test_names_of_a_node_go_with_it_when_we_part() -> None:
    it = machine(B, C)
    register(it, Pid(B, 8, 0, 1), "b")
    register(it, Pid(C, 8, 0, 1), "c")
    it.actions()
    lost = (Atom("lost_connection"), B, 1, 1, C)
    assert it.info(lost, 0.0)
    assert do.Send(C, (Atom("remove_connection"), A)) in it.actions()
    assert (it.names.find("b") is not None, it.names.find("c")) == (True, None)
    assert it.cluster.removing == {C}
    it.node_down(C)
    # It was not lost to us: we have parted. Nobody is to be told.
    assert not [a for a in it.actions() if isinstance(a, do.Send)]
    assert not it.cluster.removing


def test_a_node_of_an_old_release_is_disconnected_at_once() -> None:
    it = machine(B)
    it.cluster.add([(C, 6)])
    assert it.info((Atom("lost_connection"), B, 1, 1, C), 0.0)
    acts = it.actions()
    assert do.Disconnect(C) in acts
    assert not [a for a in acts if isinstance(a, do.Send) and a.node == C]


def test_who_is_not_heard_to_know_us_may_part_with_us() -> None:
    it = machine()
    it.node_up(B)
    assert it.cast((Atom("in_sync"), B, True))
    it.actions()
    assert it.info((Atom("remove_connection"), B), 0.0)
    assert do.Disconnect(B) in it.actions()


def test_a_stranger_cannot_have_others_disconnected() -> None:
    it = machine(C)
    assert it.info((Atom("remove_connection"), Z), 0.0)
    assert it.info((Atom("lost_connection"), B, 1, 1, Z), 0.0)
    acts = it.actions()
    assert not [a for a in acts if isinstance(a, do.Disconnect)]
    assert not [a for a in acts if isinstance(a, do.Send) and a.node == Z]


@pytest.mark.parametrize("off", ["connect_all", "prevent", "closing"])
def test_without_prevention_nobody_is_told_of_a_loss(off: str) -> None:
    it = machine(B, C)
    setattr(it, off, off == "closing")
    it.node_down(B)
    assert it.info((Atom("lost_connection"), B, 1, 1, C), 0.0)
    assert not [a for a in it.actions() if isinstance(a, do.Send)]


def test_a_lock_whose_holder_asked_too_late_goes_with_the_node() -> None:
    # Its request waited until after the loss: no end of a process is told.
    it = machine(B)
    registrar = Pid(B, 8, 0, 1)
    assert it.call((Atom("set_lock"), (GLOBAL, registrar)), (registrar, 1))
    (watch,) = (a for a in it.actions() if isinstance(a, do.Watch))
    it.node_down(B)
    assert do.Forget(watch.key) in it.actions()
    assert it.locks.of_all is None
    it.cluster.add([(B, 8)])
    register(it, registrar)
    assert it.names.find(1) is None


def test_who_wants_all_locked_lets_go_of_the_first_when_others_refuse() -> None:
    steps: Any = while_locked(_View(Z), Pid(A, 1, 0, 1), _nothing)
    step = steps.send(None)
    assert step == Ask((Z,), (Atom("set_lock"), (GLOBAL, Pid(A, 1, 0, 1))))
    step = steps.send({Z: True})
    assert set(step.nodes) == {A, Z}
    step = steps.send({A: False, Z: True})
    assert step == Ask((Z,), (Atom("del_lock"), step.request[1]))
    step = steps.send({Z: True})
    # As often as it was granted: once more for the first.
    assert step == Ask((Z,), (Atom("del_lock"), step.request[1]))
    assert isinstance(steps.send({Z: True}), Pause)


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_a_lock_is_tried_once_and_then_as_often_as_wanted(retries: int) -> None:
    steps: Any = set_lock(_View(), (1, 2), [A], retries)
    tries = 0
    step = next(steps)
    while step is not None:
        if isinstance(step, Ask):
            tries += 1
            step = steps.send({A: False}) if tries <= retries else None
        else:
            assert isinstance(step, Pause)
            step = next(steps)
    with pytest.raises(StopIteration) as end:
        steps.send({A: False})
    assert end.value.value is False
    assert tries == 1 + retries


@pytest.mark.parametrize(
    ("extra", "is_kept"),
    [
        ([(Atom("lock"), (GLOBAL, 5))], True),
        ([(Atom("lock"), (GLOBAL, 6))], False),
        ([(Atom("vsn"), 8)], False),
        ("rubbish", False),
    ],
)
def test_new_nodes_bring_names_under_their_lock_only(extra: Any, is_kept: bool) -> None:
    it = machine(B)
    holder = Pid(B, 8, 0, 1)
    assert it.call((Atom("set_lock"), (GLOBAL, 5)), (holder, 1))
    ops = [(Atom("insert"), ("n", holder, words.RANDOM_EXIT))]
    assert it.cast((Atom("new_nodes"), B, ops, [], [(C, 8)], extra))
    assert (it.names.find("n") is not None) == is_kept
    assert it.cluster.known == {B: 8, C: 8}


def _nothing(nodes: tuple[Atom, ...]) -> Any:
    yield Pause(0.0)


class _View:
    own = A

    def __init__(self, *known: Atom) -> None:
        self._known = known
        self.rng = random.Random(1)

    def known(self) -> list[Atom]:
        return list(self._known)

    def can_set(self, resource: Any, requester: Any) -> bool:
        return True

    def is_locked(self) -> bool:
        return False


def _yes(step: Ask) -> dict[Atom, Any]:
    return dict.fromkeys(step.nodes, True)


def test_a_locker_gives_the_lock_back_wherever_it_has_it() -> None:
    # Z is the boss. It was lost and came again while it was being locked.
    steps: Any = Locker(_View(), Pid(A, 1, 0, 1)).run()
    assert isinstance(steps.send(None), Take)
    him = do.Him(B, Pid(B, 1, 0, 1), 8, 7, 5)
    step: Any = None
    for message in (do.Known(added=(C, Z)), him):
        step = steps.send(message)
    while isinstance(step, Take):
        step = steps.send(None)
    assert step.nodes == (Z,)
    assert isinstance(steps.send(_yes(step)), Take)
    assert isinstance(steps.send(do.Known(removed=Z)), Take)
    second = steps.send(None)
    assert set(second.nodes) == {A, B}
    third = steps.send(_yes(second))
    assert third.nodes == (C,)
    assert isinstance(steps.send(_yes(third)), Emit)
    assert isinstance(steps.send(None), Take)
    given_back: set[Atom] = set()
    step = steps.send(do.Cancel(B, 5))
    while not isinstance(step, Take):
        if isinstance(step, Ask):
            assert step.request[0] == "del_lock"
            given_back |= set(step.nodes)
        step = steps.send(_yes(step) if isinstance(step, Ask) else None)
    assert given_back == {A, B, C, Z}


def test_a_name_may_be_watched_by_another_node() -> None:
    it = machine(B)
    registrar = Pid(B, 8, 0, 1)
    port = Pid(Atom("c_node@x"), 5, 0, 1)
    request = (Atom("register_ext"), "n", port, words.RANDOM_EXIT)
    assert it.call((*request, B), (registrar, 1))
    assert it.names.external() == [("n", port, B)]
    for wrong in (5, Atom("none"), b"b@x"):
        assert it.call((*request, wrong), (registrar, 2))
        answer = do.Reply((registrar, 2), (Atom("error"), Atom("badarg")))
        assert it.actions()[-1] == answer


@pytest.mark.parametrize("caller", [None, (), (1, 2), ("x",), [Pid(B, 1, 0, 1)]])
def test_a_call_of_nobody_is_none(caller: Any) -> None:
    it = machine()
    assert not it.call(Atom("get_known"), caller)
    assert not it.call(Atom("no_such_request"), (Pid(B, 1, 0, 1), 1))
    assert it.actions() == []


def test_only_names_of_nodes_are_taken_for_nodes() -> None:
    it = machine()
    for wrong in (5, b"b@x", Atom("b"), "b@x"):
        casts: list[Any] = [
            (Atom("lock_is_set"), wrong, 1, 1),
            (Atom("exchange"), wrong, [], [], 1),
            (Atom("resolved"), wrong, [], [], 1, [], 1),
            (Atom("new_nodes"), wrong, [], [], [], []),
            (Atom("in_sync"), wrong, True),
        ]
        for cast in casts:
            assert not it.cast(cast)
        messages: list[Any] = [
            (Atom("rubbish"), wrong),
            (Atom("init_connect_ack"), wrong, 1, 1),
            (Atom("cancel_connect"), wrong, 1),
            (Atom("remove_connection"), wrong),
            (Atom("lost_connection"), wrong, 1, 1, B),
            (Atom("lost_connection"), B, 1, 1, wrong),
        ]
        for message in messages:
            assert not it.info(message, 0.0)
    assert it.actions() == []
