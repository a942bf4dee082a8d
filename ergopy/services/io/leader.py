"""Whose output it is: the group leader of who called an exported function."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from etf import Atom, Pid

from ...errors import LocalProtocolError
from ...gen.caller import acting
from ...process.context import self
from .device import IoDevice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...process.process import Process

_led_by: ContextVar[tuple[Process, Pid]] = ContextVar("led_by")


def group_leader(caller: Any = None) -> Pid:
    """Return the group leader: where the output of this code goes; ``group_leader/0``.

    In an exported function it is that of who called it, by ``rpc``, ``erpc`` or
    ``erl_call``, unless that said otherwise. *caller* is a process, behaviour or node
    to ask for instead.

    Raises:
        LocalProtocolError: No process runs this, and there is no *caller*.
    """
    process = acting(caller)
    led = _led_by.get(None)
    if led is not None and led[0] is process and _runs(process):
        return led[1]
    return process.group_leader


def _runs(process: Process) -> bool:
    try:
        return self() is process
    except LocalProtocolError:
        return False


@contextmanager
def led_by(process: Process, leader: Any) -> Iterator[None]:
    """Let what runs inside have *leader*, if that is a pid; it is part of *process*."""
    if leader.__class__ is not Pid:
        yield
        return
    token = _led_by.set((process, leader))
    try:
        yield
    finally:
        _led_by.reset(token)


class ToCaller(IoDevice):
    """Sends what is printed to a C node that has called a function, ``erl_call``."""

    async def init(self, caller: Pid) -> None:
        self._caller = caller

    async def put_chars(self, text: str) -> None:
        await self.send(self._caller, (Atom("rex_stdout"), text.encode()))
