"""What arrives from a peer, turned into signals for our processes (protocol 4).

One call per batch of packets; the frequent operations first, the others by a table.
Whatever breaks a rule of protocol 4.2 closes that connection, and nothing else. A
signal for a process, name, alias or incarnation that is not there is dropped, or
answered ``noproc``, as a BEAM does. Nothing that a peer sends makes
:meth:`Dispatcher.deliver` raise.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from etf import Atom, ImproperList, Pid, Reference

from ..dist import control as op
from ..errors import RemoteProtocolError
from ..process.atoms import NOPROC
from ..process.late import Late
from ..process.signals import ALIVE
from .checks import as_atom, find_ours, is_own
from .checks import is_atom as is_atom
from .handlers import HANDLERS, altact
from .peer import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..process.runtime import Runtime
    from ..process.signals import Receiver
    from .peer import Peer

    Control = tuple[Any, ...]

logger = logging.getLogger("ergopy.dist")


class Dispatcher:
    """The incoming side of one connection."""

    def __init__(
        self,
        peer: Peer,
        runtime: Runtime,
        serve_spawn: Callable[[Peer, Control, Any], None],
    ) -> None:
        self.peer = peer
        self.runtime = runtime
        self.serve_spawn = serve_spawn

    def deliver(self, packets: list[tuple[Control, Any]]) -> None:
        """Carry out a batch.

        A broken rule closes the connection with a reason; what came before it counts.
        """
        control: Control = ()
        names = self.runtime.names
        try:
            for control, message in packets:
                number = control[0]
                if number == 6:
                    _, sender, _, name = control
                    if sender.__class__ is not Pid:
                        raise TypeError("a sender is a pid")
                    process = names.get(name) if name.__class__ is Atom else None
                    if process is not None:
                        process.deliver(message)
                    else:
                        self.named(name, message)
                elif number == 19:
                    self._monitor(control)
                elif number == 20:
                    self._demonitor(control)
                elif number == 22 or number == 2:
                    _, _, to = control
                    self.message(to, message)
                elif number == 37:
                    _, flags, sender, to = control[:4]
                    if flags == 4 and sender.__class__ is Pid:
                        self.alias(to, message)
                    else:
                        altact(self, control, message)
                elif number == 33:
                    _, _, to = control
                    self.alias(to, message)
                else:
                    handler = HANDLERS.get(number)
                    if handler is None:
                        raise RemoteProtocolError("nobody sends that")
                    handler(self, control, message)
        except (ValueError, TypeError, AttributeError, RemoteProtocolError) as error:
            # Unpacking failed, or an identifier is none: the tuple is malformed.
            self._fail(RemoteProtocolError(f"{op.describe(control)}: {error}"))
        except Exception as error:
            logger.exception("%s could not be carried out", op.describe(control))
            self._fail(RemoteProtocolError(f"{op.describe(control)}: {error!r}"))

    def _fail(self, error: RemoteProtocolError) -> None:
        if self.peer.transport is not None:
            self.peer.transport.fail(error)

    def named(self, name: Any, message: Any) -> None:
        """Deliver to whoever has a name."""
        process = self.runtime.names.get(as_atom(name))
        if process is not None:
            process.deliver(message)

    def message(self, to: Any, message: Any) -> None:
        """Deliver to a pid."""
        if to.__class__ is not Pid:
            raise TypeError("the receiver is a pid")
        if (
            message.__class__ is tuple
            and len(message) == 2
            and message[0].__class__ is ImproperList
            and message[0].tail.__class__ is Reference
            and message[0].tail.node == self.runtime.name
        ):
            # A reply to a call of ours that was sent to the pid, not to the alias (a
            # BEAM's net_kernel does). If nobody waits for it any more it is stray.
            self.alias(message[0].tail, message)
            return
        process = self.runtime.processes.get(to.id)
        if process is not None and (process.pid is to or process.pid == to):
            process.deliver(message)

    def alias(self, to: Any, message: Any) -> None:
        """Deliver to an alias."""
        if to.__class__ is not Reference:
            raise TypeError("an alias is a reference")
        runtime = self.runtime
        receiver = runtime.aliases.get(to.words)
        if (
            receiver is not None
            and to.creation == runtime.creation
            and to.node == runtime.name
        ):
            receiver.deliver(message)

    def find_alias(self, to: Any) -> Receiver | None:
        """Return who has an alias; None if it is over, or was never ours."""
        if to.__class__ is not Reference:
            raise TypeError("an alias is a reference")
        runtime = self.runtime
        return runtime.aliases.get(to.words) if is_own(runtime, to) else None

    def _monitor(self, control: Control) -> None:
        _, watcher, target, ref = control
        peer = self.peer
        # One monitor for each call of a BEAM: the checks are in line.
        if watcher.__class__ is not Pid or ref.__class__ is not Reference:
            raise TypeError("a watcher is a pid, its monitor a reference")
        if watcher.node != peer.name:
            raise RemoteProtocolError("that is no process of this peer")
        if target.__class__ is Pid:
            process = self.runtime.processes.get(target.id)
            if process is None or process.pid != target:
                process = find_ours(self.runtime, target)
        else:
            name = target if target.__class__ is Atom else as_atom(target)
            process = self.runtime.names.get(name)
        if process is None:
            peer.down(target, watcher, ref, NOPROC)
            return
        watch = Watch(peer, process, watcher, ref, target)
        if peer.watches.setdefault(ref.words, watch) is watch:
            alive = process.exit_reason is ALIVE
            process.watchers[watch] = watch if alive else Late(watch.fire)

    def _demonitor(self, control: Control) -> None:
        _, watcher, target, ref = control
        peer = self.peer
        if watcher.__class__ is not Pid or ref.__class__ is not Reference:
            raise TypeError("a watcher is a pid, its monitor a reference")
        if watcher.node != peer.name:
            raise RemoteProtocolError("that is no process of this peer")
        watch = peer.watches.pop(ref.words, None)
        if watch is not None:
            watch.process.watchers.pop(watch, None)
        elif target.__class__ is Pid:
            find_ours(self.runtime, target)
        else:
            as_atom(target)
