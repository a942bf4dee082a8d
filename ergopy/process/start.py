"""Starting a behaviour: the starter waits for ``init``, as in ``proc_lib``.

The starter holds a slot, which the new process resolves when ``init`` is done, or when
it ends before. Whoever stops waiting leaves nothing behind: the half-started process
is unlinked, has no name any more, and is killed.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, final

from ..errors import AlreadyStarted, Ignored, NameTaken, StartError
from . import global_names, reasons
from .atoms import ANCESTORS
from .messages import ExitMessage
from .slot import Slot

if TYPE_CHECKING:
    from collections.abc import Callable

    from etf import Pid

    from .process import Process
    from .via import Via


@final
class StartAck(Slot):
    """Resolves to None, or to a function that makes the exception to raise."""

    __slots__ = ()

    def up(self) -> None:
        """``init`` is done."""
        self.resolve(None)

    def ignore(self) -> None:
        """``init`` wants no process, and that is no failure."""
        self.resolve(Ignored)

    def fire(self, reason: Any) -> None:
        """The process ended before ``init`` was done."""
        self.resolve(_failed(reason))

    def taken(self, name: Any, owner: Any) -> None:
        """Another process has the global name."""
        self.resolve(lambda _: AlreadyStarted(name, owner))

    def time_out(self) -> None:
        """``init`` took too long."""
        self.resolve(_failed("timeout"))


@final
class _Named:
    """The body of a process that takes a global name before its ``init``.

    As in OTP the new process registers itself, which takes calls to other nodes.
    """

    def __init__(self, enter: Callable[..., Any], name: tuple[str, Any]) -> None:
        self._enter = enter
        self._name = name

    async def __call__(
        self, process: Process, args: tuple[Any, ...], ack: StartAck
    ) -> None:
        names = global_names.names_of(process.runtime)
        try:
            await names.claim(process, self._name[1])
        except NameTaken as taken:
            ack.taken(self._name, taken.owner)
            return
        await self._enter(process, args, ack)


async def start(
    parent: Process,
    behaviour: Any,
    args: tuple[Any, ...],
    *,
    name: str | Via | tuple[str, Any] | None,
    link: bool,
    timeout: float | None,
    tag: Any = None,
    options: dict[str, Any],
    watcher: Any = None,
    **settings: Any,
) -> Pid:
    """Do what ``Process.start`` says; *settings* are for ``Runtime.create``.

    *watcher* is told by ``fire(reason)`` of an end at any time: the process may be over
    when this returns.
    """
    if timeout is not None and not timeout >= 0:
        raise ValueError(f"a timeout is a number of seconds, not {timeout!r}")
    instance = _instance(behaviour, options)
    what = behaviour.__qualname__
    ack = StartAck()
    enter, label = instance.enter, name or what
    shared = global_names.as_global(name)
    if shared is not None:
        enter, name = _Named(enter, shared), None
    try:
        process = _create(parent, enter, link, tag, name=name, label=label, **settings)
    except NameTaken as taken:
        raise AlreadyStarted(taken.name, taken.owner) from None  # type: ignore[arg-type]
    process.watchers[ack] = ack
    if watcher is not None:
        process.watchers[watcher] = watcher
    process.runtime.begin(process, enter, (args, ack))
    give_up = partial(_give_up, parent, process)
    timer = None
    if timeout is not None and timeout != math.inf:
        timer = process.timers.start(timeout, ack.time_out)
    try:
        failure = await ack.wait(give_up)
    finally:
        if timer is not None:
            timer.cancel()
    if failure is None:
        process.watchers.pop(ack, None)
        if not process.watchers:
            # An empty dict that had something in it is 160 bytes larger.
            process.watchers = {}
        return process.pid
    give_up()
    # The caller hears of it by the exception: no exit message is to come on top.
    parent.remove(lambda m: m.__class__ is ExitMessage and m.pid == process.pid)
    raise failure(what)


def _instance(behaviour: Any, options: dict[str, Any]) -> Any:
    if not _is_behaviour(behaviour):
        raise TypeError(
            f"start takes the class of a behaviour, not {behaviour!r};"
            " a function is for spawn"
        )
    if options and behaviour.__init__ is object.__init__:
        raise TypeError(f"{behaviour.__qualname__} takes no {', '.join(options)}=")
    return behaviour(**options)


def _is_behaviour(it: Any) -> bool:
    return isinstance(it, type) and hasattr(it, "enter")


def _create(
    parent: Process,
    function: Any,
    link: bool,
    tag: Any,
    **settings: Any,
) -> Process:
    runtime = parent.runtime
    process = runtime.create(function, parent=parent, **settings)
    # Only a linked parent is one whose exit ends a server that traps exits.
    process.parent = parent.pid if link else runtime.root.pid
    process.log_crash = False
    process.dictionary[ANCESTORS] = lineage(parent)
    if link:
        parent.link_nowait(process.pid, tag=tag)
    return process


def lineage(parent: Process) -> list[Any]:
    """Return ``'$ancestors'`` of what *parent* starts: itself, then its own."""
    starter = parent.names[0] if parent.names else parent.pid
    return [starter, *parent.dictionary.get(ANCESTORS, [])]


def _give_up(parent: Process, process: Process) -> None:
    parent.forget_link(process.pid)
    process.forget_link(parent.pid)
    if process.alive:
        process.drop_names()
        process.kill()


def _failed(reason: Any) -> Callable[[object], StartError]:
    return partial(StartError, reason=reasons.as_reason(reason))
