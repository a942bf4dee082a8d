"""What the two sides of a session send each other, as terms.

All but the first and the last are ``{'$session', Ref, What}`` and are sent to ``Ref``,
an alias of the side that they are for, which each side makes for itself::

    A -> B    {'$session', {open, PidA, RefA, Protocol}}   to B, by pid or name
    B -> A    {'$session', RefA, {accept, PidB, RefB}}     or {refuse, Protocol}
    A -> B    {'$session', RefB, ready}
              {'$session', Ref, {value, Term}}             a step: Send
              {'$session', Ref, {choose, Label}}           a step: Choose
              {'$session', Ref, done}                      at the end, from both
              {'$session', Ref, {leave, Why}}              before the end
    A -> B    {'$session', RefA, cancel}                   to B: A waits no longer

``Protocol`` is a binary: what the sender follows, written as the receiver sees it, or
the atom ``any`` from one that does not care to say. Each side monitors the other one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom, Pid, Reference

if TYPE_CHECKING:
    from .protocol import Protocol

SESSION = Atom("$session")

ACCEPT = Atom("accept")
ANY = Atom("any")
CANCEL = Atom("cancel")
CHOOSE = Atom("choose")
DONE = Atom("done")
LEAVE = Atom("leave")
OPEN = Atom("open")
READY = Atom("ready")
REFUSE = Atom("refuse")
VALUE = Atom("value")


def opening(pid: Pid, ref: Reference, protocol: Protocol) -> Any:
    """Ask for a session; *protocol* is what the asked side is to follow."""
    return SESSION, (OPEN, pid, ref, written(protocol))


def written(protocol: Protocol) -> bytes:
    """Return the text by which the two sides compare what they follow."""
    return str(protocol).encode()


def agrees(said: Any, protocol: Protocol) -> bool:
    """Tell whether one who is to follow *said* may follow *protocol*."""
    if isinstance(said, bytes):
        return said == written(protocol)
    return is_word(said, ANY)


def is_opening(message: Any) -> bool:
    """Tell whether *message* asks for a session."""
    match message:
        case (Atom("$session"), (Atom("open"), Pid(), Reference(), _) as asking):
            return isinstance(message, tuple) and isinstance(asking, tuple)
    return False


def content(message: Any, ref: Reference) -> Any:
    """Return what a message of the session *ref* says; None if it is none of it."""
    match message:
        case (Atom("$session"), Reference() as to, said) if to == ref:
            return said if isinstance(message, tuple) else None
    return None


def is_word(said: Any, word: Atom) -> bool:
    """Tell whether *said* is that atom: a binary of the same letters is not."""
    return isinstance(said, Atom) and said == word
