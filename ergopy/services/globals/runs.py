"""Running steps in a process; and the registrar, which runs them for others.

The registrar does one thing after the other, each while the names of the whole cluster
are locked. That it is one process, which does not end, means that a name is registered
on all nodes or on none, whatever becomes of who wanted that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import trio

from etf import ImproperList

from ...errors import NoProcess, ReceiveTimeout
from ...process.atoms import ALIAS, GEN_CALL
from ...process.slot import Slot
from . import steps as st
from .words import DEL_LOCK, SERVER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Protocol

    from etf import Atom, Pid

    from ...process.process import Process
    from .actions import Send

    class Post(Protocol):
        """Who sends to name servers."""

        def post(self, action: Send) -> None: ...


async def drive(process: Process, post: Post, steps: st.Steps) -> Any:
    """Run *steps* as *process*; return what they return."""
    go_on, answer = steps.send, None
    while True:
        try:
            step = go_on(answer)
        except StopIteration as done:
            return done.value
        try:
            go_on, answer = steps.send, await _do(process, post, step)
        except Exception as error:
            go_on, answer = steps.throw, error


async def _do(process: Process, post: Post, step: st.Step) -> Any:
    match step:
        case st.Ask(nodes, request):
            if request[0] is DEL_LOCK:
                # What a node that was lost held for us went with the connection.
                nodes = tuple(node for node in nodes if _is_connected(process, node))
            asked = await process.multi_call(SERVER, request, nodes)
            return asked.replies
        case st.Take(wanted, seconds):
            try:
                return await process.receive(wanted, seconds)
            except ReceiveTimeout:
                await trio.lowlevel.checkpoint()
        case st.Pause(seconds):
            await trio.sleep(seconds)
        case st.Emit(messages):
            for message in messages:
                post.post(message)
        case st.TellPid(pid, message):
            process.send_one(pid, message)
    return None


def _is_connected(process: Process, node: Atom) -> bool:
    if process.runtime.is_local(node):
        return True
    return process.node.connections.peer(node).transport is not None


def give_back(process: Process, lock: tuple[Any, Any], nodes: Iterable[Atom]) -> None:
    """Give a lock back on *nodes* without waiting for them.

    For who was cancelled and cannot wait. The answers find nobody.
    """
    runtime = process.runtime
    for node in nodes:
        tag = ImproperList([ALIAS], runtime.new_reference())
        request = (GEN_CALL, (process.pid, tag), (DEL_LOCK, lock))
        if runtime.is_local(node):
            server = runtime.names.get(SERVER)
            if server is not None:
                server.deliver(request)
        elif _is_connected(process, node):
            runtime.remote_node(node).send_name(process.pid, SERVER, request)


@final
class Job(Slot):
    """What the registrar is to do. Resolves to ``(done, value)`` or an exception."""

    __slots__ = ("abandoned", "steps")

    def __init__(self, steps: Callable[[Pid], st.Steps]) -> None:
        super().__init__()
        self.steps = steps
        self.abandoned = False
        """Nobody waits for it any more; then it need not begin."""

    def fire(self, reason: Any) -> None:
        """Take the end of the registrar."""
        self.resolve(NoProcess(SERVER))

    def leave(self) -> None:
        """Give up waiting."""
        self.abandoned = True


async def do(registrar: Process | None, steps: Callable[[Pid], st.Steps]) -> Any:
    """Have the registrar run *steps*, which get its pid; return what they return.

    Raises:
        NoProcess: The name server is just being started again.
    """
    if registrar is None or not registrar.alive:
        raise NoProcess(SERVER)
    job = Job(steps)
    registrar.watchers[job] = job
    registrar.deliver(job)
    try:
        outcome = await job.wait(job.leave)
    finally:
        registrar.watchers.pop(job, None)
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


async def registrar(process: Process, post: Post) -> None:
    """Be the registrar."""
    while True:
        job = await process.receive()
        if not isinstance(job, Job) or job.abandoned:
            continue
        try:
            job.resolve(await drive(process, post, job.steps(process.pid)))
        except Exception as error:
            job.resolve(error)
