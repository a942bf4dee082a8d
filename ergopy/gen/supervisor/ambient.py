"""The supervisor that a process runs below, and children beside that process.

Each process knows the nearest supervisor above it: a supervisor is that for whatever
it starts, and who is started by another process has the same as that one. So it holds
in helper tasks and nurseries of a process, and in processes that it starts itself;
not in those that the node starts, nor on other nodes.
"""

from __future__ import annotations

import logging
from itertools import count
from typing import TYPE_CHECKING, Any, final

from etf import Atom

from ...errors import LocalProtocolError
from ...process.atoms import GEN_CAST
from ...process.configured.permissions import require
from ...process.context import self
from ...process.mailbox import Mailbox
from .checks import Restart
from .children import Child
from .reading import as_spec
from .simple import SimpleCrowd
from .spec import ChildSpec

if TYPE_CHECKING:
    from etf import Pid

    from .supervisor import Supervisor

logger = logging.getLogger("ergopy.supervisor")

_START_CHILD = Atom("start_child")

_numbers = count(1)


@final
class Soon:
    """What a supervisor here is sent: a child to start that nobody waits for."""

    __slots__ = ("spec",)

    handed_over = True  # see process/configured/copying.py

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec


def current_supervisor() -> Pid:
    """Return the nearest supervisor above the process that runs this code.

    In a supervisor, as in its ``init``, it is that one itself.

    Raises:
        LocalProtocolError: No process runs this code, or no supervisor of this node
            is above it.
    """
    pid: Pid = _nearest().process.pid
    return pid


def spawn_soon(child: Any, /, *args: Any) -> None:
    """Have the nearest supervisor start a child of its own; do not wait for it.

    For work that is to outlive the process that thought of it, but not its
    supervisor. The child is temporary: it is never restarted, and stopped with the
    others. It starts when the supervisor gets to it, behind what is in its mailbox.

    This never waits, and that it returns is no promise: if the supervisor is stopping
    by then, or the start fails, that is logged and nothing else. There is nothing like
    it in OTP; :func:`ergopy.supervisor.start_child` waits, and says how it went.

    Args:
        child: ``async def child(proc, *args)``, a behaviour, or an
            :class:`ergopy.ChildSpec`.
        args: Its arguments.

    Raises:
        LocalProtocolError: As for :func:`current_supervisor`.
        NotPermitted: The process may not start others.
        SpecError, TypeError: It is nothing that a supervisor could start.
    """
    supervisor = _nearest()
    require(self(), "may_spawn")
    spec = as_spec((child, *args) if args else child)
    # Of what has no id of its own there may be many.
    identity = spec.id if isinstance(child, ChildSpec) else (spec.id, next(_numbers))
    spec = spec.replace(id=identity, restart=Restart.TEMPORARY, significant=False)
    process = supervisor.process
    if not process.alive:
        logger.warning("%s has ended: child %s never runs", process.label, spec.id)
        return
    # Past a limit that the mailbox may have.
    Mailbox.deliver(process, (GEN_CAST, Soon(spec)))


def become_current(supervisor: Supervisor) -> None:
    """Make *supervisor* the nearest one for all that it is about to start."""
    supervisor.process.supervisor = supervisor


async def start(supervisor: Supervisor, soon: Soon) -> None:
    """Start a child that :func:`spawn_soon` was given; report it if that fails."""
    children, spec = supervisor._children, soon.spec
    if isinstance(children, SimpleCrowd):
        # The others are made of its one specification, which this one is not.
        answer = await children.answer_start(Child(spec))
    else:
        answer = await supervisor.handle_call((_START_CHILD, spec), None)
    match answer:
        case (Atom("error"), (reason, (Atom("child"), *_)) | reason):
            children.report("start_error", reason, Child(spec))


def drop_waiting(supervisor: Supervisor) -> None:
    """Forget those that have not been started, as *supervisor* ends."""
    process = supervisor.process

    def dropped(message: Any) -> bool:
        match message:
            case (Atom("$gen_cast"), Soon(spec=spec)):
                what = "%s is stopping: child %s never runs"
                logger.debug(what, process.label, spec.id)
                return True
        return False

    while process.remove(dropped):
        pass


def _nearest() -> Supervisor:
    supervisor: Supervisor | None = self().supervisor
    if supervisor is None:
        raise LocalProtocolError(f"{self()!r} runs below no supervisor")
    return supervisor
