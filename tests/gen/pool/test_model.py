"""Any script of calls, crashes, resizes and lendings keeps the books of a pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from ergopy import CallExit, CallTimeout, pool, supervisor
from tests.gen.pool.pools import Callers, begin
from tests.runtimes import assert_only_the_root, running, settle

if TYPE_CHECKING:
    import pytest

seconds = st.integers(0, 4)
steps = st.one_of(
    st.tuples(st.just("call"), seconds, st.sampled_from([None, 2])),
    st.tuples(st.just("fail"), seconds, st.none()),
    st.tuples(st.just("later"), seconds, st.none()),
    st.tuples(st.just("lend"), seconds, st.sampled_from([None, 2])),
    st.tuples(st.just("kill"), st.just(0), st.none()),
    st.tuples(st.just("resize"), st.integers(1, 4), st.none()),
    st.tuples(st.just("pause"), seconds, st.none()),
)


class Follower:
    """Follows a script, and counts how each call and lending ends."""

    def __init__(self, callers: Callers) -> None:
        self.callers = callers
        self.size = 2
        self.begun = 0
        self.ends: list[str] = []

    async def ask(self, request: Any, timeout: float | None) -> None:
        self.begun += 1
        try:
            await self.callers.call(request, timeout)
        except CallExit as error:
            self.ends.append(str(error.reason))
        except CallTimeout:
            self.ends.append("timeout")
        else:
            self.ends.append("ok")

    async def lend(self, pause: float, timeout: float | None) -> None:
        self.begun += 1
        try:
            async with pool.worker(
                self.callers.dest, timeout=timeout, caller=self.callers.root
            ):
                self.ends.append("lent")
                await trio.sleep(pause)
        except CallExit as error:
            self.ends.append(str(error.reason))
        except CallTimeout:
            self.ends.append("timeout")

    async def step(self, nursery: trio.Nursery, step: Any) -> None:
        # The half keeps ends and timeouts apart.
        match step:
            case ("call", pause, timeout):
                request = ("sleep", pause + 0.5, 1)
                nursery.start_soon(self.ask, request, timeout)
            case ("later", pause, _):
                nursery.start_soon(self.ask, ("later", pause + 0.5, 1), None)
            case ("fail", pause, _):
                nursery.start_soon(self.ask, ("fail", pause + 0.5, "boom"), None)
            case ("lend", pause, timeout):
                nursery.start_soon(self.lend, pause + 0.5, timeout)
            case ("kill", _, _):
                await self.kill_one()
            case ("resize", size, _):
                self.size = size
                await pool.resize(self.callers.dest, size, caller=self.callers.root)
            case ("pause", pause, _):
                await trio.sleep(pause)
        await settle()

    async def kill_one(self) -> None:
        dest, root = self.callers.dest, self.callers.root
        for row in await supervisor.which_children(dest, caller=root):
            if row.pid is not None:
                await root.exit(row.pid, "kill")
                return


@given(
    st.lists(steps, max_size=12),
    st.integers(1, 2),
    st.integers(0, 3),
    st.integers(0, 2),
    st.integers(0, 1),
    st.sampled_from(["round_robin", "least_loaded"]),
)
@settings(max_examples=80)
def test_every_call_ends_once_and_in_the_end_everybody_is_idle(
    script: list[Any],
    capacity: int,
    waiting: int,
    overflow: int,
    retries: int,
    way: str,
) -> None:
    async def follow() -> None:
        async with running() as runtime:
            callers = await begin(
                runtime,
                size=2,
                capacity=capacity,
                max_waiting=waiting,
                max_overflow=overflow,
                retries=retries,
                dispatch=way,
                intensity=1000,
            )
            follower = Follower(callers)
            async with trio.open_nursery() as nursery:
                for step in script:
                    await follower.step(nursery, step)
                    numbers = await callers.numbers()
                    # Those that are tried again go to the head of any line.
                    assert numbers.waiting <= waiting + numbers.retried
                    assert numbers.calls <= capacity * numbers.workers
            # A worker does not know that its caller has given up.
            await trio.sleep(99)
            numbers = await callers.numbers()
            ends = follower.ends
            assert len(ends) == follower.begun
            assert set(ends) <= {
                "ok",
                "lent",
                "boom",
                "killed",
                "timeout",
                "overloaded",
            }
            assert numbers.rejected == ends.count("overloaded")
            assert numbers.failed >= ends.count("boom") + ends.count("killed")
            assert numbers.served >= ends.count("ok")
            done = numbers.served + numbers.failed + numbers.rejected
            assert done + ends.count("lent") <= follower.begun
            given_up = follower.begun - done - ends.count("lent")
            assert numbers.abandoned <= given_up <= ends.count("timeout")
            assert (numbers.busy, numbers.calls, numbers.waiting) == (0, 0, 0)
            assert numbers.workers == numbers.size == follower.size
            assert await callers.call("still there") == "still there"
            await callers.root.stop(callers.dest)
            await settle()
            assert_only_the_root(runtime)

    trio.run(follow, clock=trio.testing.MockClock(autojump_threshold=0))


def test_the_model_would_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool that forgets to fail the calls of a dead worker does not pass."""
    from ergopy.gen.pool.line import Line

    monkeypatch.setattr(Line, "lost", lambda self, calls, reason: None)

    async def follow() -> None:
        async with running() as runtime:
            callers = await begin(runtime, size=1)
            with trio.move_on_after(60) as scope:
                await callers.call(("fail", 1, "boom"))
            assert scope.cancelled_caught

    trio.run(follow, clock=trio.testing.MockClock(autojump_threshold=0))
