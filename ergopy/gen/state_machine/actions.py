"""What a state machine does besides changing its state: the actions of ``gen_statem``.

They are data: a callback returns them inside ``Next``, ``Keep`` or ``Repeat``, and they
are checked when they are made. Of several that set the same thing the last one counts.
"""

from __future__ import annotations

import math
from typing import Any, Final, TypeAlias, final

from etf import Atom, identity_key

CALL: Final = Atom("call")
CAST: Final = Atom("cast")
INFO: Final = Atom("info")
INTERNAL: Final = Atom("internal")
TIMEOUT: Final = Atom("timeout")
STATE_TIMEOUT: Final = Atom("state_timeout")

Kind: TypeAlias = "Atom | tuple[Any, Any]"
"""What sort of event: an atom, ``("call", from_)`` or ``("timeout", name)``."""

_PLAIN: Final = frozenset((CAST, INFO, INTERNAL, TIMEOUT, STATE_TIMEOUT))


class Action:
    """Something to do at a transition."""

    __slots__ = ()


@final
class Postpone(Action):
    """Handle the event again when the state has changed; ``{postpone, Flag}``."""

    __slots__ = ("flag",)

    def __init__(self, flag: bool = True) -> None:
        self.flag = flag

    def __repr__(self) -> str:
        return f"Postpone({self.flag!r})"


@final
class Hibernate(Action):
    """Without effect here, where a process that waits is small; ``hibernate``."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Hibernate()"


@final
class Reply(Action):
    """Answer a call; ``{reply, From, Value}``. Done before anything else happens."""

    __slots__ = ("from_", "value")

    def __init__(self, from_: Any, value: Any) -> None:
        self.from_ = from_
        self.value = value

    def __repr__(self) -> str:
        return f"Reply({self.from_!r}, {self.value!r})"


@final
class NextEvent(Action):
    """Handle an event of one's own making next; ``{next_event, Kind, Content}``.

    Args:
        kind: ``"internal"``, which nobody else can send, or any other kind of event.
        content: What the callback gets.
    """

    __slots__ = ("event",)

    def __init__(self, kind: Any, content: Any = None) -> None:
        self.event = (_event_kind(kind), content)

    def __repr__(self) -> str:
        return f"NextEvent({self.event[0]!r}, {self.event[1]!r})"


class SetTimeout(Action):
    """What is to become of the one timeout of its kind.

    ``seconds`` is infinite to cancel it, and None to give it another content only.
    """

    __slots__ = ("absolute", "content", "key", "kind", "seconds")

    def __init__(
        self, kind: Kind, seconds: float | None, content: Any, absolute: bool = False
    ) -> None:
        if seconds is not None and not (seconds >= 0 or (absolute and seconds < 0)):
            raise ValueError(f"a time is a number of seconds, not {seconds!r}")
        self.kind = kind
        self.key = timeout_key(kind)
        self.seconds = seconds
        self.content = content
        self.absolute = absolute

    def __repr__(self) -> str:
        how = ", absolute=True" if self.absolute else ""
        parts = f"{self.kind!r}, {self.seconds!r}, {self.content!r}{how}"
        return f"{type(self).__name__}({parts})"


@final
class EventTimeout(SetTimeout):
    """An event ``"timeout"``, unless another event comes first; ``{timeout, ..}``.

    Args:
        seconds: From now; 0 means before the next message from outside is taken.
        content: What the callback gets.
        absolute: *seconds* is a time of Trio's clock; ``{abs, true}``.
    """

    __slots__ = ()

    def __init__(
        self, seconds: float, content: Any = None, *, absolute: bool = False
    ) -> None:
        super().__init__(TIMEOUT, seconds, content, absolute)


@final
class StateTimeout(SetTimeout):
    """An event ``"state_timeout"``, unless the state changes first.

    ``{state_timeout, ..}``; the arguments are those of :class:`EventTimeout`. The one
    that comes with a change of state is for the new state.
    """

    __slots__ = ()

    def __init__(
        self, seconds: float, content: Any = None, *, absolute: bool = False
    ) -> None:
        super().__init__(STATE_TIMEOUT, seconds, content, absolute)


@final
class Timeout(SetTimeout):
    """An event ``("timeout", name)``; ``{{timeout, Name}, ..}``.

    There can be any number with different names, and nothing cancels them but
    ``Cancel(("timeout", name))``. The name is any term; the other arguments are those
    of :class:`EventTimeout`.
    """

    __slots__ = ()

    def __init__(
        self, name: Any, seconds: float, content: Any = None, *, absolute: bool = False
    ) -> None:
        super().__init__((TIMEOUT, name), seconds, content, absolute)


@final
class Cancel(SetTimeout):
    """Stop the timeout of a kind, if it runs; ``{Kind, cancel}``.

    Its event will not be seen any more, also if the time ran out meanwhile.
    """

    __slots__ = ()

    def __init__(self, kind: Any) -> None:
        super().__init__(_timeout_kind(kind), math.inf, None)


@final
class Update(SetTimeout):
    """Change the content of the timeout of a kind; ``{Kind, update, Content}``.

    If there is none it is as one of 0 seconds.
    """

    __slots__ = ()

    def __init__(self, kind: Any, content: Any) -> None:
        super().__init__(_timeout_kind(kind), None, content)


POSTPONE: Final = Postpone()
HIBERNATE: Final = Hibernate()


def timeout_key(kind: Kind) -> Any:
    """Return what identifies a kind of timeout, hashable whatever its name is.

    Raises:
        EncodeError: The name is no term.
    """
    if isinstance(kind, str):
        return kind
    name = kind[1]
    return (TIMEOUT, name if isinstance(name, str) else identity_key(name))


def _timeout_kind(kind: Any) -> Kind:
    match kind:
        case "timeout" | "state_timeout":
            return Atom(kind)
        case ("timeout", name):
            return (TIMEOUT, name)
    raise ValueError(f"no kind of timeout: {kind!r}")


def _event_kind(kind: Any) -> Kind:
    match kind:
        case str() if kind in _PLAIN:
            return Atom(kind)
        case ("call", from_):
            return (CALL, from_)
        case ("timeout", name):
            return (TIMEOUT, name)
    raise ValueError(f"no kind of event: {kind!r}")
