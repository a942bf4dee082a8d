"""What a registry logs of the processes that it starts, as a supervisor does."""

from __future__ import annotations

import logging
from typing import Any

import pytest

import ergopy
from ergopy import Exit, Registry
from tests.gen.registry.kit import Worker, begin, begin_starting, clean, pids, stuck
from tests.runtimes import find, settle


@pytest.fixture
def reports(caplog):
    """The supervisor and progress reports: what, in which context, of which key."""
    caplog.set_level(logging.INFO, "ergopy.supervisor")

    def made() -> list[Any]:
        return [
            (
                record.report.removesuffix("_report"),
                getattr(record, "context", None),
                getattr(record, "offender", getattr(record, "started", {})).get("id"),
                getattr(record, "reason", None),
            )
            for record in caplog.records
            if record.name == "ergopy.supervisor"
        ]

    return made


async def test_a_start_is_progress(runtime, reports) -> None:
    registry = await begin_starting(runtime)
    await registry.start("key")
    await registry.lookup_or_start("key")
    assert reports() == [("progress", None, "'key'", None)]


@pytest.mark.parametrize("how", ["stop", "raise"])
async def test_a_start_that_fails_is_reported_once_however_many_wait(
    runtime, reports, how: str
) -> None:
    registry = await begin_starting(runtime)
    with pytest.raises(ergopy.StartError) as caught:
        await registry.start("key", how)
    assert reports() == [("supervisor", "start_error", "'key'", caught.value.reason)]


async def test_an_init_that_ignores_is_no_failure(runtime, reports) -> None:
    registry = await begin_starting(runtime)
    with pytest.raises(ergopy.Ignored):
        await registry.start("key", "ignore")
    assert reports() == []


@pytest.mark.parametrize("reason", ["normal", "shutdown", ("shutdown", 1)])
async def test_a_clean_end_is_not_reported(runtime, reports, reason: Any) -> None:
    async def ends(process: ergopy.Process) -> None:
        await process.receive()
        raise Exit(reason)

    registry = await begin(runtime, start=ends)
    await runtime.root.send(await registry.start("key"), "go")
    await settle()
    assert reports() == [("progress", None, "'key'", None)]


async def test_a_crash_is_reported(runtime, reports) -> None:
    registry = await begin_starting(runtime)
    find(runtime, await registry.start("key")).kill()
    end = ("supervisor", "child_terminated", "'key'", "killed")
    assert reports()[1:] == [end]


async def test_a_report_that_fails_leaves_nobody_registered(
    runtime, monkeypatch
) -> None:
    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError("wanted")

    logger, broken = logging.getLogger("ergopy.supervisor"), Broken()
    monkeypatch.setattr(logger, "handlers", [broken])
    registry = await begin_starting(runtime)
    with clean(registry):
        find(runtime, await registry.start("key")).kill()
        assert registry.lookup("key") is None


async def test_a_key_of_a_peer_does_not_choose_the_length_of_a_line(
    runtime, reports
) -> None:
    registry = await begin_starting(runtime)
    find(runtime, await registry.start(b"x" * 50_000)).kill()
    assert len(reports()[1][2]) < 3_000


async def test_what_was_asked_to_end_is_not_reported(runtime, reports) -> None:
    registry = await begin_starting(runtime)
    await registry.start("key")
    await registry.stop("key", "kill")
    assert reports()[1:] == []


async def test_of_who_has_registered_itself_nothing_is_reported(
    runtime, reports
) -> None:
    registry = await begin(runtime)
    (pid,) = pids(runtime, 1)
    registry.register("key", pid=pid)
    find(runtime, pid).kill()
    assert reports() == []


async def test_those_that_had_to_be_killed_at_its_end_are_one_report(
    runtime, autojump_clock, reports
) -> None:
    registry = await begin(runtime, start=stuck, shutdown=1)
    for key in range(3):
        await registry.start(key)
    await settle()
    await runtime.root.stop("reg", "shutdown")
    (error,) = [one for one in reports() if one[0] == "supervisor"]
    assert error[1:] == ("shutdown_error", "stuck", "killed")


def test_what_it_starts_is_never_restarted() -> None:
    assert Registry(start=Worker)._child_spec.restart == "temporary"
