from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

from ergopy import Atom, Exit, GenServer, Stop
from tests.runtimes import Ends, assert_only_the_root, find, settle, sleeper

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime


class Server(GenServer):
    terminate_timeout = 3.0
    log: list[Any]

    async def init(
        self, log: list[Any], *, trap: bool = False, slow: float = 0
    ) -> None:
        self.log = log
        self.slow = slow
        self.trap_exit = trap

    async def handle_cast(self, request: Any) -> Any:
        match request:
            case "hang":
                await trio.sleep_forever()
            case "crash":
                raise ValueError("as you wish")
            case "swallow":
                try:
                    await trio.sleep_forever()
                except trio.Cancelled:
                    raise ValueError("instead") from None
        return Stop(request)

    async def terminate(self, reason: Any) -> None:
        self.log.append(reason)
        await trio.sleep(self.slow)
        self.log.append("done")


async def start(
    runtime: Runtime, parent: Process | None = None, **options: Any
) -> tuple[Process, Ends, list[Any]]:
    log: list[Any] = []

    class Made(Server):
        async def init(self, *args: Any) -> None:
            await super().init(log, **options)

    starter = parent or runtime.root
    pid = await starter.start(Made, link=parent is not None)
    process = find(runtime, pid)
    return process, Ends(process), log


@pytest.mark.parametrize("reason", ["normal", "shutdown", ("shutdown", 1), "other"])
async def test_terminate_runs_when_the_server_stops_itself(
    runtime: Runtime, reason: Any
) -> None:
    server, ends, log = await start(runtime)
    await runtime.root.cast(server.pid, reason)
    await settle()
    assert log == [reason, "done"]
    assert ends.reasons == [reason]


async def test_terminate_runs_after_a_crash_with_its_reason(runtime: Runtime) -> None:
    server, ends, log = await start(runtime)
    await runtime.root.cast(server.pid, "crash")
    await settle()
    assert log == [ends.reasons[0], "done"]
    assert ends.reasons[0][1] == b"builtins.ValueError"


@pytest.mark.parametrize("trap", [False, True])
async def test_terminate_runs_for_stop_whether_or_not_the_server_traps_exits(
    runtime: Runtime, trap: bool
) -> None:
    server, _, log = await start(runtime, trap=trap)
    await runtime.root.stop(server.pid, "shutdown")
    assert log == ["shutdown", "done"]


async def test_the_exit_of_the_parent_ends_a_server_that_traps_in_order(
    runtime: Runtime,
) -> None:
    parent = sleeper(runtime)
    server, ends, log = await start(runtime, parent, trap=True)
    await runtime.root.exit(parent.pid, "boom")
    await settle()
    assert log == ["boom", "done"]
    assert ends.reasons == ["boom"]
    assert not server.alive


async def test_even_a_normal_exit_of_the_parent_ends_a_server_that_traps(
    runtime: Runtime,
) -> None:
    parent = sleeper(runtime)
    server, ends, _ = await start(runtime, parent, trap=True)
    await parent.exit(server.pid, "normal")
    await settle()
    assert ends.reasons == ["normal"]


@pytest.mark.parametrize("busy", [False, True])
async def test_terminate_does_not_run_for_an_exit_signal_that_is_not_trapped(
    runtime: Runtime, busy: bool
) -> None:
    parent = sleeper(runtime)
    server, ends, log = await start(runtime, parent)
    if busy:
        await runtime.root.cast(server.pid, "hang")
        await settle()
    await parent.exit(server.pid, "shutdown")
    await settle()
    assert log == []
    assert ends.reasons == ["shutdown"]


async def test_terminate_does_not_run_when_a_callback_fails_because_of_the_signal(
    runtime: Runtime,
) -> None:
    server, ends, log = await start(runtime)
    await runtime.root.cast(server.pid, "swallow")
    await settle()
    await runtime.root.exit(server.pid, "kill")
    await settle()
    assert log == []
    assert ends.reasons == ["killed"]


async def test_terminate_is_not_cut_by_an_exit_signal(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    server, ends, log = await start(runtime, slow=2)
    await runtime.root.cast(server.pid, "normal")
    await settle()
    await runtime.root.exit(server.pid, "boom")
    assert not server.alive
    await trio.sleep(2.5)
    assert log == ["normal", "done"]
    assert ends.reasons == ["boom"]


async def test_kill_cuts_terminate_short(
    runtime: Runtime,
    autojump_clock: trio.testing.MockClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server, ends, log = await start(runtime, slow=2)
    await runtime.root.cast(server.pid, "normal")
    await settle()
    await runtime.root.exit(server.pid, "kill")
    await settle()
    assert trio.current_time() == 0
    assert log == ["normal"]
    assert ends.reasons == ["killed"]
    assert "longer" not in caplog.text


async def test_a_link_partner_that_was_killed_does_not_cut_terminate(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    partner = sleeper(runtime)
    server, _, log = await start(runtime, slow=2)
    await partner.link(server.pid)
    await runtime.root.cast(server.pid, "normal")
    await settle()
    await runtime.root.exit(partner.pid, "kill")
    await trio.sleep(2.5)
    assert log == ["normal", "done"]


async def test_terminate_has_a_deadline(
    runtime: Runtime,
    autojump_clock: trio.testing.MockClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server, ends, log = await start(runtime, slow=100)
    await runtime.root.cast(server.pid, "normal")
    await trio.sleep(2.9)
    assert server.alive
    await trio.sleep(0.2)
    assert not server.alive
    assert log == ["normal"]
    assert ends.reasons == ["normal"]
    assert "took longer than 3 s" in caplog.text


async def test_the_name_is_there_until_terminate_is_done(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    server, _, _ = await start(runtime, slow=1)
    runtime.register("name", server.pid)
    await runtime.root.cast("name", "normal")
    await trio.sleep(0.5)
    assert runtime.whereis("name") == server.pid
    await trio.sleep(1)
    assert runtime.whereis("name") is None


async def test_a_server_may_still_call_others_in_terminate(runtime: Runtime) -> None:
    class Asks(GenServer):
        async def handle_cast(self, request: Any) -> Any:
            return Stop("normal")

        async def terminate(self, reason: Any) -> None:
            answers.append(await self.call("other", 1))

    class Answers(GenServer):
        async def handle_call(self, request: Any, from_: Any) -> Any:
            return Atom("yes")

    answers: list[Any] = []
    await runtime.root.start(Answers, name="other")
    pid = await runtime.root.start(Asks)
    await runtime.root.cast(pid, 1)
    await settle()
    assert answers == ["yes"]
    await runtime.root.stop("other")
    assert_only_the_root(runtime)


async def test_a_cancelled_program_runs_no_terminate(runtime: Runtime) -> None:
    server, ends, log = await start(runtime)
    server.cancel_scope.cancel()  # type: ignore[union-attr]
    await settle()
    assert log == []
    assert len(ends.reasons) == 1


class Slow(GenServer):
    async def init(self, log: list[Any]) -> None:
        self.log = log
        self.trap_exit = True

    async def terminate(self, reason: Any) -> None:
        await trio.sleep(60)
        self.log.append(trio.current_time())


async def test_terminate_has_the_time_that_a_parent_gives_who_waits(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    log: list[Any] = []
    parent = sleeper(runtime, trap=True)
    pid = await parent.start(Slow, log, link=True)
    await parent.exit(pid, "shutdown")
    await trio.sleep(100)
    assert log == [60]


async def test_terminate_has_five_seconds_when_nobody_waits(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    log: list[Any] = []
    parent = sleeper(runtime)
    server = find(runtime, await parent.start(Slow, log, link=True))
    ends = Ends(server)
    await runtime.root.exit(parent.pid, "lost")
    await trio.sleep(4.9)
    assert not ends.reasons
    await trio.sleep(0.2)
    assert ends.reasons == ["lost"]
    assert not log


@pytest.mark.parametrize("reason", ["because", "shutdown"])
@pytest.mark.parametrize("how", ["stop", "crash"])
async def test_an_exit_raised_in_terminate_is_the_reason_and_reported_once(
    runtime: Runtime, caplog: pytest.LogCaptureFixture, reason: str, how: str
) -> None:
    class Leaving(Server):
        async def terminate(self, _: Any) -> None:
            raise Exit(reason)

    pid = await runtime.root.start(Leaving, [])
    ends = Ends(find(runtime, pid))
    await runtime.root.cast(pid, Atom("crash" if how == "crash" else "normal"))
    await settle()
    assert ends.reasons == [reason]
    reports = [vars(record).get("report") for record in caplog.records]
    assert reports == (["crash_report"] if reason == "because" else [])
