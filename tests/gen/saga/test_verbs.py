"""What is asked of sagas from outside, here and from another node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

import ergopy
import etf
from ergopy import saga
from ergopy.gen.saga import requests
from ergopy.testing import node_pair
from etf import Atom
from tests.gen.saga.seeing import SECRET, Part, start
from tests.runtimes import settle

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime

Clock = trio.testing.MockClock


async def test_a_saga_shows_its_transactions_oldest_first(
    runtime: Runtime, autojump_clock: Clock
) -> None:
    root = runtime.root
    pid = await root.start(Part, name="booking")
    first = await start(pid, root)
    await trio.sleep(2)
    second = await start(pid, root, lifespan=10)
    await trio.sleep(3)
    info = await saga.show("booking", caller=root)
    assert (info.saga, info.name, info.behaviour) == (pid, "booking", "Part")
    assert (info.max_transactions, info.statistics.open) == (50, 2)
    assert [tx.id for tx in info.transactions] == [first.id, second.id]
    assert [(tx.seconds, tx.left) for tx in info.transactions] == [(5, 55), (3, 7)]


async def test_the_last_ended_ones_come_latest_first(runtime: Runtime) -> None:
    root = runtime.root
    pid = await root.start(Part, result=SECRET)
    ended = [await start(pid, root) for _ in range(3)]
    await settle()
    info = await saga.show(pid, limit=2, caller=root)
    assert [tx.id for tx in info.ended] == [ended[2].id, ended[1].id]
    assert [(tx.state, tx.over) for tx in info.ended] == [("done", True)] * 2
    assert info.statistics.done == 3


async def test_no_more_are_listed_than_the_limit_says(runtime: Runtime) -> None:
    root = runtime.root
    pid = await root.start(Part)
    opened = [await start(pid, root) for _ in range(3)]
    info = await saga.show(pid, limit=1, caller=root)
    assert [tx.id for tx in info.transactions] == [opened[0].id]
    assert info.statistics.open == 3
    assert "and 2 more are open" in str(info)


async def test_one_transaction_is_shown_by_whatever_names_it(runtime: Runtime) -> None:
    root = runtime.root
    pid = await root.start(Part)
    tx = await start(pid, root)
    info = await saga.show(pid, tx, caller=root)
    assert info.id == tx.id
    for same in (tx.id, str(tx), info):
        assert (await saga.show(pid, same, caller=root)).id == tx.id


async def test_one_that_the_saga_does_not_know_is_an_error(runtime: Runtime) -> None:
    pid = await runtime.root.start(Part)
    with pytest.raises(ergopy.UnknownTransaction) as caught:
        await saga.show(pid, "TX#3.2.1", caller=runtime.root)
    assert caught.value.transaction == "TX#3.2.1"
    with pytest.raises(ValueError, match="no transaction"):
        await saga.show("nobody", "three", caller=runtime.root)


async def test_a_limit_is_changed_from_outside(runtime: Runtime) -> None:
    root = runtime.root
    pid = await root.start(Part)
    assert await saga.max_transactions(pid, caller=root) == 50
    await saga.set_max_transactions(pid, 1, caller=root)
    await start(pid, root)
    refusal = await root.call(pid, _begin_and_tell)
    assert (type(refusal), refusal.limit) == (ergopy.TooManyTransactions, 1)
    await saga.set_max_transactions(pid, None, caller=root)
    assert await saga.max_transactions(pid, caller=root) is None
    await start(pid, root)
    assert (await saga.statistics(pid, caller=root)).open == 2


async def _begin_and_tell(part: Part) -> Any:
    try:
        return await part.start_transaction(1)
    except ergopy.TooManyTransactions as error:
        return error


@pytest.mark.parametrize("wrong", [-1, 1.5, "many", True])
async def test_a_limit_that_is_none_is_refused_before_anybody_is_asked(
    runtime: Runtime, wrong: Any
) -> None:
    with pytest.raises(ValueError, match="a limit is"):
        await saga.set_max_transactions("nobody", wrong, caller=runtime.root)


@pytest.mark.parametrize(
    "request_",
    [
        ("$saga",),
        ("$saga", "show", b"many"),
        ("$saga", "transaction", 7),
        ("$saga", "transaction", b"\xff"),
        ("$saga", "set_max_transactions", -5),
        ("$saga", "set_max_transactions", b"x"),
        ("$saga", "dance"),
    ],
    ids=repr,
)
async def test_nonsense_is_refused_and_harms_nobody_else(
    runtime: Runtime, request_: Any
) -> None:
    pid = await runtime.root.start(Part)
    term = tuple(Atom(x) if isinstance(x, str) else x for x in request_)
    with pytest.raises(ergopy.CallExit) as caught:
        await runtime.root.call(pid, term)
    assert caught.value.reason == Atom("badarg")
    assert await saga.max_transactions(pid, caller=runtime.root) == 50


@pytest.mark.parametrize("request_", [(), (b"$saga", 1), "$saga", ("$saga", 1), [1]])
def test_other_requests_are_for_the_callbacks(request_: Any) -> None:
    assert not requests.is_request(request_)


async def test_an_infinite_limit_is_an_atom_on_the_wire(runtime: Runtime) -> None:
    root = runtime.root
    pid = await root.start(Part)
    set_to = (requests.SAGA, requests.SET_MAX_TRANSACTIONS, Atom("infinity"))
    assert await root.call(pid, set_to) == Atom("ok")
    asked = (requests.SAGA, requests.MAX_TRANSACTIONS)
    assert await root.call(pid, asked) == Atom("infinity")


async def test_a_saga_that_hangs_in_a_callback_is_seen_from_beside(
    runtime: Runtime, autojump_clock: Clock
) -> None:
    root = runtime.root
    pid = await root.start(Part)
    tx = await start(pid, root)

    async def hang(part: Part) -> None:
        await trio.sleep_forever()

    await root.send_request(pid, hang)
    await settle()
    with pytest.raises(ergopy.CallTimeout):
        await saga.show(pid, caller=root)
    (info,) = await saga.which(caller=root)
    assert [known.id for known in info.transactions] == [tx.id]
    (graph,) = await saga.graphs(None, str(tx), caller=root)
    assert graph.roots[0].saga == pid


async def test_a_saga_of_another_node_is_asked_the_same_way(
    autojump_clock: Clock,
) -> None:
    async with node_pair() as (a, b):
        await b.start(Part, name="booking")
        tx = await start("booking", b)
        dest = ("booking", b.name)
        info = await saga.show(dest, caller=a)
        assert (info.name, [tx.id for tx in info.transactions]) == ("booking", [tx.id])
        assert (await saga.show(dest, str(tx), caller=a)).id == tx.id
        assert (await saga.statistics(dest, caller=a)).open == 1
        await saga.set_max_transactions(dest, None, caller=a)
        assert await saga.max_transactions(dest, caller=a) is None
        with pytest.raises(ergopy.UnknownTransaction):
            await saga.show(dest, "TX#1.2.3", caller=a)
        # What a BEAM gets.
        term = await a.call(dest, (Atom("$saga"), Atom("show")))
        assert term[Atom("name")] == b"booking"
        assert term[Atom("statistics")][Atom("open")] == 1
        (open_tx,) = term[Atom("transactions")]
        assert (open_tx[Atom("id")], open_tx[Atom("state")]) == (tx.id, Atom("open"))


async def test_who_is_no_saga_is_found_out(runtime: Runtime) -> None:
    class Other(ergopy.GenServer):
        async def handle_call(self, request: Any, from_: Any) -> Any:
            return 7

    pid = await runtime.root.start(Other)
    with pytest.raises(etf.MappingError):
        await saga.show(pid, caller=runtime.root)


async def test_a_node_shows_its_sagas_to_others_unless_it_is_told_not_to(
    autojump_clock: Clock,
) -> None:
    async with node_pair() as (a, b):
        await b.start(Part, name="booking")
        (info,) = await saga.which(b.name, caller=a)
        assert info.name == "booking"
        assert await saga.which(caller=a) == []
        assert await saga.graphs(b.name, "TX#1.2.3", caller=a) == []
        b.unexport("ergopy", "sagas")
        with pytest.raises(ergopy.RpcError) as caught:
            await saga.which(b.name, caller=a)
        assert caught.value.is_undefined
