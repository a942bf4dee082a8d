"""What is seen of sagas, as data, text and JSON.

``tests/data/saga_graph.txt`` and ``.json`` are golden files; ``ERGOPY_CAPTURE=1``
writes them anew, to be read before they are kept.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import etf
from ergopy.gen.saga import SagaEvent
from ergopy.gen.saga.graph import (
    JobInfo,
    SagaGraph,
    SagaInfo,
    SagaStatistics,
    StepInfo,
    TransactionInfo,
)
from etf import Atom, Pid, Reference

DATA = Path(__file__).parents[2] / "data"

TX = Reference("a@h", 7, (3, 2, 1))
A, B, C, D = (Pid("a@h", number, 0, 7) for number in (4, 5, 6, 7))
SENT, COMPLETED = Atom("sent"), Atom("completed")


def ref(word: int) -> Reference:
    return Reference("a@h", 7, (word, 0, 0))


@pytest.fixture
def graph() -> SagaGraph:
    """A transaction with everything that there is to be told."""
    hotel = TransactionInfo(
        TX,
        Atom("prepared"),
        B,
        "hotel",
        seconds=9.5,
        since=7.25,
        started=1e9 + 1,
        two_phase_commit=True,
        parent=A,
        origin=ref(1),
        waits_for=["booking at a@h"],
        tries=3,
    )
    car = TransactionInfo(
        TX,
        Atom("canceled"),
        C,
        over=True,
        reason="no car",
        seconds=0.5,
        started=1e9 + 2,
        origin=ref(2),
        jobs=[
            JobInfo(
                ref(8),
                Atom("dropped"),
                "Rent",
                D,
                reason='{python,<<"no">>}',
                seconds=0.25,
                compensate="give_back",
            ),
            JobInfo(ref(9), SENT, "ask", seconds=0.25, timeout=2.0),
        ],
        more_jobs=5,
    )
    booking = TransactionInfo(
        TX,
        Atom("canceled"),
        A,
        "booking",
        reason="no car",
        seconds=10.0,
        since=9.0,
        started=1e9,
        hops_left=3,
        initiator=A,
        undoing="Next#0.0.1",
        undo_left=2,
        undo_tries=4,
        trouble="RuntimeError: no luck",
        steps=[
            StepInfo(
                ref(1), COMPLETED, "hotel at b@h", "b@h", below=hotel, joined=True
            ),
            StepInfo(
                ref(2),
                SENT,
                "car",
                "a@h",
                seconds=8.0,
                timeout=9.0,
                trap_cancel=True,
                compensate="undo",
                below=car,
            ),
            StepInfo(ref(3), SENT, "ergo at e@h", "e@h", unseen="e@h shows no sagas"),
        ],
        more_steps=1,
    )
    return SagaGraph(TX, (booking,), {"e@h": "shows no sagas"})


@pytest.fixture
def saga(graph: SagaGraph) -> SagaInfo:
    waiting = TransactionInfo(
        TX, Atom("open"), A, "booking", since=1.0, seconds=1.0, left=59.0, started=1e9
    )
    return SagaInfo(
        A,
        "booking",
        "Booking",
        max_transactions=100,
        statistics=SagaStatistics(open=3, in_doubt=1, done=4, canceled=2),
        transactions=[waiting, graph.roots[0]],
        ended=[dataclasses.replace(waiting, over=True, state=Atom("done"))],
    )


def _compare(name: str, text: str) -> None:
    file = DATA / name
    if os.environ.get("ERGOPY_CAPTURE") == "1":
        file.write_text(text)
    assert text == file.read_text()


def test_the_text_is_that_of_the_golden_file(graph: SagaGraph, saga: SagaInfo) -> None:
    _compare("saga_graph.txt", f"{graph}\n\n{saga}\n")


def test_the_json_is_that_of_the_golden_file(graph: SagaGraph, saga: SagaInfo) -> None:
    _compare("saga_graph.json", f"{graph.json()}\n{saga.json()}\n")
    assert json.loads(graph.json()) == graph.as_json()


def test_a_saga_survives_the_wire(saga: SagaInfo) -> None:
    read = SagaInfo.from_term(etf.decode(etf.encode(saga)))
    assert read.json() == SagaInfo.from_term(saga).json()
    assert dataclasses.replace(read, transactions=[]) == dataclasses.replace(
        saga, transactions=[]
    )


def test_what_is_below_comes_from_nobody_but_who_has_put_it_together(
    saga: SagaInfo,
) -> None:
    read = SagaInfo.from_term(etf.decode(etf.encode(saga)))
    steps = read.transactions[1].steps
    assert [(step.below, step.unseen) for step in steps] == [(None, None)] * 3


def test_on_the_wire_it_is_a_map_with_atoms_as_keys(saga: SagaInfo) -> None:
    term = etf.decode(etf.encode(saga))
    told = term[Atom("transactions")][1]
    assert told[Atom("state")] == Atom("canceled")
    assert told[Atom("id")] == TX
    assert told[Atom("reason")] == b"no car"
    assert told[Atom("parent")] is None
    assert [step[Atom("id")] for step in told[Atom("steps")]] == [
        *(ref(1), ref(2), ref(3))
    ]


def test_what_a_later_release_tells_besides_is_passed_over() -> None:
    info = StepInfo(ref(1), SENT)
    term = etf.decode(etf.encode(info))
    assert StepInfo.from_term({**term, Atom("colour"): b"red"}) == info


def test_what_an_earlier_one_does_not_tell_is_not_known() -> None:
    term = {Atom("id"): TX, Atom("state"): Atom("open"), Atom("saga"): A}
    assert TransactionInfo.from_term(term) == TransactionInfo(TX, Atom("open"), A)


@pytest.mark.parametrize("term", [7, [], {}, {Atom("id"): 1}, b"open", None])
def test_what_is_no_transaction_is_refused(term: Any) -> None:
    with pytest.raises(etf.MappingError):
        TransactionInfo.from_term(term)


def test_one_that_is_nested_too_deep_is_refused() -> None:
    # As terms: such a chain cannot be encoded.
    step: Any = None
    tx = {Atom("id"): TX, Atom("state"): Atom("open"), Atom("saga"): A}
    for _ in range(5000):
        below = tx if step is None else {**tx, Atom("steps"): [step]}
        step = {Atom("id"): ref(1), Atom("state"): SENT, Atom("below"): below}
    with pytest.raises(etf.MappingError):
        StepInfo.from_term(step)


def test_a_graph_is_walked_from_the_top_down(graph: SagaGraph) -> None:
    assert [info.saga for info in graph.walk()] == [A, B, C]


def test_a_graph_of_what_nobody_knows_says_so() -> None:
    assert str(SagaGraph(TX, (), {})) == ("TX#1.2.3  nobody knows it, or not any more")


def test_the_key_is_the_idempotency_key(graph: SagaGraph) -> None:
    assert graph.as_json()["key"] == "a@h/7/3.2.1"
    assert graph.as_json()["id"] == graph.label == "TX#1.2.3"


TEXTS = st.text() | st.just("\x1b[2J\nroot")
NUMBERS = st.floats() | st.integers()
TRANSACTIONS = st.builds(
    TransactionInfo,
    st.just(TX),
    st.builds(Atom, st.text(max_size=20)),
    st.just(A),
    st.none() | TEXTS,
    over=st.booleans(),
    reason=st.none() | TEXTS,
    started=NUMBERS,
    seconds=NUMBERS,
    since=NUMBERS,
    left=st.none() | NUMBERS,
    waits_for=st.lists(TEXTS, max_size=9),
    undoing=st.none() | TEXTS,
    trouble=st.none() | TEXTS,
    tries=st.integers(),
    more_steps=st.integers(),
    steps=st.lists(
        st.builds(
            StepInfo,
            st.just(ref(1)),
            st.just(SENT),
            saga=TEXTS,
            node=TEXTS,
            timeout=st.none() | NUMBERS,
            unseen=st.none() | TEXTS,
        ),
        max_size=2,
    ),
)


@given(TRANSACTIONS)
def test_whatever_a_peer_says_is_no_order_to_a_terminal(info: TransactionInfo) -> None:
    drawn = str(info)
    assert all(line.isprintable() for line in drawn.split("\n"))
    assert len(drawn.split("\n")) == 1 + len(info.steps) + (info.more_steps > 0)
    json.dumps(info.as_json())


def test_an_event_is_one_line() -> None:
    event = SagaEvent(Atom("hop"), TX, A, "booking", ref(5), "hotel")
    assert str(event) == "TX#1.2.3 at booking hop Next#0.0.5 hotel"
    assert (event.as_json()["transaction"], event.as_json()["step"]) == (
        "TX#1.2.3",
        "Next#0.0.5",
    )
    event = SagaEvent(Atom("job"), TX, A, None, ref(5), "Rent")
    assert str(event) == "TX#1.2.3 at <a@h.4.0> job Job#0.0.5 Rent"
    assert SagaEvent.from_term(etf.decode(etf.encode(event))) == event
