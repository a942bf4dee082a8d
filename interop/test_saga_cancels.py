"""Transactions that are cancelled: by whom, how, and what the others hear of it."""

from __future__ import annotations

import itertools

import pytest

from ergopy import Atom
from etf import Charlist

from .saga_places import VALUE, answering, joining
from .saga_places import places as places
from .saga_places import saga_code as saga_code

CHAINS = ["pbp", "bpb"]
WAITING = {"new": []}


def ends(reason: str, start: str, end: str) -> bool:
    return reason.startswith(start) and reason.endswith(end)


async def all_hear(chain, reason):
    """See that all hear of the cancel, once, and that nothing is left."""
    for place in chain:
        assert await place.wait("cancel") == reason
    for place in chain:
        await place.is_clean()
        kinds = [kind for kind, _ in await place.heard()]
        assert kinds.count("cancel") == 1
        assert not {"done", "commit"} & set(kinds)


@pytest.mark.parametrize("by", range(3))
@pytest.mark.parametrize("kinds", CHAINS)
async def test_all_hear_why_a_transaction_was_cancelled(places, kinds, by):
    chain = await places.chain(kinds, WAITING)
    await chain[0].start(5)
    await chain[2].wait("new")
    await chain[by].do("cancel", "no room, Zoë")
    await all_hear(chain, "no room, Zoë")


async def test_a_reason_that_is_no_text_comes_to_a_saga_of_ergo_as_one(places):
    reason = (Atom("error"), 5)
    chain = await places.chain("bppb", WAITING)
    await chain[0].start(5)
    await chain[3].wait("new")
    await chain[2].do("cancel", reason)
    # From the other Python saga, of the same node, it goes on to the first.
    heard = ["{error,5}", reason, reason, "{error,5}"]
    assert [await place.wait("cancel") for place in chain] == heard
    for place in chain:
        await place.is_clean()


@pytest.mark.parametrize("two_phase_commit", [False, True])
@pytest.mark.parametrize("killed", range(3))
@pytest.mark.parametrize("kinds", CHAINS)
async def test_the_others_hear_of_the_loss_of_a_saga(
    places, kinds, killed, two_phase_commit
):
    chain = await places.chain(kinds, WAITING)
    await chain[0].start(5, two_phase_commit=two_phase_commit)
    await chain[2].wait("new")
    await chain[killed].kill()
    for above in chain[:killed]:
        assert ends(await above.wait("cancel"), "next saga ", " is down")
        await above.is_clean()
    for below in chain[killed + 1 :]:
        assert ends(await below.wait("cancel"), "parent saga ", " is down")
        await below.is_clean()


@pytest.mark.parametrize("kinds", ["ppb", "bpb", "bpp"])
async def test_a_timeout_of_a_step_is_told_above_and_to_its_siblings(places, kinds):
    late = await places.make(kinds[2], WAITING)
    sibling = await places.make(kinds[2], WAITING)
    middle = await places.python(
        {"new": [("next", sibling.pid, VALUE)]},
    )
    root = await places.make(kinds[0], joining(middle.pid))
    await root.start(5)
    await sibling.wait("new")
    await middle.do("next", late.pid, 6, {"timeout": 0.02})
    reason = await root.wait("cancel")
    assert ends(reason, "next saga ", " timed out")
    await all_hear([root, middle, sibling, late], reason)


async def test_a_transaction_ends_with_its_lifespan_at_every_saga(places):
    chains = [await places.chain(kinds, WAITING) for kinds in ("pb", "bp")]
    for chain in chains:
        await chain[0].start(5, lifespan=1)
    for place in itertools.chain(*chains):
        # ergo tells nobody; who is told first depends on the clocks.
        assert await place.wait("cancel") in ("lifespan", "end of lifespan")
        await place.is_clean()


@pytest.mark.parametrize("kinds", ["pb", "bp"])
async def test_a_saga_that_is_full_refuses_further_transactions(places, kinds):
    leaf = await places.make(kinds[1], WAITING, max_transactions=1)
    root = await places.make(kinds[0], joining(leaf.pid))
    await root.start(1)
    await leaf.wait("new")
    await root.start(2)
    assert await root.wait("cancel") == "exceed_tx_limit"
    await leaf.do("result", 3)
    assert await root.wait("done") == [3]
    await root.is_clean()
    await leaf.is_clean()


@pytest.mark.parametrize("kinds", ["bpb", "pbp", "bpp"])
async def test_a_loop_is_refused_and_cancels_the_transaction(places, kinds):
    first = await places.make(kinds[0], WAITING)
    last = await places.make(kinds[2], joining(first.pid))
    middle = await places.make(kinds[1], joining(last.pid))
    await first.start(5)
    await first.wait("new")
    await first.do("next", middle.pid, 6)
    await all_hear([first, middle, last], "loop_detected")


@pytest.mark.parametrize("kinds", ["bp", "pb"])
async def test_a_loop_of_two_is_refused(places, kinds):
    first = await places.make(kinds[0], WAITING)
    second = await places.make(kinds[1], joining(first.pid))
    await first.start(5)
    await first.wait("new")
    await first.do("next", second.pid, 6)
    await all_hear([first, second], "loop_detected")


@pytest.mark.parametrize("how", ["cancels", "dies"])
@pytest.mark.parametrize("kinds", ["pb", "bp"])
async def test_a_branch_that_is_trapped_can_be_sent_to_another_saga(places, kinds, how):
    bad = await places.make(kinds[1], WAITING)
    good = await places.make(kinds[1], answering())
    trap = Atom("trap") if kinds[0] == "b" else "trap_cancel"
    root = await places.make(
        kinds[0],
        {
            "new": [("next", bad.pid, VALUE, {str(trap): True})],
            "trapped": [("next", good.pid, 7)],
            "result": [("join", VALUE)],
        },
    )
    await root.start(5)
    await bad.wait("new")
    if how == "dies":
        await bad.kill()
        assert ends(await root.wait("trapped"), "next saga ", " is down")
    else:
        await bad.do("cancel", "not I")
        assert await root.wait("trapped") == "not I"
        await bad.is_clean()
    assert await root.wait("done") == 7
    await root.is_clean()
    await good.is_clean()


async def test_hops_are_counted_by_python_and_kept_by_ergo(places):
    last = await places.beam({"new": []})
    third = await places.python(joining(last.pid))
    second = await places.beam(joining(third.pid))
    first = await places.python(joining(second.pid))
    await first.start(5, hop_limit=2)
    await last.wait("new")
    _, _, _, options = await last.arrival()
    # One is left at the second, which passes that on, and none at the last.
    assert options["HopLimit"] == 0
    assert await last.do("next", first.pid, 6) == (
        Atom("error"),
        [*b"exceeded hop limit"],
    )


ANSWER = """
    spawn(fun() ->
        receive
            {'$saga_next', From, {Id, Ref, _, _, _}} ->
                From ! {'$saga_cancel', self(), {Id, Ref, Reason}},
                receive done -> ok end
        end
    end)
"""


@pytest.mark.parametrize(
    ("sent", "heard"),
    [
        (Charlist("loop"), "loop"),
        (Charlist("Zoë €"), "Zoë €"),
        ([], ""),
        (Atom("why"), "why"),
        ("Zoë", "Zoë"),
        ((Atom("error"), [1, 2]), (Atom("error"), [1, 2])),
    ],
)
async def test_a_reason_may_be_sent_in_any_form(places, sent, heard):
    leaf = await places.host.run(ANSWER, Reason=sent)
    root = await places.python(joining(leaf))
    await root.start(5)
    assert await root.wait("cancel") == heard
    await root.is_clean()


MALFORMED = """
    Id = make_ref(), Ref = make_ref(), Self = self(),
    Next = fun(Parents, Options) ->
        {'$saga_next', Self, {Id, Ref, 5, Parents, Options}}
    end,
    Messages = [
        Next([], #{}),
        Next([Self | Self], #{}),
        Next([Self, self], #{}),
        Next([Self], []),
        {'$saga_next', Self, {Id, Ref, 5, [Self]}},
        {'$saga_next', self, {Id, Ref, 5, [Self], #{}}},
        {'$saga_result', Self, {Id, Ref}},
        {'$saga_result', Self, {Id, Ref, 5}, more},
        {'$saga_cancel', Self, {Id, none, "why"}},
        {'$saga_commit', Self, [Id, Ref, 5]},
        {'$saga_ergopy', Self, {Id, Ref, nod, nil}},
        {'$saga_ergopy', Self, {Id, Ref, prepare, "where"}},
        {'$saga_job_result', Self, {job, 5}}
    ],
    [Saga ! Message || Message <- Messages],
    Id2 = make_ref(),
    Options = #{"Lifespan" => 300, other => 1},
    Saga ! {'$saga_next', Self, {Id2, Ref, 5, [Self], Options}},
    receive {'$saga_result', Saga, {Id2, Ref, 5}} -> length(Messages)
    after 5000 -> none
    end
"""


async def test_messages_that_do_not_fit_change_nothing(places):
    saga = await places.python(answering())
    count = await places.host.run(MALFORMED, Saga=saga.pid)
    kinds = [kind for kind, _ in await saga.heard()]
    assert kinds == ["info"] * count + ["new"]


LATE = """
    spawn(fun() ->
        receive {'$saga_next', From, {Id, Ref, _, _, _}} -> ok end,
        receive {'$saga_cancel', From, {Id, Ref, _}} -> ok end,
        [From ! {Tag, self(), {Id, Ref, "late"}}
         || Tag <- ['$saga_result', '$saga_cancel', '$saga_commit', '$saga_interim']],
        receive {'$saga_cancel', From, {Id, Ref, "unknown or canceled tx"}} -> ok end
    end)
"""


async def test_what_comes_after_a_cancel_changes_nothing(places):
    late = await places.host.run(LATE)
    root = await places.python(
        {"new": [("next", late, VALUE, {"timeout": 0.02})], "cancel": []}
    )
    await root.start(5)
    assert ends(await root.wait("cancel"), "next saga ", " timed out")
    await places.host.run(
        "ergopy_peer:until(fun() -> not is_process_alive(P) end)", P=late
    )
    await root.is_clean()
    assert [kind for kind, _ in await root.heard()] == ["new", "cancel"]


@pytest.mark.parametrize("kinds", ["pb", "bp"])
async def test_a_saga_that_was_named_is_missed_as_one_with_a_pid(places, kinds):
    name = Atom("missed")
    leaf = await places.make(kinds[1], WAITING, name=name)
    root = await places.make(kinds[0], joining((name, leaf.pid.node)))
    await root.start(5)
    await leaf.wait("new")
    await leaf.kill()
    assert ends(await root.wait("cancel"), "next saga ", " is down")
    await root.is_clean()
    # And so is one that nobody has.
    await root.start(6)
    assert ends(await root.wait("cancel", 2), "next saga ", " is down")
    await root.is_clean()
