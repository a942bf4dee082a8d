"""Where a saga is found again, by whom, and for how long it is waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import Atom
from ergopy.gen.saga import wire
from ergopy.testing import MemoryNetwork, node_pair
from tests.gen.saga.parts import Part, answer, sends, start
from tests.runtimes import settle

if TYPE_CHECKING:
    from ergopy import SagaTransaction
    from ergopy.process.runtime import Runtime

A, B = "a@memory", "b@memory"


async def test_a_saga_that_gets_its_name_in_init_is_found_by_it(
    runtime: Runtime,
) -> None:
    # Its log is that of the name: nobody may take it for one that cannot come back.
    async def name(part: Part) -> None:
        part.process.register("leaf")

    leaf = await start(runtime, init=name, new=answer)
    first = await start(runtime, new=sends(leaf), result=answer)
    addresses: list[Any] = []

    async def look(part: Part, tx: SagaTransaction, result: Any) -> None:
        addresses.extend(step.address for step in tx.steps.values())

    first.does["prepare"] = look
    await first.begin("work", two_phase_commit=True)
    assert addresses == [("leaf", runtime.name)]
    assert first.told("done") == ["work"]


@pytest.mark.parametrize("dies", [False, True], ids=["comes back", "dies"])
async def test_one_without_a_name_is_told_of_the_commit_however_long_it_was_away(
    autojump_clock: object, dies: bool
) -> None:
    network = MemoryNetwork()
    async with node_pair(network=network) as (here, there):
        await here.connect(there.name)
        leaf = await start(there, new=answer)

        async def cut(part: Part, tx: SagaTransaction, result: Any) -> None:
            network.cut(A, B)

        first = await start(here, new=sends(leaf), result=answer, done=cut)
        await first.begin("work", two_phase_commit=True)
        await trio.sleep(3600)
        assert first.told("done") == [b"work"]
        assert leaf.words == ["new", "prepare"]
        assert len(first.facts["transactions"]) == 1
        if dies:
            await there.exit(leaf.pid, "kill")
        network.heal(A, B)
        await trio.sleep(200)
        assert leaf.words == ["new", "prepare"] + ["commit"] * (not dies)
        assert first.is_clean
        assert dies or leaf.is_clean


async def test_one_that_hears_of_a_cancel_before_it_asks_watches_nobody(
    runtime: Runtime,
) -> None:
    above = await start(runtime)
    tx, origin = runtime.root.new_ref(), runtime.root.new_ref()

    async def remember(part: Part) -> None:
        saga = str(part.pid)
        came = (above.pid, origin)
        part.log.append(saga, tx, (Atom("transaction"), "work", 1, 60.0, True, came))
        part.log.append(saga, tx, (Atom("prepared"), above.pid, "result", []))
        part.send_nowait(part.pid, wire.cancel_message(above.pid, tx, origin, "no"))

    part = await start(runtime, init=remember)
    await settle()
    assert part.told("cancel") == ["no"]
    assert part.is_clean


async def test_init_may_send_on_what_has_a_compensation(
    runtime: Runtime,
) -> None:
    leaf = await start(runtime)

    async def begin(part: Part) -> None:
        # The log is opened after this.
        tx = await part.start_transaction("work")
        await part.next(tx, leaf.pid, "order", compensate=part.undo)

    first = await start(runtime, init=begin)
    await settle()
    assert first.words == ["new"]
    assert leaf.told("new") == ["order"]
