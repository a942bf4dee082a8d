"""How two nodes begin, and what ends that early: tags, and what is taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ergopy.services.globals import actions as do
from ergopy.services.globals import words
from etf import Atom, Pid

from .alone import GLOBAL, A, B, C, Z, machine

if TYPE_CHECKING:
    from ergopy.services.globals.machine import Machine


def greeted_by_b(it: Any) -> None:
    him: Any = (Atom("locker"), 1, {}, Pid(B, 1, 0, 1))
    assert it.cast((Atom("init_connect"), (8, 70), B, him))


def told_of_b(it: Any) -> None:
    """C, which belongs to us, tells that B does as well."""
    assert it.call((Atom("set_lock"), (GLOBAL, 5)), (Pid(C, 8, 0, 1), 1))
    extra = [(Atom("vsn"), 8), (Atom("lock"), (GLOBAL, 5))]
    assert it.cast((Atom("new_nodes"), C, [], [], [(B, 8)], extra))


def joined_by_others() -> tuple[Machine, int]:
    """A machine that has greeted B, and heard of it from C; and its tag for B."""
    it = machine(C)
    it.node_up(B)
    tag = it.sessions.by_node[B].my_tag
    greeted_by_b(it)
    told_of_b(it)
    return it, tag


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
    it, tag = joined_by_others()
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
    it, tag = joined_by_others()
    it.actions()
    assert it.info((Atom("cancel_connect"), B, tag), 0.0)
    assert B not in it.sessions.by_node
    assert not any(isinstance(action, do.Send) for action in it.actions())


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
