"""The process that runs what is typed at one prompt.

It is a process of its own so that what is typed may receive, be linked and crash. When
it ends the shell starts another one, with the same names. It stays until the shell
ends, and then ends with it.
"""

from __future__ import annotations

import inspect
from types import FunctionType
from typing import TYPE_CHECKING, NoReturn, final

import trio

from ...process.slot import Slot
from .showing import cut

if TYPE_CHECKING:
    from types import CodeType

    from ...process.process import Process
    from .names import Names
    from .output import Output
    from .source import Source

DONE, LEAVE, LOST = "done", "leave", "lost"
"""How a statement ended: it is over; it wants to leave; its process has ended."""

_GOES_ON = (trio.Cancelled, GeneratorExit)

ATTEMPT = "_attempt_abort"
"""What Trio has for Ctrl-C in its main task; it is not promised by it."""


@final
class Evaluator:
    """Runs one statement after the other in a process, which is its body's."""

    def __init__(self, source: Source, output: Output, names: Names) -> None:
        self._source = source
        self._output = output
        self._names = names
        self._jobs, self._inbox = trio.open_memory_channel[tuple["CodeType", Slot]](1)
        self._task: trio.lowlevel.Task | None = None
        self._scope: trio.CancelScope | None = None
        self._interrupted = False
        self._job: Slot | None = None

    async def body(self, process: Process) -> None:
        """Be the process."""
        self._names.enter(process)
        self._task = trio.lowlevel.current_task()
        try:
            async for code, slot in self._inbox:
                slot.resolve(await self._run(code))
        finally:
            self._task = None

    async def run(self, code: CodeType) -> str:
        """Have *code* run; return ``DONE``, ``LEAVE`` or ``LOST``."""
        self._job = Slot()
        try:
            await self._jobs.send((code, self._job))
            return await self._job.wait()  # type: ignore[no-any-return]
        finally:
            self._job = None

    def ended(self) -> None:
        """Say that the process is no more."""
        if self._job is not None:
            self._job.resolve(LOST)

    async def _run(self, code: CodeType) -> str:
        self._interrupted = False
        try:
            with trio.CancelScope() as self._scope:
                value = FunctionType(code, self._names.scope)()
                if inspect.iscoroutine(value):
                    await value
            if self._scope.cancelled_caught:
                self._output.write("KeyboardInterrupt\n")
        except SystemExit:
            return LEAVE
        except BaseException as error:
            if self._is_for_others(error):
                raise
            self._output.write(self._text(error))
        finally:
            self._scope = None
        return DONE

    def _is_for_others(self, error: BaseException) -> bool:
        goes_on = _GOES_ON if self._interrupted else (*_GOES_ON, KeyboardInterrupt)
        if isinstance(error, BaseExceptionGroup):
            return error.subgroup(goes_on) is not None
        return isinstance(error, goes_on)

    def _text(self, error: BaseException) -> str:
        if isinstance(error, KeyboardInterrupt):
            return "KeyboardInterrupt\n"
        try:
            return self._source.explain(error)
        except Exception as trouble:
            kind, other = type(error).__name__, type(trouble).__name__
            return cut(f"{kind}, and its traceback cannot be shown: {other}\n")

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt in what runs, at the point where it waits.

        As Ctrl-C in the main task of Trio. If it does not wait just now, or went on
        after the last one, it is cancelled. Code that never waits hears of neither.
        """
        task, scope = self._task, self._scope
        if task is None or scope is None:
            return
        again, self._interrupted = self._interrupted, True
        attempt = getattr(task, ATTEMPT, None)
        if again or attempt is None or task._abort_func is None:
            scope.cancel()
        else:
            attempt(_raise)


def _raise(*_: object) -> NoReturn:
    raise KeyboardInterrupt
