"""Instruments: callbacks for what the processes of a node do; nothing while off.

Processes start and end seldom enough to look each time whether somebody wants to know.
Messages do not: for these the class of each process, and of each way to another node,
is exchanged for a subclass while an instrument is attached, and the hot paths stay as
they are.

A message is seen where it comes into a mailbox, and where it leaves for another node:
one between two processes of the node thus once. What never gets into a mailbox is not
seen there: the answer to a call, and what a limit of the mailbox drops.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, final

import etf

from .layers import Layer

if TYPE_CHECKING:
    from collections.abc import Callable

    from etf import Pid, Reference

    from ..abc import Instrument
    from .process import Process
    from .runtime import Runtime
    from .signals import RemoteNode

logger = logging.getLogger("ergopy.process")

_VERSION = b"\x83"


def attach(runtime: Runtime, instrument: Instrument) -> None:
    """Let *instrument* hear of the processes of *runtime*."""
    (runtime.tracer or Tracer(runtime)).add(instrument)


def detach(runtime: Runtime, instrument: Instrument) -> None:
    """Let it hear no more.

    Raises:
        ValueError: It is not attached (any more).
    """
    if runtime.tracer is None:
        raise ValueError(f"{instrument!r} is not attached")
    runtime.tracer.remove(instrument)


@final
class Tracer:
    """The instruments of one node, as long as there are any."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._instruments: list[Instrument] = []
        self._ways: dict[str, Any] = {}
        self._remote_node: Callable[[str], RemoteNode] | None = None
        self._of_processes = Layer(partial(_process_methods, self))
        self._of_ways = Layer(partial(_way_methods, self))

    def add(self, instrument: Instrument) -> None:
        """Attach *instrument*; of what happened before it hears nothing."""
        if not self._instruments:
            self._attach()
        self._instruments.append(instrument)

    def remove(self, instrument: Instrument) -> None:
        """Detach *instrument*.

        Raises:
            ValueError: It is not attached.
        """
        self._instruments.remove(instrument)
        if not self._instruments:
            self._detach()

    def tell(self, event: str, *args: Any) -> None:
        """Call what of the instruments is called *event*, if they have it."""
        for instrument in list(self._instruments):
            callback = getattr(instrument, event, None)
            if callback is None:
                continue
            try:
                callback(*args)
            except Exception:
                # As Trio does with its own: one that fails must not end processes.
                logger.exception("%s of %r failed; it is detached", event, instrument)
                if instrument in self._instruments:
                    self.remove(instrument)

    def started(self, process: Process) -> None:
        """Tell that a process is in the table, and has not begun."""
        self._of_processes.put_on(process)
        self.tell("process_started", process)

    def ended(self, process: Any, reason: Any) -> None:
        """Tell that a process is over, before its links and monitors hear of it."""
        self.tell("process_ended", process, reason)

    def way(self, node: str) -> RemoteNode:
        """Return the way to *node*, watched."""
        assert self._remote_node is not None
        way = self._ways.get(node)
        if way is None:
            way = self._ways[node] = self._remote_node(node)
            self._of_ways.put_on(way)
        return way

    def _attach(self) -> None:
        runtime = self._runtime
        runtime.tracer = self
        for process in runtime.processes.values():
            self._of_processes.put_on(process)
        self._remote_node = runtime.exchange_ways(self.way)

    def _detach(self) -> None:
        runtime = self._runtime
        runtime.tracer = None
        runtime.exchange_ways(self._remote_node)
        for process in runtime.processes.values():
            self._of_processes.take_off(process)
        for way in self._ways.values():
            self._of_ways.take_off(way)
        self._ways.clear()


def _process_methods(tracer: Tracer, cls: type[Process]) -> dict[str, Any]:
    def deliver(self: Any, message: Any) -> None:
        tracer.tell("message_received", self, message)
        cls.deliver(self, message)

    def deliver_priority(self: Any, message: Any) -> None:
        tracer.tell("message_received", self, message)
        cls.deliver_priority(self, message)

    def link_nowait(self: Any, to: Pid, **options: Any) -> None:
        tracer.tell("process_linked", self, to)
        cls.link_nowait(self, to, **options)

    def unlink(self: Any, to: Pid) -> None:
        tracer.tell("process_unlinked", self, to)
        cls.unlink(self, to)

    methods: dict[str, Any] = {
        "deliver": deliver,
        "deliver_priority": deliver_priority,
        "link_nowait": link_nowait,
        "unlink": unlink,
    }
    if cls.offer is cls.deliver:
        # Otherwise it ends in ``deliver``.
        methods["offer"] = deliver
    return methods


def _way_methods(tracer: Tracer, cls: Any) -> dict[str, Any]:
    def told(name: str) -> Any:
        method = getattr(cls, name)

        def send(self: Any, sender: Pid, to: Any, message: Any) -> None:
            tracer.tell("message_sent", sender, _named(self, to), message)
            method(self, sender, to, message)

        return send

    def send_many(self: Any, sender: Pid, targets: list[Any], payload: bytes) -> None:
        message = etf.decode(_VERSION + payload)
        for to in targets:
            tracer.tell("message_sent", sender, _named(self, to), message)
        cls.send_many(self, sender, targets, payload)

    def call(
        self: Any, caller: Pid, target: Any, ref: Reference, message: Any, record: Any
    ) -> None:
        tracer.tell("message_sent", caller, _named(self, target), message)
        cls.call(self, caller, target, ref, message, record)

    plain = ("send", "send_name", "send_alias", "send_priority")
    methods = {name: told(name) for name in plain}
    return {**methods, "send_many": send_many, "call": call}


def _named(way: Any, to: Any) -> Any:
    """Return a destination as it is written: names with their node."""
    return (to, way.name) if isinstance(to, str) else to
