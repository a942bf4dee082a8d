"""A handler that does what each event says, and the driver of a script.

The mirror of ``interop/peer/ergopy_peer_events.erl``: a script gives the same log
there. An event is a map from the tag of a handler to what that is to do; a handler that
is not in it stays. A log has for each operation the callbacks that were called, the
result, and what each of the two supervisors of handlers heard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ergopy import Atom, EventHandler, EventManager, Exit, Pid, sys
from ergopy.gen.event_manager import Remove, Swap
from ergopy.process.calls import call
from tests.runtimes import settle

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime

MODULE = Atom("ergopy_peer_events")
SUPERVISORS = 2
WANTED = Atom("wanted")

_LEAVE = object()


def atoms(*items: Any) -> tuple[Any, ...]:
    """A tuple in which each plain ``str`` is an atom."""
    return tuple(Atom(one) if type(one) is str else one for one in items)


class Told(EventHandler):
    """Does what it is told, and logs it to the list of its script."""

    def __init__(self, log: list[Any]) -> None:
        self._log = log

    async def init(self, args: Any) -> Any:
        match args:
            case ("driver", _):
                self.tag = Atom("first")
                return None
            case (args, former):
                self._log.append(atoms("swapped_in", args, former))
        match args:
            case "crash":
                raise Exit(WANTED)
            case "refuse":
                return atoms("error", "refused")
        self.tag = args
        self._log.append(atoms("init", args))
        return None

    async def handle_event(self, event: Any) -> Any:
        self._log.append(atoms("event", self.tag, event))
        return self._outcome(event)

    async def handle_info(self, message: Any) -> Any:
        match message:
            case ("EXIT", _, reason):
                self._log.append(atoms("lost", self.tag, reason))
                return None
        self._log.append(atoms("info", self.tag, message))
        return self._outcome(message)

    async def handle_call(self, request: Any) -> Any:
        self._log.append(atoms("call", self.tag, request))
        outcome = self._outcome(request, atoms("bye", self.tag))
        return atoms("reply", self.tag) if outcome is None else outcome

    def _outcome(self, event: Any, reply: Any = None) -> Any:
        match event.get(self.tag, Atom("stay")):
            case "remove":
                return Remove(reply)
            case ("swap", leaving, new, args):
                return Swap(new, args, leaving=leaving, reply=reply)
            case "bad":
                return atoms("bad", 1)
            case "crash":
                raise Exit(WANTED)
        return None

    async def terminate(self, args: Any) -> Any:
        self._log.append(atoms("terminate", self.tag, args))
        if isinstance(args, Atom) and args == "crash":
            raise Exit(WANTED)
        return atoms("left", self.tag)

    def format_state(self) -> Any:
        return self.tag


class Script:
    """One run."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._log: list[Any] = []
        self._supervisors: list[Process] = []
        self._seen: dict[Any, int] = {}

    async def run(self, script: list[Any]) -> list[Any]:
        log = self._log

        class Bound(Told):
            def __init__(self) -> None:
                super().__init__(log)

        root = self._runtime.root
        self.manager = await root.start(EventManager, handlers={MODULE: Bound})
        first = atoms("driver", root.pid)
        await self._call(atoms("add", (MODULE, Atom("first")), first), root)
        self._supervisors = [self._supervisor() for _ in range(SUPERVISORS)]
        steps = [await self._step(op) for op in [*script, *atoms("state", "stop")]]
        for process in self._supervisors:
            await root.exit(process.pid, "kill")
        return steps

    def _supervisor(self) -> Process:
        return self._runtime.spawn(_wait, ())

    async def _step(self, op: Any) -> Any:
        result = await self._do(op)
        await settle()
        heard = [self._heard_by(process) for process in self._supervisors]
        log, self._log[:] = self._log[:], []
        return (op, log, self._named(result), self._named(heard))

    def _heard_by(self, process: Process) -> list[Any]:
        """Return the messages that are new since the last look."""
        messages = process.messages()
        seen = self._seen.get(process.pid, 0)
        self._seen[process.pid] = len(messages)
        return messages[seen:]

    async def _do(self, op: Any) -> Any:
        root = self._runtime.root
        match op:
            case ("leave", number, reason):
                gone = self._supervisors[number - 1]
                await root.send(gone.pid, (_LEAVE, reason))
                await settle()
                self._supervisors[number - 1] = self._supervisor()
                return await self._call(Atom("which"), root)
            case ("by", number, op):
                return await self._call(op, self._supervisors[number - 1])
        return await self._call(op, root)

    async def _call(self, op: Any, caller: Process) -> Any:
        async def ask(request: Any) -> Any:
            return await call(caller, self.manager, request, 5, kind=caller.pid)

        which = Atom("which_handlers")
        match op:
            case ("notify", _):
                await caller.send(self.manager, op)
                return await ask(which)
            case ("info", message):
                await caller.send(self.manager, message)
                return await ask(which)
            case ("sync_notify", _) | ("call", _, _):
                return (await ask(op), await ask(which))
            case ("add", name, args):
                return await ask(atoms("add_handler", name, args))
            case ("add_sup", name, args):
                return await ask(atoms("add_sup_handler", name, args, caller.pid))
            case ("delete", name, args):
                return await ask(atoms("delete_handler", name, args))
            case ("swap", old, new):
                return await ask(atoms("swap_handler", *old, *new))
            case ("swap_sup", old, new):
                return await ask(atoms("swap_sup_handler", *old, *new, caller.pid))
            case "which":
                return await ask(which)
            case "state":
                return await sys.get_state(self.manager, caller=caller)
            case "stop":
                await caller.stop(self.manager)
                return Atom("ok")
        raise AssertionError(op)

    def _named(self, term: Any) -> Any:
        """Put the number of a supervisor in the place of its pid."""
        if isinstance(term, Pid):
            pids = [process.pid for process in self._supervisors]
            return (
                atoms("supervisor", pids.index(term) + 1)
                if term in pids
                else Atom("gone")
            )
        if isinstance(term, list):
            return [self._named(one) for one in term]
        return tuple(map(self._named, term)) if isinstance(term, tuple) else term


async def _wait(process: Process) -> None:
    """Leave all messages where they are, until told to leave."""
    _, reason = await process.receive(lambda message: message[0] is _LEAVE)
    raise Exit(reason)
