"""``appmon_info``: what tells the observer of the applications, and what is in them.

A viewer starts it with rpc, or joins one that runs, and casts to it what it wants to be
told: ``{Viewer, What, About, Whether, Options}``. It looks again and again, and reports
``{delivery, Self, What, About, Result}`` when the result has changed. It ends with the
viewer that started it, and with its last one.

``app`` (a tree) and ``app_ctrl`` (which applications) are answered; ``load`` and
``pinfo``, which nothing asks for any more, have no result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from etf import Atom, Pid

from ...errors import AlreadyStarted
from ...gen.application.terms import descriptions
from ...gen.returns import Stop
from ...gen.server import GenServer
from ...node.questions import Room
from ...process.atoms import NORMAL, OK, UNDEFINED
from ...process.messages import ExitMessage
from . import app_tree

ROOM = Room("appmon_info")
MASTERS = Room("application_master")

NAME = "appmon_info"

MAX_TASKS = 100
"""Things that all viewers together may want to be told of."""

LEAST_INTERVAL = 0.1
"""Seconds between two looks, whatever the viewer asks for."""

MOST_INTERVAL = 86_400.0
"""And the longest time between them."""

_INTERVAL = 2.0
_DELIVERY = Atom("delivery")
_LOOK = Atom("look")


@ROOM.reads
async def start_link2(node: Any, starter: Pid, client: Pid, options: Any) -> Any:
    """The process that tells a viewer of the applications."""
    if not (isinstance(starter, Pid) and isinstance(client, Pid)):
        raise TypeError(client)
    try:
        return OK, await node.start(AppmonInfo, starter, client, name=NAME)
    except AlreadyStarted as error:
        await node.call(error.pid, (Atom("register_client"), client))
        return OK, error.pid


@MASTERS.reads
def get_child(node: Any, master: Pid) -> Any:
    """The top process of an application, and its module."""
    for info in node.applications.which():
        if info.pid == master and info.top is not None:
            module = node.applications.keys(info.name)["modules"]
            return info.top, module[0] if module else Atom(info.name)
    return UNDEFINED, UNDEFINED


@dataclass
class _Task:
    what: Atom
    about: Atom
    viewer: Pid
    interval: float | None
    """Seconds until the next look; None is never."""
    number: int
    told: Any = None


@final
class AppmonInfo(GenServer):
    """See the module."""

    async def init(self, starter: Pid, client: Pid) -> None:
        self.trap_exit = True
        self._starter = starter
        self._clients = [client]
        self._tasks: dict[tuple[Atom, Atom, Pid], _Task] = {}
        self._count = 0
        await self.link(client)

    async def handle_call(self, request: Any, from_: Any) -> Any:
        match request:
            case (Atom("register_client"), Pid() as client) if (
                client not in self._clients
            ):
                self._clients.append(client)
                await self.link(client)
        return OK

    async def handle_cast(self, request: Any) -> None:
        match request:
            case (Pid() as viewer, Atom() as what, Atom() as about, on, options):
                former = self._tasks.pop((what, about, viewer), None)
                if on is True and len(self._tasks) < MAX_TASKS:
                    self._count += 1
                    task = _Task(what, about, viewer, _interval(options), self._count)
                    if former is not None:
                        task.told = former.told
                    self._tasks[what, about, viewer] = task
                    await self._look(task)

    async def handle_info(self, message: Any) -> Any:
        match message:
            case (Atom("look"), int(number)):
                # One that was ended, or begun anew, is looked at no more.
                for task in self._tasks.values():
                    if task.number == number:
                        await self._look(task)
                        break
            case ExitMessage(pid=pid, reason=reason):
                return self._lost(pid, reason)
        return None

    async def _look(self, task: _Task) -> None:
        result = self._result(task)
        if result != task.told:
            task.told = result
            report = (_DELIVERY, self.pid, task.what, task.about, result)
            await self.send(task.viewer, report)
        if task.interval is None:
            self._tasks.pop((task.what, task.about, task.viewer), None)
        else:
            self.process.send_after(task.interval, self.pid, (_LOOK, task.number))

    def _result(self, task: _Task) -> Any:
        if task.what == "app_ctrl":
            return _applications(self.node)
        if task.what == "app":
            tree = app_tree.app_tree(self.node, task.about)
            return app_tree.as_terms(self.node, tree)
        return None

    def _lost(self, pid: Pid, reason: Any) -> Stop | None:
        if pid == self._starter:
            return Stop(reason)
        for key in [key for key in self._tasks if key[2] == pid]:
            del self._tasks[key]
        if pid in self._clients:
            self._clients.remove(pid)
        return None if self._clients else Stop(NORMAL)


def _interval(options: Any) -> float | None:
    for option in options if isinstance(options, list) else ():
        match option:
            case (Atom("timeout"), Atom("at_most_once")):
                return None
            case (Atom("timeout"), int(milliseconds)):
                most = int(MOST_INTERVAL * 1000)
                return max(min(max(milliseconds, 0), most) / 1000, LEAST_INTERVAL)
    return _INTERVAL


def _applications(node: Any) -> list[tuple[Any, ...]]:
    running = [info for info in node.applications.which() if info.pid is not None]
    return [
        (info.pid, Atom(info.name), *descriptions([info])) for info in reversed(running)
    ]
