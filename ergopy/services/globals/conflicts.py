"""One name, two processes: who keeps it when two clusters become one.

The node with the lesser name settles it. It has the method that its own side has
registered called on the node of its own side's process, with both of them. The method
says who keeps the name; what it does besides, such as to end the other, is its own
affair.
"""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING, Any, final

from etf import Atom, Export, Fun, Pid

from ...errors import ErgopyError
from ...errors.text import shown
from ...process import reasons
from ...process.atoms import EXIT, GLOBAL, UNDEF
from .words import DELETE, INSERT, NOTIFY_ALL, RANDOM_EXIT, RANDOM_NOTIFY

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from ...process.process import Process
    from .names import Names
    from .words import NamedPid

    Resolver = Callable[[Any, Pid, Pid], Any]
    AskOwner = Callable[[NamedPid, Pid], Awaitable[Any]]

logger = logging.getLogger("ergopy.globals")

CONFLICT = Atom("global_name_conflict")
NONE = Atom("none")

BY_NAME = {
    "random_exit": RANDOM_EXIT,
    "random_notify": RANDOM_NOTIFY,
    "none": NOTIFY_ALL,
}
"""The methods of OTP, as ``resolve=`` calls them."""


@final
class Methods:
    """The functions of this program that settle conflicts, as other nodes name them.

    A function cannot travel; what stands for it is an external fun with its name, which
    this node alone can call. So it serves for processes of this node.
    """

    def __init__(self) -> None:
        self._functions: dict[Export, Resolver] = {}
        self._uses: dict[Export, int] = {}

    def term(self, resolve: Any, pid: Pid, own: Atom) -> Any:
        """Return what stands for *resolve* on the wire.

        Raises:
            ValueError: It is none of the words; or a function, for a process of another
                node, which could not be called there.
        """
        if isinstance(resolve, str) and not isinstance(resolve, Atom):
            if resolve in BY_NAME:
                return BY_NAME[resolve]
        elif isinstance(resolve, Export | Fun):
            return resolve
        elif callable(resolve):
            if pid.node != own:
                raise ValueError(
                    f"resolve={resolve!r}: a function of Python settles conflicts of"
                    f" processes of its own node, and {pid} is none"
                )
            return self._keep(resolve)
        words = ", ".join(map(repr, BY_NAME))
        raise ValueError(f"resolve= is {words} or a function, not {resolve!r}")

    def _keep(self, function: Resolver) -> Export:
        module = str(getattr(function, "__module__", None) or "ergopy")[:200]
        name = str(getattr(function, "__qualname__", type(function).__qualname__))[:200]
        number = 1
        while True:
            export = Export(module, name if number == 1 else f"{name}#{number}", 3)
            if self._functions.setdefault(export, function) is function:
                self._uses[export] = self._uses.get(export, 0) + 1
                return export
            number += 1

    def drop(self, method: Any) -> None:
        """Forget a function with the last name that it was given for."""
        if isinstance(method, Export) and method in self._uses:
            self._uses[method] -= 1
            if not self._uses[method]:
                del self._uses[method], self._functions[method]

    def drop_with(self, process: Process | None, method: Any) -> None:
        """Forget a function when the process that it was given for has ended."""
        if self.find(method) is None:
            return
        if process is None:
            self.drop(method)
        else:
            ended = _Ended(self, method)
            process.watchers[ended] = ended

    def find(self, method: Any) -> Resolver | None:
        """Return the function that a term stands for, if it is one of these."""
        return self._functions.get(method) if isinstance(method, Export) else None


@final
class _Ended:
    """Hears of the end of a process with a function for conflicts."""

    __slots__ = ("_method", "_methods")

    def __init__(self, methods: Methods, method: Any) -> None:
        self._methods = methods
        self._method = method

    def fire(self, reason: Any) -> None:
        self._methods.drop(self._method)


async def resolve(process: Process, methods: Methods, args: tuple[Any, ...]) -> Any:
    """Run the method of one of our processes: ``global:resolve_it/4``.

    Returns what it returns: one of the two pids, or ``none``. Whatever goes wrong with
    it is ``{'EXIT', Reason}``, as there; then nobody keeps the name.
    """
    method, name, one, other = args
    if isinstance(method, tuple) and len(method) == 2:
        # {Module, Function}, as it was in old releases.
        module, function = method
        if isinstance(module, Atom) and isinstance(function, Atom):
            method = Export(module, function, 3)
    standard = _STANDARD.get(method) if isinstance(method, Export) else None
    if standard is not None:
        return standard(process, name, one, other)
    function = methods.find(method)
    if function is None:
        text = (
            "global: %r settles who is %s, and cannot run here: nobody keeps the name"
        )
        logger.warning(text, method, shown(name))
        return (EXIT, (UNDEF, []))
    try:
        answer = function(name, one, other)
        answer = await answer if inspect.isawaitable(answer) else answer
    except Exception as error:
        text = "global: %s failed to settle who is %s"
        logger.exception(text, method, shown(name))
        return (EXIT, reasons.from_exception(error))
    return NONE if answer is None else answer


def _parted(one: Pid, other: Pid) -> tuple[Pid, Pid]:
    """Return who stays and who does not: all come to the same, whoever asks."""
    return (one, other) if one.node < other.node else (other, one)


def _random_exit(process: Process, name: Any, one: Pid, other: Pid) -> Pid:
    stays, goes = _parted(one, other)
    text = "global: two processes are %s; %s is killed"
    logger.info(text, shown(name), goes)
    process.exit_nowait(goes, Atom("kill"))
    return stays


def _random_notify(process: Process, name: Any, one: Pid, other: Pid) -> Pid:
    stays, goes = _parted(one, other)
    process.send_one(goes, (CONFLICT, name))
    return stays


def _notify_all(process: Process, name: Any, one: Pid, other: Pid) -> Atom:
    process.send_one(one, (CONFLICT, name, other))
    process.send_one(other, (CONFLICT, name, one))
    return NONE


_STANDARD: dict[Export, Callable[[Process, Any, Pid, Pid], Any]] = {
    RANDOM_EXIT: _random_exit,
    RANDOM_NOTIFY: _random_notify,
    NOTIFY_ALL: _notify_all,
}


async def compare(
    names: Names, we_settle: bool, theirs: Iterable[NamedPid], ask: AskOwner
) -> tuple[list[Any], list[Any]]:
    """Compare the names of another node with ours.

    Args:
        names: Ours.
        we_settle: Whether we do, and not they: our node has the lesser name.
        theirs: Theirs.
        ask: Has the method of our side called on the node of our side's process;
            returns what it returned, or raises what kept it from that.

    Returns:
        What we have to do, and what they have to do.
    """
    ours_to_do: list[Any] = []
    theirs_to_do: list[Any] = []
    for named in theirs:
        name, pid, _ = named
        entry = names.find(name)
        if entry is None:
            ours_to_do.append((INSERT, named))
        elif entry.pid == pid or not we_settle:
            continue
        else:
            ours = (entry.name, entry.pid, entry.method)
            what = await _outcome(ours, named, ask)
            if what is not ours:
                ours_to_do.append((DELETE, name) if what is None else (INSERT, named))
            if what is not named:
                theirs_to_do.append((DELETE, name) if what is None else (INSERT, ours))
    return ours_to_do, theirs_to_do


async def _outcome(ours: NamedPid, theirs: NamedPid, ask: AskOwner) -> NamedPid | None:
    """Return which of the two stays, or None."""
    name, pid, method = ours
    try:
        answer = await ask(ours, theirs[1])
    except ErgopyError as error:
        logger.warning("global: nobody can settle who is %r: %s", name, error)
        return theirs
    if answer.__class__ is Pid and answer in (pid, theirs[1]):
        return ours if answer == pid else theirs
    if not (isinstance(answer, Atom) and answer is NONE):
        text = "global: %s returned %s for who is %s"
        logger.warning(text, method, shown(answer), shown(name))
    return None


RESOLVE_IT = (GLOBAL, Atom("resolve_it"))
