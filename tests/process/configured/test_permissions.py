"""Rights that a process has not: what it may not do, and who shares its lot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ergopy import GenServer, NotPermitted, ProcessConfig
from tests.runtimes import find, idle, inside, settle

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime


MAY_NOTHING = ProcessConfig(
    may_spawn=False, may_register=False, may_distribute=False, may_run_sync=False
)


async def test_a_right_that_was_not_given_is_an_error_and_nothing_is_done(
    runtime: Runtime,
) -> None:
    async def body(process: Process) -> dict[str, Any]:
        tried = {}
        for verb, args in {
            "spawn": (idle,),
            "start": (GenServer,),
            "register": ("mine",),
            "unregister": ("yours",),
            "run_sync": (print,),
        }.items():
            try:
                result = getattr(process, verb)(*args)
                await result
            except NotPermitted as error:
                tried[verb] = (error.pid == process.pid, error.what)
        return tried

    before = len(runtime.processes)
    runtime.register("yours", runtime.root.pid)
    tried = await inside(runtime, body, config=MAY_NOTHING)
    assert tried == {
        "spawn": (True, "may_spawn"),
        "start": (True, "may_spawn"),
        "register": (True, "may_register"),
        "unregister": (True, "may_register"),
        "run_sync": (True, "may_run_sync"),
    }
    assert len(runtime.processes) == before
    assert set(runtime.names) == {"yours"}


async def test_a_child_has_no_right_that_its_parent_has_not(runtime: Runtime) -> None:
    async def body(process: Process) -> ProcessConfig | None:
        wider = ProcessConfig(may_register=True, may_run_sync=True)
        return find(runtime, await process.spawn(idle, config=wider)).config

    config = ProcessConfig(may_register=False, may_distribute=False)
    inherited = await inside(runtime, body, config=config)
    assert not inherited.may_register
    assert not inherited.may_distribute
    assert inherited.may_spawn
    assert inherited.may_run_sync


async def test_a_server_is_bound_by_its_configuration(runtime: Runtime) -> None:
    class Server(GenServer):
        async def handle_call(self, request: Any, from_: Any) -> Any:
            try:
                return await self.spawn(idle)
            except NotPermitted as error:
                return error.what

    pid = await runtime.root.start(Server, config=ProcessConfig(may_spawn=False))
    assert await runtime.root.call(pid, "go") == "may_spawn"


async def test_a_name_is_given_by_the_starter_so_its_right_counts(
    runtime: Runtime,
) -> None:
    config = ProcessConfig(may_register=False)
    named = runtime.spawn(idle, (), name="given", config=config)
    assert runtime.whereis("given") == named.pid
    with pytest.raises(NotPermitted, match="may_register"):
        await named.spawn(idle, name="another")
    assert len(runtime.processes) == 2


async def test_what_the_node_starts_for_a_process_has_the_rights_of_that(
    runtime: Runtime,
) -> None:
    async def body(process: Process) -> Any:
        return runtime.spawn(idle, ()).config

    config = await inside(runtime, body, config=ProcessConfig(may_register=False))
    assert not config.may_register
    with pytest.raises(NotPermitted):
        await inside(runtime, body, config=ProcessConfig(may_spawn=False))
    assert runtime.spawn(idle, ()).config is None


async def test_helper_tasks_have_the_rights_of_their_process(runtime: Runtime) -> None:
    async def body(process: Process) -> list[str]:
        refused = []

        async def help_out() -> None:
            for start in (process.spawn, lambda f: runtime.root.spawn(f)):
                try:
                    await start(idle)
                except NotPermitted as error:
                    refused.append(error.what)

        process.start_soon(help_out)
        await settle()
        return refused

    refused = await inside(runtime, body, config=ProcessConfig(may_spawn=False))
    assert refused == ["may_spawn", "may_spawn"]
