"""The two processes of a running application, as ``application_master`` has them.

The *master* is the group leader of all that the application starts: it passes output
on, and by it the processes of the application are known. The *starter* is linked to it
and runs the callbacks, so that the master has time for the output meanwhile. The top
process is the starter's.

When the starter has ended, whatever is left of the application is killed, and the
master ends with the same reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from etf import Atom, Pid

from ...errors import Exit, StartError
from ...process import reasons
from ...process.atoms import NORMAL, SHUTDOWN
from ...process.messages import ExitMessage
from ...process.shutdown import kill_all
from .reports import killed_report, logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ...process.process import Process
    from .run import Run


async def lead(process: Process, run: Run) -> None:
    """Be the master."""
    process.trap_exit = True
    process.group_leader = process.pid
    starter = await process.spawn(live, run, link=True)
    reason = await _serve(process, run, starter)
    killed = await kill_all(run.members())
    if killed:
        killed_report(process, run.name, killed)
    raise Exit(reason)


async def _serve(process: Process, run: Run, starter: Pid) -> Any:
    """Serve until the starter has ended; return its reason."""
    while True:
        match await process.receive():
            case ExitMessage(pid=pid, reason=reason):
                if pid == starter:
                    return reason
                if pid == process.parent:
                    await process.exit(starter, SHUTDOWN)
            case (Atom("io_request"), *_) as request:
                await process.send(process.runtime.root.group_leader, request)
            case (Atom("get_child"), tag, Pid() as asker):
                top, spec = run.top, run.application.spec
                child = (top and top.pid, Atom(str(spec.module)))
                await process.send(asker, (tag, child))


async def live(process: Process, run: Run) -> None:
    """Be the starter: start the application, wait for its end, and clean up."""
    process.label = f"application {run.name}"
    process.trap_exit = True
    process.environment = run.environment
    run.application.process = process
    try:
        await _start(process, run)
    except StartError as error:
        # Who did not start has said so itself.
        raise Exit(error.reason) from None
    run.come_up()
    reason = await _end_of(process, run)
    await _guarded(run.application.prep_stop)
    await _stop_top(process, run)
    await _guarded(run.application.stop)
    raise Exit(reason)


async def _start(process: Process, run: Run) -> None:
    application = run.application
    pid = await application.start(*application.spec.args)
    run.top = process.runtime.find(pid) if isinstance(pid, Pid) else None
    if run.top is None:
        raise TypeError(
            f"start of {run.name} returned {pid!r}: no process of this node"
        )
    await process.link(pid)
    try:
        for phase, argument in application.spec.start_phases:
            await application.start_phase(phase, argument)
    except Exception:
        await _stop_top(process, run)
        raise


async def _end_of(process: Process, run: Run) -> Any:
    """Wait until the application ends or is told to; return its reason."""
    over = trio.current_time() + run.application.spec.lifespan
    while True:
        message: Any = None
        with trio.move_on_at(over) as life:
            message = await process.receive()
        if life.cancelled_caught:
            return NORMAL
        match message:
            case ExitMessage(pid=pid, reason=reason):
                if run.top is not None and pid == run.top.pid:
                    run.lost_top()
                    return reason
                if pid == process.parent:
                    return NORMAL


async def _stop_top(process: Process, run: Run) -> None:
    """End the top process, which ends its children; this has no limit of its own."""
    if run.top is not None:
        top = run.top.pid
        await process.exit(top, SHUTDOWN)
        await process.receive(lambda m: m.__class__ is ExitMessage and m.pid == top)


async def _guarded(callback: Callable[[], Awaitable[Any]]) -> None:
    """Run a callback of the end, which goes on whatever becomes of it."""
    try:
        await callback()
    except Exception as error:
        what = callback.__qualname__
        logger.error("%s failed: %s", what, reasons.described(error), exc_info=error)
