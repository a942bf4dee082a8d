"""Session protocols: what two sides send each other, in which order, and its dual.

::

    SUM = Send(int) >> Send(int) >> Recv(int) >> End
    SHOP = Rec("go", Choose(buy=Send(Order) >> Recv(Receipt) >> Again("go"), leave=End))

A protocol is written from one side. Its ``dual`` is what the other side sees: each
``Send`` is a ``Recv`` there, each ``Choose`` an ``Offer``. It is data: nothing here
sends, waits or knows a process. What may be sent is an annotation, as in
``etf.convert``.

Rules, which :meth:`Protocol.check` looks at: a line ends with ``End``, with the
``Again`` of a ``Rec`` around it, or with a choice, whose branches go on by themselves.
Between a ``Rec`` and its ``Again`` something has to happen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self, final

from etf import Atom

if TYPE_CHECKING:
    from collections.abc import Mapping

_NONE: frozenset[str] = frozenset()


class Protocol:
    """What is still to happen in a session, seen from one side."""

    __slots__ = ()

    @property
    def dual(self) -> Protocol:
        """What the other side sees."""
        raise NotImplementedError

    def check(
        self, usable: frozenset[str] = _NONE, fresh: frozenset[str] = _NONE
    ) -> None:
        """Raise ValueError unless each line of the protocol ends as the rules want.

        *usable* are the recursions that may begin again here, *fresh* those in which
        nothing has happened yet.
        """

    def __rshift__(self, then: Protocol) -> Protocol:
        """Let *then* follow: ``Send(int) >> Recv(str) >> End``."""
        raise TypeError(f"nothing can follow {self}; what does is part of its branches")


@dataclass(frozen=True, slots=True, repr=False)
class _Transfer(Protocol):
    """One value that goes one way."""

    of: Any
    """What the value is, as an annotation."""

    then: Protocol | None = None

    _other: ClassVar[type[_Transfer]]

    @property
    def dual(self) -> Protocol:
        then = None if self.then is None else self.then.dual
        return self._other(self.of, then)

    def check(
        self, usable: frozenset[str] = _NONE, fresh: frozenset[str] = _NONE
    ) -> None:
        if self.then is None:
            raise ValueError(f"after {self} the protocol does not go on: >> End")
        self.then.check(usable | fresh)

    def __rshift__(self, then: Protocol) -> Self:
        if not isinstance(then, Protocol):
            return NotImplemented
        return replace(self, then=then if self.then is None else self.then >> then)

    def __repr__(self) -> str:
        shown = self.of.__qualname__ if isinstance(self.of, type) else repr(self.of)
        this = f"{type(self).__name__}({shown})"
        return this if self.then is None else f"{this} >> {self.then}"


@final
class Send(_Transfer):
    """We send a value of that type."""

    __slots__ = ()


@final
class Recv(_Transfer):
    """The other side sends a value of that type."""

    __slots__ = ()


Send._other, Recv._other = Recv, Send


class _Branches(Protocol):
    """Ways to go on, by their labels: ``Choose(more=..., done=End)``."""

    __slots__ = ("branches",)

    branches: Mapping[Atom, Protocol]

    _other: ClassVar[type[_Branches]]

    def __init__(
        self, branches: Mapping[str, Protocol] | None = None, /, **named: Protocol
    ) -> None:
        self.branches = {
            Atom(label): way for label, way in {**(branches or {}), **named}.items()
        }
        if not self.branches:
            raise ValueError(f"{type(self).__name__} without branches")

    @property
    def dual(self) -> Protocol:
        return self._other({label: way.dual for label, way in self.branches.items()})

    def check(
        self, usable: frozenset[str] = _NONE, fresh: frozenset[str] = _NONE
    ) -> None:
        for way in self.branches.values():
            way.check(usable | fresh)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.branches == other.branches

    def __hash__(self) -> int:
        return hash((type(self), frozenset(self.branches)))

    def __repr__(self) -> str:
        # In the order of the labels: the other side may have written them otherwise.
        ways = (f"{label}={way}" for label, way in sorted(self.branches.items()))
        return f"{type(self).__name__}({', '.join(ways)})"


@final
class Choose(_Branches):
    """We say which way it goes on."""

    __slots__ = ()


@final
class Offer(_Branches):
    """The other side says which way it goes on."""

    __slots__ = ()


Choose._other, Offer._other = Offer, Choose


@final
@dataclass(frozen=True, slots=True, repr=False)
class Rec(Protocol):
    """A part that can begin again: where ``Again(name)`` stands in *body*."""

    name: str
    body: Protocol

    @property
    def dual(self) -> Protocol:
        return Rec(self.name, self.body.dual)

    def check(
        self, usable: frozenset[str] = _NONE, fresh: frozenset[str] = _NONE
    ) -> None:
        self.body.check(usable - {self.name}, fresh | {self.name})

    def __repr__(self) -> str:
        return f"Rec({self.name}, {self.body})"


@final
@dataclass(frozen=True, slots=True, repr=False)
class Again(Protocol):
    """Here it goes on with the ``Rec`` of that name, the innermost one."""

    name: str

    @property
    def dual(self) -> Protocol:
        return self

    def check(
        self, usable: frozenset[str] = _NONE, fresh: frozenset[str] = _NONE
    ) -> None:
        if self.name in fresh:
            raise ValueError(f"{self} for ever: nothing happens before it")
        if self.name not in usable:
            raise ValueError(f"{self} is not inside of a Rec of that name")

    def __repr__(self) -> str:
        return f"Again({self.name})"


@final
@dataclass(frozen=True, slots=True, repr=False)
class _End(Protocol):
    """Nothing is left to do."""

    @property
    def dual(self) -> Protocol:
        return self

    def __repr__(self) -> str:
        return "End"


End = _End()
"""The end of a session, which both sides come to."""
