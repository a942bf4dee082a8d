"""A tap: what comes into the mailbox of a process goes through a function first.

It is in the process itself, and not before one of its names. So it takes in what is
sent to its pid, to an alias or to another name as well, and calls, links, monitors and
the end of the process are as they are without it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, final

from etf import Pid

from ..abc import Instrument
from ..errors import LocalProtocolError, NoProcess
from ..process import tracing
from ..process.atoms import GEN_CALL, GEN_CAST
from ..process.layers import Layer
from ..process.via import Via

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..process import Process
    from ..process.runtime import Runtime

    Take = Callable[[Process, Any, Callable[[Any], None]], None]


@final
class Tap(Instrument):
    """A tap in whoever is *dest*; of a name each process that starts with it.

    Args:
        runtime: Where that is.
        dest: A pid, a local name or a :class:`ergopy.Via`.
        take: Called with the process, a message, and a function that delivers it.
    """

    def __init__(self, runtime: Runtime, dest: Any, take: Take) -> None:
        if not isinstance(dest, Pid | str | Via):
            raise LocalProtocolError(f"no pid, local name or Via: {dest!r}")
        self._runtime = runtime
        self._dest = dest
        self._take = take
        self._layer = Layer(self._methods)
        self._tapped: list[Process] = []

    def open(self) -> None:
        """Begin.

        Raises:
            LocalProtocolError: There is no living process of this node with that pid.
        """
        process = find(self._runtime, self._dest)
        if process is not None:
            self._put_in(process)
        elif isinstance(self._dest, Pid):
            raise LocalProtocolError(f"no process of this node: {self._dest!r}")
        if not isinstance(self._dest, Pid):
            tracing.attach(self._runtime, self)

    def close(self) -> None:
        """End, wherever it is by now."""
        if not isinstance(self._dest, Pid):
            tracing.detach(self._runtime, self)
        for process in self._tapped:
            self._layer.take_off(process)

    def process_started(self, process: Process) -> None:
        """Hear of a start: it may be the next one with the name."""
        if find(self._runtime, self._dest) is process:
            self._put_in(process)

    def name_registered(self, process: Process, name: str) -> None:
        """Hear that a process that runs has got a name."""
        self.process_started(process)

    def _put_in(self, process: Process) -> None:
        if process not in self._tapped:
            self._tapped.append(process)
            self._layer.put_on(process)

    def _methods(self, cls: type[Process]) -> dict[str, Any]:
        take = self._take

        def deliver(process: Any, message: Any) -> None:
            take(process, message, lambda it: cls.deliver(process, it))

        def deliver_priority(process: Any, message: Any) -> None:
            take(process, message, lambda it: cls.deliver_priority(process, it))

        methods = {"deliver": deliver, "deliver_priority": deliver_priority}
        if cls.offer is cls.deliver:
            # Otherwise it ends in ``deliver``.
            methods["offer"] = deliver
        return methods


def find(runtime: Runtime, dest: Any) -> Process | None:
    """Return the living local process with that pid, name or via name."""
    if isinstance(dest, Via):
        found = None
        with suppress(NoProcess):
            found = dest.whereis(runtime)
        return None if found is None else runtime.find(found)
    return runtime.find(dest)


def content(message: Any) -> Any:
    """Return the request of a call or a cast, and any other message as it is."""
    if message.__class__ is tuple and message:
        if message[0] is GEN_CALL and len(message) == 3:
            return message[2]
        if message[0] is GEN_CAST and len(message) == 2:
            return message[1]
    return message
