"""A process that was killed and does not end can be given up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import Down, LocalProtocolError, NoProcess
from ergopy.process.defunct import declare_defunct
from tests.runtimes import Ends, assert_only_the_root, mail, settle, sleeper

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime


class Stuck:
    """A process that shields itself until it is let go."""

    def __init__(self, runtime: Runtime) -> None:
        self.free = trio.Event()
        self.late: list[Any] = []
        self.process = runtime.spawn(self.body, (), name="stuck", label="stuck")

    async def body(self, process: Process) -> None:
        with trio.CancelScope(shield=True):
            await self.free.wait()
            try:
                await process.monitor(process.runtime.root.pid)
            except LocalProtocolError as error:
                self.late.append(error)


async def given_up(runtime: Runtime) -> Stuck:
    stuck = Stuck(runtime)
    await settle()
    stuck.process.kill()
    declare_defunct(stuck.process)
    return stuck


async def test_everybody_hears_of_it_once_and_nothing_is_held(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    stuck = Stuck(runtime)
    process = stuck.process
    linked = sleeper(runtime, trap=True)
    linked.link_nowait(process.pid)
    ref = linked.monitor_nowait(process.pid)
    alias = process.alias()
    ends = Ends(process)
    await settle()
    process.kill()
    await settle()
    assert not mail(linked)
    declare_defunct(process)
    assert mail(linked) == [("EXIT", process.pid, "killed"), tuple(mail(linked)[1])]
    assert isinstance(mail(linked)[1], Down)
    assert mail(linked)[1].ref == ref
    assert ends.reasons == ["killed"]
    assert runtime.whereis("stuck") is None
    assert alias.words not in runtime.aliases
    with pytest.raises(NoProcess):
        await runtime.root.call(process.pid, "hello")
    (record,) = [r for r in caplog.records if "defunct" in r.message]
    assert "in body" in record.message
    # Its end is no news any more, whoever has the name by then.
    heir = sleeper(runtime, name="stuck")
    stuck.free.set()
    await settle()
    assert len(mail(linked)) == 2
    assert ends.reasons == ["killed"]
    assert runtime.whereis("stuck") == heir.pid
    for other in (heir, linked):
        other.kill()
    await settle()
    assert_only_the_root(runtime)


async def test_one_that_goes_on_can_hold_nothing_new(runtime: Runtime) -> None:
    stuck = await given_up(runtime)
    stuck.free.set()
    await settle()
    assert isinstance(stuck.late[0], LocalProtocolError)
    assert_only_the_root(runtime)


async def test_its_pid_may_be_used_again_before_it_ends(runtime: Runtime) -> None:
    stuck = await given_up(runtime)
    # As it is when all other ids have been used meanwhile.
    runtime._next_id = stuck.process.pid.id - 1
    runtime._serial += 1
    heir = sleeper(runtime)
    assert heir.pid.id == stuck.process.pid.id
    stuck.free.set()
    await settle()
    assert runtime.find(heir.pid) is heir
    heir.kill()
    await settle()
    assert_only_the_root(runtime)
