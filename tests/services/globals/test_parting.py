"""Nodes that are lost, and come again before everybody has heard of it."""

from __future__ import annotations

import random
from typing import Any

import pytest

from ergopy.services.globals import actions as do
from ergopy.services.globals import words
from ergopy.services.globals.locker import Locker
from ergopy.services.globals.machine import Machine
from ergopy.services.globals.steps import Ask, Emit, Pause, Take, set_lock, while_locked
from etf import Atom, Pid

A, B, C, Z = (Atom(f"{letter}@x") for letter in "abcz")
GLOBAL = Atom("global")
CAST = Atom("$gen_cast")


def machine(*known: Atom, **settings: Any) -> Machine:
    it = Machine(A, 1, Pid(A, 1, 0, 1), random.Random(1), **settings)
    it.cluster.add([(node, 8) for node in known])
    it.actions()
    return it


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


def greeted_by_b(it: Any) -> None:
    him: Any = (Atom("locker"), 1, {}, Pid(B, 1, 0, 1))
    assert it.cast((Atom("init_connect"), (8, 70), B, him))


def told_of_b(it: Any) -> None:
    """C, which belongs to us, tells that B does as well."""
    assert it.call((Atom("set_lock"), (GLOBAL, 5)), (Pid(C, 8, 0, 1), 1))
    extra = [(Atom("vsn"), 8), (Atom("lock"), (GLOBAL, 5))]
    assert it.cast((Atom("new_nodes"), C, [], [], [(B, 8)], extra))


def test_what_is_taken_back_begins_anew() -> None:
    it = machine()
    it.node_up(B)
    first = it.sessions.by_node[B]
    greeted_by_b(it)
    it.actions()
    assert it.info((Atom("cancel_connect"), B, first.my_tag + 9), 0.0)
    assert it.actions() == []
    assert it.info((Atom("cancel_connect"), B, first.my_tag), 0.0)
    second = it.sessions.by_node[B]
    assert (second.my_tag != first.my_tag, second.his_tag) == (True, None)
    acts = it.actions()
    assert do.Tell(do.Cancel(B, first.my_tag)) in acts
    assert do.StopResolving(B, first.my_tag) in acts
    greetings = [a.message for a in acts if isinstance(a, do.Send) and a.connect]
    assert [message[1][1] for message in greetings] == [(8, second.my_tag)]


@pytest.mark.parametrize(
    ("mine", "his", "is_right"), [(0, 70, True), (1, 70, False), (0, 71, False)]
)
def test_both_mean_the_same_beginning(mine: int, his: int, is_right: bool) -> None:
    it = machine()
    it.node_up(B)
    tag = it.sessions.by_node[B].my_tag
    greeted_by_b(it)
    it.actions()
    assert it.info((Atom("init_connect_ack"), B, tag + mine, his), 0.0)
    assert (it.sessions.by_node[B].my_tag == tag) == is_right
    cancel = do.Send(B, (Atom("cancel_connect"), A, his))
    assert (cancel in it.actions()) != is_right


def test_what_is_acknowledged_when_others_have_joined_us_is_no_news() -> None:
    it = machine(C)
    it.node_up(B)
    tag = it.sessions.by_node[B].my_tag
    greeted_by_b(it)
    told_of_b(it)
    assert it.cast((Atom("in_sync"), B, True))
    it.actions()
    assert it.info((Atom("init_connect_ack"), B, tag, 70), 0.0)
    assert it.actions() == []


def test_who_greets_when_others_have_joined_us_hears_in_sync_and_no_more() -> None:
    it = machine(C)
    it.node_up(B)
    told_of_b(it)
    assert do.Greet(B) in it.actions()
    greeted_by_b(it)
    assert not any(isinstance(action, do.Send) for action in it.actions())


def test_what_is_taken_back_when_others_have_joined_us_is_over() -> None:
    it = machine(C)
    it.node_up(B)
    tag = it.sessions.by_node[B].my_tag
    greeted_by_b(it)
    told_of_b(it)
    it.actions()
    assert it.info((Atom("cancel_connect"), B, tag), 0.0)
    assert B not in it.sessions.by_node
    assert not any(isinstance(action, do.Send) for action in it.actions())


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


def _exchanged(it: Machine, node: Atom, version: int) -> int:
    """Let *node* come so far that names are compared; return the tag."""
    it.node_up(node)
    him: Any = (Atom("locker"), 1, {}, Pid(node, 1, 0, 1))
    assert it.cast((Atom("init_connect"), (version, 70), node, him))
    tag = it.sessions.by_node[node].my_tag
    lock = (GLOBAL, [1, 2])
    assert it.call((Atom("set_lock"), lock), (it.sessions._locker, 1))
    assert it.cast((Atom("lock_is_set"), node, tag, lock))
    assert it.cast((Atom("exchange"), node, [], [], tag))
    it.exchanged(node, tag, [], [])
    return tag


def test_others_are_told_of_new_nodes_in_the_form_they_know() -> None:
    it = machine(B)
    it.cluster.add([(C, 6)])
    tag = _exchanged(it, Z, 8)
    it.actions()
    new = Pid(Z, 5, 0, 1)
    ops = [(Atom("insert"), ("n", new, words.RANDOM_EXIT))]
    far = Atom("far@x")
    resolved: Any = (Atom("resolved"), Z, ops, [(far, 8)], Atom("unused"), [], tag)
    assert it.cast(resolved)
    acts = it.actions()
    entry = it.names.find("n")
    assert entry is not None
    assert entry.pid == new
    assert it.cluster.known == {B: 8, C: 6, Z: 8, far: 8}
    assert do.Greet(far) in acts
    assert do.Greet(Z) not in acts
    (cancel,) = (
        a.message for a in acts if isinstance(a, do.Tell) and a.message[1:2] == (tag,)
    )
    told = {send.node: send.message[1] for send in cancel.messages}
    assert told.keys() == {B, C}
    assert told[B][:3] == told[C][:3] == (Atom("new_nodes"), A, ops)
    assert told[B][4] == [(Z, 8), (far, 8)]
    assert told[C][4] == [Z, far]
    assert not it.cluster.pending
    assert not it.sessions.by_node


@pytest.mark.parametrize(
    "late",
    [
        (Atom("lock_is_set"), Z, 99, (GLOBAL, [1, 2])),
        (Atom("exchange"), Z, [], [], 99),
        (Atom("resolved"), Z, [], [], Atom("unused"), [], 99),
    ],
    ids=lambda message: str(message[0]),
)
def test_a_step_of_a_former_beginning_ends_what_the_locker_does_for_it(
    late: Any,
) -> None:
    it = machine()
    tag = _exchanged(it, Z, 8)
    it.actions()
    assert it.cast(late)
    assert it.actions() == [do.Tell(do.Cancel(Z, 99))]
    assert it.sessions.by_node[Z].my_tag == tag


def test_a_greeting_that_is_none_is_not_taken() -> None:
    it = machine()
    it.node_up(B)
    it.actions()
    him: Any = (Atom("locker"), 1, {}, Pid(B, 1, 0, 1))
    for version, locker in ((8, him), ((8,), him), (("8", 1), him), ((8, 1), him[1:])):
        assert not it.cast((Atom("init_connect"), version, B, locker))
    assert it.actions() == []
    assert not it.cluster.pending


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
