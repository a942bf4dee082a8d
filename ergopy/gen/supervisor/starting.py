"""Starting a child, linked to its supervisor; or saying why not, as a term."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom

from ...errors import AlreadyStarted, Ignored, NameTaken, StartError, SystemLimit
from ...process import reasons
from ...process.atoms import ANCESTORS, EXIT, SYSTEM_LIMIT, UNDEF
from ...process.start import lineage
from ..portable import portable
from . import remote
from .otp_starts import recognised

if TYPE_CHECKING:
    from etf import Pid

    from ...node.exports import Program
    from ...process.process import Process
    from .children import Child
    from .spec import ChildSpec

_ALREADY_STARTED = Atom("already_started")


async def start_process(supervisor: Process, child: Child) -> Pid | None:
    """Start the process of *child* and return its pid when it is up.

    None means that its ``init`` wanted no process. It waits for ``init``, and so does
    the supervisor; cancelled, it leaves nothing behind.

    Raises:
        StartError: It did not come up; ``reason`` is a term, the one of OTP.
    """
    what = child.spec.id
    try:
        return await _start(supervisor, child)
    except Ignored:
        return None
    except (AlreadyStarted, NameTaken) as taken:
        owner = taken.pid if isinstance(taken, AlreadyStarted) else taken.owner
        raise StartError(what, (_ALREADY_STARTED, owner)) from None
    except StartError as error:
        # Whoever asked may be on another node.
        raise StartError(what, portable(error.reason)) from error
    except SystemLimit as error:
        raise StartError(what, (EXIT, (SYSTEM_LIMIT, []))) from error
    except Exception as error:
        # As 'catch apply(M, F, A)' has it.
        reason = (EXIT, reasons.from_exception(error))
        raise StartError(what, reason) from error


async def _start(supervisor: Process, child: Child) -> Pid | None:
    spec, args = child.spec, child.args
    if spec.node is not None:
        return await remote.start(supervisor, spec, args)
    if spec.is_mfa:
        return await _start_provided(supervisor, spec, args)
    told = _told(spec)
    if isinstance(spec.start, type):
        return await supervisor.start(
            spec.start,
            *args,
            name=spec.name,
            link=True,
            timeout=spec.init_timeout,
            **told,
        )
    return await _spawn(supervisor, spec.start, args, name=spec.name, **told)


def _told(spec: ChildSpec) -> dict[str, Any]:
    """Return what the start of a process takes besides its name."""
    told = {"mailbox": spec.mailbox, **spec.options}
    if spec.config is not None:
        told["config"] = spec.config
    return told


async def _spawn(
    supervisor: Process, function: Any, args: tuple[Any, ...], **options: Any
) -> Pid:
    """Start a plain function: it is up at once, as after ``proc_lib:spawn_link``."""
    pid: Pid = await supervisor.spawn(function, *args, link=True, **options)
    process = supervisor.runtime.find(pid)
    if process is not None:
        process.dictionary[ANCESTORS] = lineage(supervisor)
    return pid


async def _start_provided(
    supervisor: Process, spec: ChildSpec, args: tuple[Any, ...]
) -> Pid:
    """Start what the program has provided under that module and function."""
    module, function = spec.start
    found = _provided(supervisor, module, function, args)
    if found is None:
        why: Any = (UNDEF, [(module, function, list(args), [])])
        raise StartError(spec.id, (EXIT, why))
    program, args, name = found
    told = {**program.settings, "name": name or spec.name or program.name}
    for option in ("mailbox", "config"):
        if getattr(spec, option) is not None:
            told[option] = getattr(spec, option)
    if program.behaviour is None:
        return await _spawn(supervisor, program, args, **told)
    return await supervisor.start(
        program.behaviour, *args, link=True, timeout=spec.init_timeout, **told
    )


def _provided(
    supervisor: Process, module: Any, function: Any, args: tuple[Any, ...]
) -> tuple[Program, tuple[Any, ...], Any] | None:
    """Return the program, its arguments and its name, or None if there is none.

    ``gen_server:start_link`` and its like stand for the module that they are given.
    """
    program = _program(supervisor, module, function, args)
    if program is not None:
        return program, args, None
    known = recognised(module, function, list(args))
    if known is None:
        return None
    # An init without parameters: [] stands for none, as in gen_server:start_link.
    for wanted in (tuple(known.args), ()) if known.args == [[]] else (known.args,):
        program = _program(supervisor, known.module, known.function, tuple(wanted))
        if program is not None:
            return program, tuple(wanted), known.name
    return None


def _program(
    supervisor: Process, module: Any, function: Any, args: tuple[Any, ...]
) -> Program | None:
    exports = getattr(supervisor.node, "exports", None)
    if exports is None:
        # A process alone, in a test: there is no node.
        return None
    program: Program | None = exports.program(module, function)
    return program if program is not None and program.takes(len(args)) else None
