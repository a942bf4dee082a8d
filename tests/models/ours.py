"""A node of ours as a stage: processes that do what a script says."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import trio

from ergopy import (
    Atom,
    CallTimeout,
    Exit,
    NameTaken,
    NoProcess,
    NotRegistered,
    Pid,
    Process,
)
from ergopy.process.links import is_active
from tests.models.play import MODULE

if TYPE_CHECKING:
    import ergopy


class OurStage:
    """Its actors take commands beside their mailbox, which stays as it is."""

    call_timeout = 0.02
    """Seconds, for calls that nobody answers."""

    def __init__(self, node: ergopy.Node) -> None:
        self.node = node
        self.name = node.name
        self._actors: dict[Pid, _Actor] = {}
        node.provide_spawn(MODULE, self._act, "actor")
        self._pongs = 0

    async def open(self) -> None:
        """Answer pings; spawn what other stages ask for."""
        await self.node.spawn(_answer_pings, name=MODULE)

    async def start(self, trap: bool) -> Pid:
        pid = await self.node.spawn(self._act, trap)
        await self.do(pid, ("trap", trap))
        return pid

    async def _act(self, process: Process, trap: bool) -> None:
        process.trap_exit = trap
        actor = self._actor(process.pid)
        await actor.act(process, self)

    def _actor(self, pid: Pid) -> _Actor:
        return self._actors.setdefault(pid, _Actor())

    async def do(self, who: Pid, command: tuple[Any, ...]) -> Any:
        return await self._actor(who).do(command)

    async def look(self, pids: list[Pid]) -> tuple[list[Any], list[Any], list[Any]]:
        runtime = self.node.runtime
        shown = [_show(runtime.find(pid)) for pid in pids]
        names = [(name, process.pid) for name, process in runtime.names.items()]
        return shown, names, list(self.node.nodes("connected"))

    async def reach(self, other: Atom) -> None:
        if other not in self.node.nodes("connected"):
            return
        done = trio.Event()

        async def ping(process: Process) -> None:
            await process.send((MODULE, other), (Atom("ping"), process.pid))
            await process.receive()
            done.set()

        await self.node.spawn(ping)
        await done.wait()

    async def connect(self, other: Atom) -> None:
        await self.node.connect(other)

    async def disconnect(self, other: Atom) -> None:
        self.node.disconnect(other)

    async def restart(self, other: Atom) -> None:
        raise NotImplementedError

    async def end(self, pids: list[Pid]) -> None:
        for pid in pids:
            await self.node.runtime.root.exit(pid, Atom("kill"))
        while any(self.node.runtime.find(pid) for pid in pids):
            await trio.lowlevel.checkpoint()
        self._actors.clear()

    async def perform(self, process: Process, command: tuple[Any, ...]) -> Any:
        match command:
            case ("burst", commands):
                return [await self.perform(process, one) for one in commands]
            case ("link", pid):
                await process.link(pid)
            case ("unlink", pid):
                process.unlink(pid)
            case ("monitor", target):
                return await process.monitor(target)
            case ("monitor_tag", target):
                return await process.monitor(target, tag=Atom("gone"))
            case ("group_leader", leader, pid):
                process.set_group_leader(leader, of=pid)
            case ("monitor_alias", target, mode):
                return await process.monitor(target, alias=mode)
            case ("monitor_node", node, flag):
                process.monitor_node(node, flag)
            case ("demonitor", ref, flush):
                return process.demonitor(ref, flush=flush)
            case ("alias", once):
                return process.alias(once=once)
            case ("unalias", ref):
                return process.unalias(ref)
            case ("send", dest, message):
                await process.send(dest, message)
            case ("call", dest, request, ends):
                timeout = None if ends else self.call_timeout
                # On a BEAM the time of a call begins when the nodes are connected.
                node = dest.node if isinstance(dest, Pid) else dest[1]
                if node != self.name:
                    await self.node.connect(node)
                try:
                    await process.call(dest, request, timeout=timeout)
                except CallTimeout:
                    return "timeout"
                except NoProcess:
                    return "noproc"
            case ("register" | "unregister" as verb, *names):
                try:
                    getattr(process, verb)(*names)
                except (NameTaken, NotRegistered):
                    return False
                return True
            case ("trap", value):
                process.trap_exit = value
            case ("exit", pid, reason):
                await process.exit(pid, reason)
            case ("stop", reason):
                raise Exit(reason)
            case ("spawn", trap, link, monitor):
                return await process.spawn(self._act, trap, link=link, monitor=monitor)
            case ("spawn_at", node, trap, link, monitor):
                return await process.remote_spawn(
                    node, MODULE, "actor", [trap], link=link, monitor=monitor
                )
            case _:
                raise AssertionError(command)
        return None


class _Actor:
    """The commands of one process, one at a time."""

    def __init__(self) -> None:
        self._send, self._commands = trio.open_memory_channel[Any](1)
        self._ended = False
        self._result: Any = None
        self._done = trio.Event()

    async def act(self, process: Process, stage: OurStage) -> None:
        try:
            async for command in self._commands:
                self._result = await stage.perform(process, command)
                self._done.set()
        except Exit:
            raise
        except Exception:
            logging.getLogger("ergopy").exception("%s", process)
            raise
        finally:
            self._ended = True
            self._done.set()

    async def do(self, command: tuple[Any, ...]) -> Any:
        if self._ended:
            return Atom("died")
        self._result, self._done = Atom("died"), trio.Event()
        self._send.send_nowait(command)
        await self._done.wait()
        return self._result


async def _answer_pings(process: Process) -> None:
    while True:
        match await process.receive():
            case ("ping", pid):
                await process.send(pid, Atom("pong"))


def _show(process: Process | None) -> Any:
    if process is None or not process.alive:
        return None
    watchers = process.watchers.values()
    return (
        process.messages(),
        [pid for pid, state in process.links.items() if is_active(state)],
        [monitor.reported for monitor in process.monitors.values()],
        [_who(watcher) for watcher in watchers],
        process.trap_exit,
        process.group_leader,
    )


def _who(watcher: Any) -> Any:
    owner = getattr(watcher, "owner", None)
    return watcher.watcher if owner is None else owner.pid
