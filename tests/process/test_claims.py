"""Claims: who has to know at once that a process ends."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from tests.runtimes import find, settle, sleeper


class Claim:
    """Keeps whether the process was there, and alive, when it fired."""

    def __init__(self, process: Any) -> None:
        self.process = process
        self.fired: list[Any] = []

    def fire(self, reason: Any) -> None:
        process = self.process
        here = process.runtime.find(process.pid) is process
        self.fired.append((reason, here, process.alive))


@pytest.mark.parametrize("reason", ["shutdown", ("any", 1)])
async def test_a_claim_fires_when_an_exit_signal_ends_the_process(
    runtime, reason: Any
) -> None:
    process = sleeper(runtime)
    claim = Claim(process)
    process.claim("key", claim)
    process.exit_from(runtime.root.pid, reason, link=False)
    assert claim.fired == [(reason, True, False)]
    await settle()
    assert claim.fired == [(reason, True, False)]


async def test_a_claim_fires_on_a_kill(runtime) -> None:
    process = sleeper(runtime, trap=True)
    claim = Claim(process)
    process.claim("key", claim)
    process.kill()
    assert claim.fired == [("killed", True, False)]


async def test_a_claim_fires_when_the_body_is_over_before_the_links_hear(
    runtime,
) -> None:
    gate = trio.Event()

    async def body(process: Any) -> None:
        await gate.wait()

    process = runtime.spawn(body, ())
    claim, watcher = Claim(process), Claim(process)
    process.watchers["test"] = watcher
    process.claim("key", claim)
    gate.set()
    await settle()
    assert claim.fired == [("normal", True, False)]
    assert watcher.fired == [("normal", False, False)]


async def test_a_claim_does_not_fire_for_what_does_not_end_the_process(runtime) -> None:
    process = sleeper(runtime, trap=True)
    claim = Claim(process)
    process.claim("key", claim)
    process.exit_from(runtime.root.pid, "shutdown", link=False)
    sleeping = sleeper(runtime)
    sleeping.claim("key", claim)
    sleeping.exit_from(runtime.root.pid, "normal", link=False)
    assert claim.fired == []


async def test_a_claim_that_was_taken_back_does_not_fire(runtime) -> None:
    process = sleeper(runtime)
    claim = Claim(process)
    process.claim("key", claim)
    process.unclaim("key")
    process.unclaim("key")
    process.kill()
    assert claim.fired == []


async def test_a_claim_that_fails_keeps_nobody_from_hearing(runtime, caplog) -> None:
    class Fails:
        def fire(self, reason: Any) -> None:
            raise RuntimeError("wanted")

    process = sleeper(runtime)
    claim = Claim(process)
    process.claim("first", Fails())
    process.claim("second", claim)
    process.kill()
    assert len(claim.fired) == 1
    await settle()
    assert runtime.find(process.pid) is None
    assert "was lost" in caplog.text


async def test_a_process_without_claims_has_no_table_of_them(runtime) -> None:
    process = sleeper(runtime)
    assert process.claims is None
    assert find(runtime, process.pid) is process
