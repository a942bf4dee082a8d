"""What ``start_process`` may be and return, and what the registry makes of it."""

from __future__ import annotations

from typing import Any

import pytest

import ergopy
from ergopy import IGNORE, Atom, Pid, Registry, Stop
from tests.gen.registry.kit import begin, clean, end, is_alive, pids
from tests.runtimes import settle, sleeper


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (lambda pid: pid, "pid"),
        (lambda pid: (pid, "info"), "pid"),
        (lambda pid: (Atom("ok"), pid), "pid"),
        (lambda pid: (Atom("ok"), pid, "info"), "pid"),
        (lambda pid: None, "ignored"),
        (lambda pid: IGNORE, "ignored"),
        (lambda pid: Atom("ignore"), "ignored"),
        (lambda pid: Stop("wanted"), "wanted"),
        (lambda pid: (Atom("error"), Atom("wanted")), "wanted"),
        (lambda pid: 5, "bad_return_value"),
        (lambda pid: (Atom("error"), (Atom("already_started"), pid)), "already"),
    ],
)
async def test_a_registry_survives_whatever_its_start_function_returns(
    runtime, answer: Any, expected: str
) -> None:
    (pid,) = pids(runtime, 1)

    class Odd(Registry):
        async def start_process(self, key: Any, *args: Any) -> Any:
            return answer(pid)

    await runtime.root.start(Odd, name="odd")
    registry = Odd.of("odd", runtime.root)
    try:
        found: Any = await registry.lookup_or_start("key")
    except ergopy.Ignored:
        found = "ignored"
    except ergopy.AlreadyStarted as taken:
        found = "already" if taken.pid == pid else taken
    except ergopy.StartError as error:
        reason = error.reason
        found = reason[0] if isinstance(reason, tuple) else reason
    assert found == (pid if expected == "pid" else expected)
    assert len(registry) == (expected == "pid")
    assert is_alive(runtime, registry.pid)


async def test_what_a_start_function_has_only_spawned_is_linked(runtime) -> None:
    class Spawns(Registry):
        async def start_process(self, key: Any, *args: Any) -> Pid:
            return sleeper(self.process.runtime).pid

    await runtime.root.start(Spawns, name="spawns")
    registry = Spawns.of("spawns", runtime.root)
    with clean(registry):
        pid = await registry.start("key")
        assert pid in registry.process.links
        await end(runtime, pid)


async def test_one_that_ends_at_once_is_returned_and_not_registered(runtime) -> None:
    async def brief(process: ergopy.Process) -> None:
        return None

    registry = await begin(runtime, start=brief)
    with clean(registry):
        pid = await registry.lookup_or_start("key")
        await settle()
        assert not is_alive(runtime, pid)
