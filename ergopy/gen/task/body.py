"""What a task does: run a function, and send its value to who waits for it.

Messages and the process dictionary are those of Elixir's ``Task.Supervised``: the value
leaves as ``{Ref, Value}``; ``'$initial_call'`` names the function, and ``'$callers'``
who asked for the task, which need not be who started its process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom

from ...process.atoms import ANCESTORS, INITIAL_CALL
from ...process.start import lineage
from ..apply import apply, named

if TYPE_CHECKING:
    from etf import Pid, Reference

    from ...process.process import Process
    from ..apply import Function

CALLERS = Atom("$callers")


async def answer(
    process: Process, function: Function, args: tuple[Any, ...], to: Reference
) -> None:
    """Be a task whose value somebody wants."""
    value = await apply(process, function, args)
    await process.send(to, (to, value))


async def only_run(process: Process, function: Function, args: tuple[Any, ...]) -> None:
    """Be a task whose value nobody wants."""
    await apply(process, function, args)


def create(
    owner: Process,
    body: Any,
    function: Function,
    args: tuple[Any, ...],
    *,
    link: bool,
) -> Process:
    """Make the process of a task, linked to its owner; it is still to begin."""
    runtime = owner.runtime
    process = runtime.create(body, parent=owner)
    process.dictionary[ANCESTORS] = lineage(owner)
    introduce(process, function, args, callers(owner))
    if link and owner is not runtime.root:
        owner.link_nowait(process.pid)
    return process


def introduce(
    process: Process, function: Function, args: tuple[Any, ...], asked_by: Any
) -> None:
    """Write down what the process runs, and for whom."""
    process.label = label(function)
    module, name, _ = named(function, args)
    process.dictionary[INITIAL_CALL] = (module, name, len(args))
    process.dictionary[CALLERS] = asked_by


def callers(owner: Process) -> list[Pid]:
    """Return ``'$callers'`` of a task that *owner* asks for."""
    above = (owner._dictionary or {}).get(CALLERS)
    return [owner.pid, *(above if isinstance(above, list) else [])]


def label(function: Function) -> str:
    """Return what logs call a task."""
    if callable(function):
        return str(getattr(function, "__qualname__", function))
    return ":".join(function)
