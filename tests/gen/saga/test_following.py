"""A transaction over all its sagas: who is asked, and what is made of the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

import ergopy
from ergopy import saga
from ergopy.gen.saga import following
from ergopy.gen.saga.graph import StepInfo, TransactionInfo
from ergopy.testing import MemoryNetwork, node_pair
from etf import Atom, Pid, Reference
from tests.gen.saga.seeing import SECRET, Part, start
from tests.runtimes import settle

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ergopy.gen.saga.graph import SagaGraph

Clock = trio.testing.MockClock

TX = Reference("a@memory", 1, (1, 2, 3))


def shape(infos: Iterable[TransactionInfo]) -> dict[str, Any]:
    """Names, and what is below: another shape, or why nothing is."""
    return {
        str(info.name): {
            step.saga: step.unseen if step.below is None else shape([step.below])
            for step in info.steps
        }
        for info in infos
    }


async def _chain(a: ergopy.Node, b: ergopy.Node) -> Any:
    """Start a transaction on *a* that goes to *b*, and back."""
    await a.start(Part, steps=["near", ("far", b.name)], name="top")
    await a.start(Part, name="near")
    await b.start(Part, steps=[("last", a.name)], name="far")
    await a.start(Part, name="last")
    tx = await start("top", a)
    await settle()
    return tx


WHOLE = {
    "top": {
        "near": {"near": {}},
        "far at b@memory": {"far": {"last at a@memory": {"last": {}}}},
    }
}


async def test_it_goes_over_nodes_from_the_one_that_has_started_it(
    autojump_clock: Clock,
) -> None:
    async with node_pair() as (a, b):
        tx = await _chain(a, b)
        graph = await saga.graph("top", tx, caller=a)
        assert shape(graph.roots) == WHOLE
        assert graph.silent == {}
        assert SECRET not in graph.json()


async def test_it_begins_at_the_top_whoever_is_asked(autojump_clock: Clock) -> None:
    async with node_pair() as (a, b):
        tx = await _chain(a, b)
        graph = await saga.graph("far", str(tx), caller=b)
        assert shape(graph.roots) == WHOLE


async def test_a_node_that_shows_nothing_leaves_a_gap(autojump_clock: Clock) -> None:
    async with node_pair() as (a, b):
        b.unexport("ergopy")
        tx = await _chain(a, b)
        graph = await saga.graph("top", tx, caller=a)
        assert shape(graph.roots) == {
            "top": {"near": {"near": {}}, "far at b@memory": "b@memory shows no sagas"},
            "last": {},
        }
        assert graph.silent == {"b@memory": "shows no sagas"}


async def test_no_saga_of_another_node_is_asked_anything(autojump_clock: Clock) -> None:
    class Other(ergopy.GenServer):
        """A saga of something else: a call that it does not know would end it."""

    async with node_pair() as (a, b):
        await a.start(Part, steps=[("far", b.name)], name="top")
        await b.start(_Takes, name="far")
        tx = await start("top", a)
        await settle()
        await saga.graph("top", tx, caller=a)
        taken = await b.call("far", "taken")
        assert [message[0] for message in taken] == ["$saga_next"]


class _Takes(ergopy.GenServer):
    async def init(self) -> None:
        self.taken: list[Any] = []

    async def handle_call(self, request: Any, from_: Any) -> Any:
        assert request == "taken"
        return self.taken

    async def handle_info(self, message: Any) -> None:
        self.taken.append(message)


async def test_a_node_that_is_lost_is_shown_and_not_raised(
    autojump_clock: Clock,
) -> None:
    network = MemoryNetwork()
    async with network.node("a") as a:
        async with network.node("b") as b:
            await a.start(Part, steps=[("far", b.name)], name="top", trap_cancel=True)
            await b.start(Part, name="far")
            tx = await start("top", a)
            await settle()
        await settle()
        graph = await saga.graph("top", tx, caller=a)
        (step,) = graph.roots[0].steps
        assert (step.state, step.below) == ("dropped", None)
        assert str(step.unseen).startswith("b@memory no answer")


async def test_a_node_that_does_not_answer_is_asked_once(autojump_clock: Clock) -> None:
    async with node_pair() as (a, b):
        asked = []

        async def hang(tx: Any) -> None:
            asked.append(tx)
            await trio.sleep_forever()

        b.export("ergopy", {"saga_transaction": hang})
        steps = [("far", b.name), ("other", b.name)]
        await a.start(Part, steps=steps, name="top")
        await b.start(Part, name="far")
        await b.start(Part, name="other")
        tx = await start("top", a)
        await settle()
        before = trio.current_time()
        graph = await saga.graph("top", tx, timeout=3, caller=a)
        assert trio.current_time() == before + 3
        assert asked == [tx.id]
        assert graph.silent == {"b@memory": "no answer: timeout"}


@pytest.mark.parametrize("nonsense", [7, [1], [{}], {}, b"x"], ids=repr)
async def test_an_answer_that_makes_no_sense_is_none(
    autojump_clock: Clock, nonsense: Any
) -> None:
    async with node_pair() as (a, b):
        b.export("ergopy", {"saga_transaction": lambda tx: nonsense})
        tx = await _chain(a, b)
        graph = await saga.graph("top", tx, caller=a)
        assert "expected" in graph.silent["b@memory"]


def _ref(number: int) -> Reference:
    return Reference("b@memory", 1, (number, 0, 0))


def _info(origin: int | None, *steps: int, node: str = "b@memory") -> TransactionInfo:
    return TransactionInfo(
        TX,
        Atom("open"),
        Pid("b@memory", 1, 0, 1),
        str(origin),
        origin=None if origin is None else _ref(origin),
        steps=[StepInfo(_ref(n), Atom("sent"), f"to {n}", node) for n in steps],
    )


async def _told(known: list[TransactionInfo]) -> SagaGraph:
    async with node_pair() as (a, b):
        b.export("ergopy", {"saga_transaction": lambda tx: known})
        asking = following.Following(a.runtime.root, TX, 5.0)
        await asking.ask(b.name)
        return asking.graph()


@pytest.mark.parametrize(
    ("known", "seen"),
    [
        ([_info(None, 1), _info(1, 1)], {"None": {"to 1": {"1": {"to 1": "..."}}}}),
        ([_info(1, 2), _info(2, 1)], {}),
        (
            [_info(None, 1, 1), _info(1)],
            {"None": {"to 1": "..."}},
        ),
        ([_info(None), _info(None)], {"None": {}}),
        ([_info(5), _info(None)], {"None": {}, "5": {}}),
    ],
    ids=["itself", "each other", "twice", "two tops", "a gap"],
)
async def test_what_is_told_need_not_be_a_tree(
    autojump_clock: Clock, known: list[TransactionInfo], seen: dict[str, Any]
) -> None:
    graph = await _told(known)
    text = str(shape(graph.roots))
    assert text.replace("b@memory does not know it, or not any more", "...") == str(
        seen
    )


async def test_what_is_told_of_another_transaction_is_passed_over(
    autojump_clock: Clock,
) -> None:
    other = TransactionInfo(_ref(9), Atom("open"), Pid("b@memory", 1, 0, 1))
    assert (await _told([other])).roots == ()


async def test_only_so_many_sagas_are_below_each_other(
    autojump_clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "MAX_DEPTH", 3)
    graph = await _told([_info(n or None, n + 1) for n in range(9)])
    *_, last = graph.walk()
    assert last.steps[0].unseen == "more than 3 sagas below each other"
    assert len(list(graph.walk())) == 3


async def test_a_long_chain_can_be_drawn(autojump_clock: Clock) -> None:
    graph = await _told([_info(n or None, n + 1) for n in range(500)])
    assert len(list(graph.walk())) == following.MAX_DEPTH
    assert str(graph).count("\n") == 2 * following.MAX_DEPTH - 1
    graph.json()


async def test_only_so_many_nodes_are_asked(
    autojump_clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "MAX_NODES", 3)
    known = [_info(None, node=f"n{n}@memory") for n in range(9)]
    steps = [StepInfo(_ref(n), Atom("sent"), "", f"n{n}@memory") for n in range(9)]
    known = [TransactionInfo(TX, Atom("open"), Pid("b@memory", 1, 0, 1), steps=steps)]
    graph = await _told(known)
    reasons = list(graph.silent.values())
    assert reasons.count("not asked: 3 others were") == 7


async def test_only_so_many_sagas_are_taken(
    autojump_clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "MAX_SAGAS", 2)
    graph = await _told([_info(n) for n in range(1, 9)])
    assert len(graph.roots) == 2


@pytest.mark.parametrize("name", ["", "no node", "a@b@c", "x" * 300])
async def test_a_node_name_that_is_none_is_shown(
    autojump_clock: Clock, name: str
) -> None:
    graph = await _told([_info(None, 1, node=name)])
    assert name in graph.silent


async def test_one_in_doubt_says_whom_it_asks_and_who_decides_shows_that_it_has(
    autojump_clock: Clock,
) -> None:
    class Slow(Part):
        async def handle_tx_done(self, tx: Any, result: Any) -> Any:
            await trio.sleep(60)
            return result

    async with node_pair() as (a, b):
        await a.start(Slow, steps=[("hotel", b.name)], name="top")
        await b.start(Part, result=SECRET, name="hotel")
        tx = await start("top", a, two_phase_commit=True)
        await trio.sleep(15)
        # The saga itself answers nothing while it is in its callback.
        (graph,) = await saga.graphs(None, tx, caller=a)
        (top,) = graph.roots
        (step,) = top.steps
        assert (top.state, top.left, step.joined) == ("decided", None, True)
        assert step.below is not None
        doubt = step.below
        assert (doubt.state, doubt.waits_for) == ("prepared", ["top at a@memory"])
        assert 14 < doubt.since <= 15
        # After 5, 6, 8 and 12 seconds.
        assert "in doubt, asks top at a@memory  tries: 4" in str(graph)
        await trio.sleep(60)
        (graph,) = await saga.graphs(None, tx, caller=a)
        assert [info.state for info in graph.walk()] == ["committed", "committed"]


async def test_a_commit_that_is_not_confirmed_says_by_whom(
    autojump_clock: Clock,
) -> None:
    network = MemoryNetwork()
    async with network.node("a") as a:
        async with network.node("b") as b:
            await a.start(_Leaver, b, steps=[("hotel", b.name)], name="top")
            await b.start(Part, result=SECRET, name="hotel")
            tx = await start("top", a, two_phase_commit=True)
            await settle()
        await trio.sleep(10)
        info = await saga.show("top", tx, caller=a)
        (step,) = info.steps
        assert info.state == "committed"
        assert info.waits_for == [f"{step.label} hotel at b@memory"]
        assert info.tries > 1


class _Leaver(Part):
    """Loses the saga below it between the decision and the commit."""

    async def init(self, below: ergopy.Node) -> None:
        self.below = below

    async def handle_tx_done(self, tx: Any, result: Any) -> Any:
        pid = self.below.whereis("hotel")
        assert pid is not None
        self.below.runtime.root.exit_nowait(pid, "kill")
        return result
