"""What other nodes may run here: two allow lists, empty to begin with.

``functions`` is for rpc and erpc, by module and function name. ``programs`` is for
``spawn(Node, Module, Function, Args)``. Nothing is ever imported or looked up by a
name from the wire; whatever is not in these lists is ``undef``, as on a BEAM. Beside
them there are the :mod:`standard questions <.questions>`.
"""

from __future__ import annotations

import inspect
import logging
import math
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, final, overload

import trio

from etf import Atom

from ..errors import ErgopyError, NotExported
from ..process.atoms import BADARG
from .questions import ANY, Answers, Refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from ..process.init_ack import Acknowledge
    from ..process.process import Process

    F = TypeVar("F", bound=Callable[..., Any])

logger = logging.getLogger("ergopy.node")

NOT_ALLOWED = Atom("not_allowed")


class Undefined(ErgopyError):
    """That function is not exported, or not with that many arguments."""

    def __init__(self, module: str, function: str, arguments: list[Any]) -> None:
        super().__init__(f"{module}:{function}/{len(arguments)} is not exported")
        self.module = module
        self.function = function
        self.arguments = arguments


class _Function(NamedTuple):
    call: Callable[..., Any]
    least: int
    most: float
    in_thread: bool
    standard: bool = False


@final
class Program:
    """What a spawn request may run, and how it was provided."""

    __slots__ = ("_behaviour", "_function", "_least", "_most", "name", "settings")

    def __init__(
        self,
        program: Callable[..., Any],
        name: str | None = None,
        **settings: Any,
    ) -> None:
        begins: Any = program
        self._function = program
        self._behaviour: Any = None
        if isinstance(program, type):
            self._behaviour = program
            begins = getattr(program, "init", None)
        if not callable(begins):
            raise TypeError(f"{program!r} is neither a function nor a behaviour")
        self._least, self._most = _arity(begins, 1)
        self.name = None if name is None else Atom(name)
        """The name that its one process has."""
        self.settings = settings
        """How its processes are to be created: ``mailbox`` and ``config``."""

    # No coroutine of its own: each process would keep a frame of it.
    def __call__(self, process: Process, *args: Any) -> Awaitable[None]:
        return self.enter(process, args)

    def enter(
        self, process: Process, args: tuple[Any, ...], ack: Acknowledge | None = None
    ) -> Awaitable[None]:
        """Begin; *ack* is told when the ``init`` of a behaviour is done."""
        if self._behaviour is None:
            return self._function(process, *args)  # type: ignore[no-any-return]
        return self._behaviour().enter(process, args, ack)  # type: ignore[no-any-return]

    @property
    def behaviour(self) -> Any:
        """The behaviour that it is, or None if it is a function."""
        return self._behaviour

    def takes(self, count: int) -> bool:
        """Tell whether it can begin with so many arguments."""
        return self._least <= count <= self._most


class Exports:
    """The allow lists of one node."""

    def __init__(self, answers: Answers | None = None) -> None:
        self._functions: dict[tuple[str, str], _Function] = {}
        self._answers = answers or Answers()
        self._refused: set[tuple[str, str]] = set()
        self.programs: dict[tuple[str, str | None], Program] = {}
        self.limiter: trio.CapacityLimiter | None = None
        """How many threads ``in_thread`` may use at a time; None is Trio's default."""

    def __contains__(self, name: tuple[str, str]) -> bool:
        return name in self._functions

    def program(self, module: str, function: str | None) -> Program | None:
        """Return what ``spawn`` of that function runs, or None."""
        exact = self.programs.get((module, function))
        return self.programs.get((module, None)) if exact is None else exact

    def provide(
        self,
        module: str,
        program: Any,
        function: str | None = None,
        *,
        name: str | None = None,
        **settings: Any,
    ) -> None:
        """Let peers start a program; see ``Node.provide_spawn``.

        Raises:
            TypeError: *program* is neither a behaviour nor a function.
        """
        self.programs[module, function] = Program(program, name, **settings)

    def names(self) -> list[tuple[str, str]]:
        """Return the exported ``(module, function)`` pairs, sorted."""
        return sorted(self._functions)

    def modules(self) -> set[str]:
        """Return the names of the modules in which there is anything for others."""
        names = (*self._functions, *self._answers.names(), *self.programs)
        return {module for module, _ in names if module != ANY}

    def functions_of(self, module: str) -> list[tuple[Atom, int]]:
        """Return what other nodes may call in a module: names and numbers of arguments.

        Of a function that takes any number of them only ten are told.
        """
        own = {
            (Atom(name), count)
            for (of, name), found in self._functions.items()
            if of == module
            for count in range(found.least, int(min(found.most, found.least + 9)) + 1)
        }
        return sorted(own | set(self._answers.functions_of(module)))

    def takes(self, module: str, function: str, count: int) -> bool:
        """Tell whether a function can be called with so many arguments."""
        found = self._functions.get((module, function))
        if found is not None:
            return found.least <= count <= found.most
        return self._answers.takes((module, function), count)

    def unexport(self, module: str, function: str | None = None) -> None:
        """Take functions back; see ``Node.unexport``.

        Raises:
            NotExported: There is no such thing to take back.
        """

        def meant(name: tuple[str, str | None]) -> bool:
            return name[0] == module and function in (None, name[1])

        names = set(filter(meant, (*self._functions, *self._answers.names())))
        programs = list(filter(meant, self.programs))
        if not names and not programs:
            raise NotExported(module, function)
        for name in names:
            self._functions.pop(name, None)
            self._answers.drop(name)
        for program in programs:
            del self.programs[program]

    @overload
    def export(
        self,
        module: str,
        functions: Mapping[str, Callable[..., Any]],
        *,
        in_thread: bool = ...,
    ) -> None: ...
    @overload
    def export(
        self, module: str, functions: None = ..., *, in_thread: bool = ...
    ) -> Callable[[F], F]: ...
    def export(
        self,
        module: str,
        functions: Mapping[str, Callable[..., Any]] | None = None,
        *,
        in_thread: bool = False,
    ) -> Callable[[F], F] | None:
        """Let peers call functions; see ``Node.export``."""
        if functions is not None:
            for name, function in functions.items():
                self._add(module, name, function, in_thread)
            return None

        def decorate(function: F) -> F:
            self._add(module, function.__name__, function, in_thread)
            return function

        return decorate

    def _add(
        self, module: str, name: str, function: Callable[..., Any], in_thread: bool
    ) -> None:
        if not callable(function):
            raise TypeError(f"{module}:{name} is not callable: {function!r}")
        if in_thread and is_async(function):
            raise TypeError(f"{module}:{name} is async; a thread cannot run it")
        self._functions[module, name] = _Function(
            function, *_arity(function), in_thread
        )

    def find(self, module: str, function: str, arguments: list[Any]) -> _Function:
        """Return the exported function that a call means.

        Raises:
            Undefined: It is not exported, or takes other arguments.
            Refused: It is a standard one that acts, and the node allows none of these.
        """
        found = None
        if isinstance(module, str) and isinstance(function, str):
            found = self._functions.get((module, function))
            if found is None and self._answers.takes(
                (module, function), len(arguments)
            ):
                return self._standard((module, function))
        if found is None or not found.least <= len(arguments) <= found.most:
            raise Undefined(module, function, arguments)
        return found

    def _standard(self, name: tuple[str, str]) -> _Function:
        if self._answers.may(name):
            return _Function(self._answers.function(name), 0, math.inf, False, True)
        if name not in self._refused:
            self._refused.add(name)
            logger.warning(
                "%s:%s was refused to another node, which is not said again: "
                'Node(answers="all") allows it',
                *name,
            )
        raise Refused(NOT_ALLOWED)

    async def call(self, module: str, function: str, arguments: list[Any]) -> Any:
        """Run an exported function and return its value; its exceptions pass through.

        Raises:
            Undefined: It is not exported, or takes other arguments.
            Refused: It is a standard one that does not like its arguments, or acts.
        """
        found = self.find(module, function, arguments)
        if found.in_thread:
            return await trio.to_thread.run_sync(
                found.call, *arguments, limiter=self.limiter
            )
        try:
            value = found.call(*arguments)
            return await value if inspect.isawaitable(value) else value
        except (TypeError, ValueError, OverflowError) as error:
            if found.standard:
                raise Refused(BADARG) from error
            raise


def is_async(function: Callable[..., Any]) -> bool:
    """Tell whether a call of *function* is to be awaited."""
    while isinstance(function, partial):
        function = function.func
    if not isinstance(function, type) and inspect.iscoroutinefunction(
        type(function).__call__
    ):
        return True
    return inspect.iscoroutinefunction(function)


def _arity(function: Callable[..., Any], own: int = 0) -> tuple[int, float]:
    """Return how few and how many positional arguments *function* takes.

    The first *own* of them do not count: they are not of the caller.

    Raises:
        TypeError: It has keyword arguments that must be given; Erlang has none.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        # Some built-ins have no signature: they say themselves what they take.
        return 0, math.inf
    least, most = 0, 0.0
    for parameter in parameters:
        required = parameter.default is parameter.empty
        if parameter.kind is parameter.VAR_POSITIONAL:
            most = math.inf
        elif parameter.kind is parameter.KEYWORD_ONLY and required:
            raise TypeError(f"{function!r} cannot be called without {parameter.name}=")
        elif parameter.kind in _POSITIONAL:
            least += required
            most += 1
    return max(0, least - own), max(0, most - own)


_POSITIONAL = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
)
