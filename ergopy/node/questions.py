"""Standard questions: functions that tools call on every node, without any export.

A room of them is a :class:`Room`: ``@ROOM.reads`` or ``@ROOM.acts`` above a function of
the node, named as in Erlang with ``_`` behind it if need be. Arguments come from the
wire: a ``TypeError`` or ``ValueError`` of such a function is ``badarg``.
"""

from __future__ import annotations

import inspect
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar, final

from etf import Atom

from ..errors import ErgopyError
from ..errors.text import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    F = TypeVar("F", bound=Callable[..., Any])

NONE: Final = "none"
ALL: Final = "all"

ANY: Final = "_"
"""The module of what is answered for every module; its name is the first argument."""


class Refused(ErgopyError):
    """What a function raises that is to be ``error:Reason`` for who called it."""

    def __init__(self, reason: Any) -> None:
        super().__init__(f"refused: {shown(reason)}")
        self.reason = reason


class Question(NamedTuple):
    """One function that is answered."""

    module: str
    function: str
    least: int
    most: int
    acts: bool
    """Whether it changes anything: it is answered with ``answers="all"`` only."""
    call: Callable[..., Any]
    """Its first argument is the node."""

    @property
    def arities(self) -> range:
        """With how many arguments it can be called."""
        return range(self.least, self.most + 1)

    @property
    def about(self) -> str:
        """What it tells, in one line."""
        return (inspect.getdoc(self.call) or "").partition("\n")[0]


@final
class Room:
    """The questions of one module, or of several that have the same functions."""

    def __init__(self, *modules: str) -> None:
        self.modules = modules
        self.questions: list[Question] = []

    def reads(self, function: F) -> F:
        """Answer with *function*, which changes nothing."""
        return self._add(function, acts=False)

    def acts(self, function: F) -> F:
        """Answer with *function*, if the node lets others act."""
        return self._add(function, acts=True)

    def _add(self, function: F, *, acts: bool) -> F:
        least, most = _arity(function)
        name = function.__name__.rstrip("_")
        for module in self.modules:
            self.questions.append(Question(module, name, least, most, acts, function))
        return function


def atom(value: Any) -> Atom:
    """Return *value* if it is an atom; anything else is ``badarg``."""
    if not isinstance(value, Atom):
        raise TypeError(f"no atom: {shown(value)}")
    return value


def _arity(function: Callable[..., Any]) -> tuple[int, int]:
    parameters = list(inspect.signature(function).parameters.values())[1:]
    least = sum(parameter.default is parameter.empty for parameter in parameters)
    return least, len(parameters)


@final
class Answers:
    """What one node answers, of all the questions that there are."""

    def __init__(
        self, questions: Iterable[Question] = (), mode: str = NONE, node: Any = None
    ) -> None:
        self._node = node
        self._may_act = mode == ALL
        self._questions = {} if mode == NONE else _by_name(questions)

    def __contains__(self, name: tuple[str, str]) -> bool:
        return name in self._questions

    def names(self) -> list[tuple[str, str]]:
        """Return the ``(module, function)`` pairs that are answered."""
        return list(self._questions)

    def drop(self, name: tuple[str, str]) -> None:
        """Answer that one no more."""
        self._questions.pop(name, None)

    def takes(self, name: tuple[str, str], count: int) -> bool:
        """Tell whether that is answered with so many arguments."""
        question = self._questions.get(name)
        if question is None:
            question, count = self._questions.get((ANY, name[1])), count + 1
        return question is not None and count in question.arities

    def functions_of(self, module: str) -> list[tuple[Atom, int]]:
        """Return the functions of a module, with their numbers of arguments."""
        return [
            (Atom(one.function), count)
            for one in self._questions.values()
            if one.module == module
            for count in one.arities
        ]

    def may(self, name: tuple[str, str]) -> bool:
        """Tell whether it does not act, or may."""
        return self._may_act or not self._question(name).acts

    def function(self, name: tuple[str, str]) -> Callable[..., Any]:
        """Return the function to be called with the arguments alone."""
        question = self._question(name)
        if question.module == ANY:
            return partial(question.call, self._node, name[0])
        return partial(question.call, self._node)

    def _question(self, name: tuple[str, str]) -> Question:
        found = self._questions.get(name)
        return self._questions[ANY, name[1]] if found is None else found


def _by_name(questions: Iterable[Question]) -> dict[tuple[str, str], Question]:
    return {(one.module, one.function): one for one in questions}
