"""Where one side is in its protocol: what it may do next. Pure, it does nothing itself.

What is refused does not move it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, final

import etf
from etf import Atom, EncodeError, MappingError

from ...errors import WrongStep
from ...process.reasons import shown
from .protocol import Again, Choose, End, Offer, Protocol, Rec, Recv, Send

if TYPE_CHECKING:
    from collections.abc import Mapping

    _Bound = Mapping[str, tuple[Rec, "_Bound"]]

    S = TypeVar("S", bound=Protocol)

_EMPTY: Any = {}


@final
class Position:
    """The step that one side of a session has come to."""

    __slots__ = ("_bound", "step")

    step: Protocol
    """A ``Send``, ``Recv``, ``Choose``, ``Offer`` or ``End``; what can be done now."""

    def __init__(self, protocol: Protocol) -> None:
        protocol.check()
        self._go(protocol, _EMPTY)

    @property
    def at_end(self) -> bool:
        """Whether nothing is left to do."""
        return self.step is End

    @property
    def expected(self) -> str:
        """What may be done now, for people; without what comes after it."""
        step = self.step
        if isinstance(step, Choose | Offer):
            return f"{type(step).__name__}({', '.join(sorted(step.branches))})"
        return str(step).partition(" >> ")[0]

    def send(self, value: Any) -> Any:
        """Do a ``Send``; return *value* as it is to be sent.

        Raises:
            WrongStep: Something else is to be done, or the value does not fit.
        """
        step = self._now(Send, _did("send", value))
        try:
            term = etf.as_term(etf.convert(value, step.of), step.of)
        except (EncodeError, MappingError) as error:
            raise WrongStep(self.expected, _did("send", value), str(error)) from error
        self._follow(step.then)
        return term

    def receive(self, term: Any) -> Any:
        """Do a ``Recv``; return what *term* is as a value.

        Raises:
            WrongStep: Something else is to be done, or the term does not fit.
        """
        step = self._now(Recv, _did("the value", term))
        try:
            value = etf.convert(term, step.of)
        except MappingError as error:
            raise WrongStep(
                self.expected, _did("the value", term), str(error)
            ) from error
        self._follow(step.then)
        return value

    def choose(self, label: str) -> None:
        """Do a ``Choose``.

        Raises:
            WrongStep: Something else is to be done, or there is no such branch.
        """
        self._branch(Choose, label, _did("choose", label))

    def offer(self, label: Any) -> None:
        """Do an ``Offer``, of which the other side chose *label*.

        Raises:
            WrongStep: Something else is to be done, or there is no such branch.
        """
        self._branch(Offer, label, _did("the choice", label))

    def require(self, kind: type[Protocol], verb: str) -> None:
        """Raise WrongStep unless a step of that kind is to be done now."""
        self._now(kind, verb)

    def _branch(self, kind: type[Choose | Offer], label: Any, did: str) -> None:
        step = self._now(kind, did)
        way = step.branches.get(Atom(label)) if isinstance(label, str) else None
        if way is None:
            raise WrongStep(self.expected, did)
        self._follow(way)

    def _now(self, kind: type[S], did: str) -> S:
        if not isinstance(self.step, kind):
            raise WrongStep(self.expected, did)
        return self.step

    def _follow(self, way: Protocol | None) -> None:
        assert way is not None
        self._go(way, self._bound)

    def _go(self, way: Protocol, bound: _Bound) -> None:
        """Come to the next step of *way*, into recursions and back to their begin."""
        while isinstance(way, Rec | Again):
            if isinstance(way, Again):
                way, bound = bound[way.name]
            assert isinstance(way, Rec)
            bound = {**bound, way.name: (way, bound)}
            way = way.body
        self.step, self._bound = way, bound


def _did(what: str, value: Any) -> str:
    return f"{what} {shown(value)}"
