"""Asking a device: one request, and the one reply that resolves it.

A device answers a pid, so all requests of a node go out in the name of the one process
that has no body, and no mailbox: replies and the ends of devices resolve a slot.
Nothing stale is left in the mailbox of who asked, which may be any task.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from etf import Atom, Reference

from ...errors import CallExit, NodeDown, NoProcess
from ...gen.caller import acting
from ...process.atoms import CALLING_SELF, NOCONNECTION, NOPROC
from ...process.messages import Down
from ...process.slot import Slot
from .leader import group_leader

if TYPE_CHECKING:
    from ...process.process import Process
    from ...process.runtime import Runtime

_IO_REQUEST = Atom("io_request")


@final
class Client:
    """Takes the replies to requests, which go out in the name of the node itself."""

    def __init__(self, root: Process) -> None:
        self._root = root
        self._waiting: dict[Reference, Slot] = {}

    def __call__(self, message: Any) -> None:
        """Take a reply, or the end of a device; drop everything else."""
        match message:
            case (Atom("io_reply"), Reference() as ref, reply):
                slot = self._waiting.pop(ref, None)
                if slot is not None:
                    self._root.demonitor(ref, flush=False)
                    slot.resolve((True, reply))
            case Down():
                slot = self._waiting.pop(message.ref, None)
                if slot is not None:
                    slot.resolve((False, message.reason))

    async def ask(self, device: Any, wanted: Any) -> tuple[bool, Any]:
        """Return whether there was a reply, and it; otherwise why there was none."""
        root = self._root
        ref = root.monitor_nowait(device)
        if ref not in root.monitors:
            way = root.way_to(device)
            return False, NOPROC if way is None else NOCONNECTION
        slot = self._waiting[ref] = Slot()
        try:
            root.send_one(device, (_IO_REQUEST, root.pid, ref, wanted))
        except BaseException:
            self._forget(ref)
            raise
        answer: tuple[bool, Any] = await slot.wait(lambda: self._forget(ref))
        return answer

    def _forget(self, ref: Reference) -> None:
        self._waiting.pop(ref, None)
        self._root.demonitor(ref, flush=False)


def client_of(runtime: Runtime) -> Client:
    """Return what asks for all processes of a node."""
    root: Any = runtime.root
    if not isinstance(root.receiver, Client):
        root.receiver = Client(root)
    client: Client = root.receiver
    return client


async def request(device: Any, wanted: Any, *, caller: Any = None) -> Any:
    """Send a request of the I/O protocol to a device, and return the reply to it.

    For requests that have no function here. *device* is a pid, a name,
    ``(name, node)``, or None: the group leader of who asks.

    Raises:
        NoProcess: There is no such device.
        NodeDown: Its node cannot be reached, or was lost meanwhile.
        CallExit: The device ended before it answered, or asks itself.

    It waits as long as the device does. Cancelling it forgets the reply; the device is
    not told, and may still take a line of input for it.
    """
    process = acting(caller)
    dest = group_leader(caller) if device is None else device
    if dest == "standard_io":
        dest = group_leader(caller)
    way = process.way_to(dest)
    if way is not None:
        if not await process.admit(way):
            raise NodeDown(_node_of(dest), "not connected")
    elif not process.in_helper() and process.runtime.current is process:
        here = process.runtime.find(process.runtime.locate(dest)[1])
        if here is process:
            raise CallExit(dest, CALLING_SELF)
    answered, value = await client_of(process.runtime).ask(dest, wanted)
    if answered:
        return value
    if value == NOPROC:
        raise NoProcess(dest)
    if value == NOCONNECTION:
        raise NodeDown(_node_of(dest), "the connection was lost")
    raise CallExit(dest, value)


def _node_of(dest: Any) -> str:
    return str(dest[1] if isinstance(dest, tuple) else dest.node)
