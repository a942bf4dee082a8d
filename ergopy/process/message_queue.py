"""The messages of one mailbox, in the order in which they will be received.

Nearly always they are in one deque. Two things make it several *pieces*:

* A reference that the process makes while messages wait. What carries it cannot be
  among those, so a receive for it starts behind them, as behind the receive marker of
  a BEAM. No table of references is kept: they are numbered, and a piece knows the
  number that was the last one when the piece was begun.
* A priority message. All of these are in a piece of their own, in front.

Of many pieces some are joined, but never so that a receive by reference has to look at
more than twice the messages that came after the reference was made. There remain some
thirty, or twice the binary logarithm of the messages.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias, final

from etf import ImproperList, Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Match: TypeAlias = "Callable[[Any], object] | type | Reference | Newer | None"
"""Which messages a receive wants; None is all."""

NOTHING: Any = object()
"""What :meth:`MessageQueue.take` returns when it has found no message."""

MANY_PIECES = 32
"""From this number on pieces are joined."""

_PRIORITY = -1


@final
class _Piece:
    __slots__ = ("messages", "since")

    def __init__(self, since: int, messages: deque[Any]) -> None:
        # The number of the last reference that was made before the piece was begun.
        self.since = since
        self.messages = messages

    def take_in(self, newer: deque[Any]) -> None:
        """Append the messages of the piece that follows."""
        # The fewer are moved, so that none moves more often than the logarithm says.
        if len(newer) < len(self.messages):
            self.messages.extend(newer)
        else:
            newer.extendleft(reversed(self.messages))
            self.messages = newer


@final
class Newer:
    """What *match* wants of the messages that may carry *ref*: no older ones."""

    __slots__ = ("match", "ref")

    def __init__(self, ref: Reference, match: Callable[[Any], object]) -> None:
        self.ref = ref
        self.match = match


@final
class Search:
    """What a selective receive wants, and how many messages it has looked at."""

    __slots__ = ("match", "plain", "priority")

    def __init__(self, match: Callable[[Any], object]) -> None:
        self.match = match
        self.priority = 0
        self.plain = 0


class MessageQueue:
    """Put at :attr:`tail`, taken from :attr:`queue`; in between see the module."""

    __slots__ = ("_pieces", "_search", "queue", "tail")

    def __init__(self) -> None:
        self.queue: deque[Any] | None = None
        """Where the next message is; empty is not the end: see :meth:`advance`."""
        self.tail: deque[Any] | None = None
        """Where an ordinary message goes."""
        # All pieces, `queue` first and `tail` last; None while these are the same.
        self._pieces: list[_Piece] | None = None
        # The selective receive that waits, to be told of what is taken meanwhile.
        self._search: Search | None = None

    def clear(self) -> None:
        """Drop everything."""
        self.queue = self.tail = self._pieces = None

    def messages(self) -> list[Any]:
        """Return all messages that wait, the next one first."""
        if self._pieces is None:
            return list(self.queue or ())
        return [message for piece in self._pieces for message in piece.messages]

    def message_count(self) -> int:
        """Return how many messages wait."""
        if self._pieces is None:
            return len(self.queue or ())
        return sum(len(piece.messages) for piece in self._pieces)

    def advance(self) -> bool:
        """Let an empty :attr:`queue` be followed by the next piece that has messages.

        Returns whether there is one. If not, the next message will be in ``queue``.
        """
        pieces = self._pieces
        if pieces is None:
            if self.queue:
                return True
            # An empty deque is 760 bytes: a process that sleeps does without.
            self.queue = self.tail = None
            return False
        while len(pieces) > 1 and not pieces[0].messages:
            del pieces[0]
        self.queue = pieces[0].messages
        if len(pieces) == 1:
            self._pieces = None
        return bool(self.queue)

    def mark(self, last: int) -> None:
        """Note that references after the *last*-th are younger than what waits."""
        if not self.tail:
            return
        if self._pieces is None:
            self._pieces = [_Piece(0, self.tail)]
        elif len(self._pieces) >= MANY_PIECES:
            self._join_pieces(self._pieces)
        self.tail = deque()
        self._pieces.append(_Piece(last, self.tail))

    def _join_pieces(self, pieces: list[_Piece]) -> None:
        # Two become one if no more messages are in them than came after them.
        after = 0
        for index in range(len(pieces) - 2, -1, -1):
            older, newer = pieces[index : index + 2]
            if older.since == _PRIORITY:
                break
            if len(older.messages) + len(newer.messages) <= after:
                older.take_in(newer.messages)
                del pieces[index + 1]
            else:
                after += len(newer.messages)
        self.queue = pieces[0].messages

    def put_first(self, message: Any) -> None:
        """Put a message before the ordinary ones, behind those put here earlier."""
        pieces = self._pieces
        if pieces is None:
            if self.tail is None:
                self.tail = deque()
            pieces = self._pieces = [_Piece(0, self.tail)]
        if pieces[0].since != _PRIORITY:
            pieces.insert(0, _Piece(_PRIORITY, deque()))
            self.queue = pieces[0].messages
        pieces[0].messages.append(message)

    def take(self, search: Search) -> Any:
        """Take the first message that *search* wants, of those it has not looked at.

        If there is none return ``NOTHING``, and let *search* know how far it was.
        """
        found = self._locate(search)
        if found is None:
            return NOTHING
        piece, _, index = found
        message = piece.messages[index]
        del piece.messages[index]
        return message

    def _locate(self, search: Search) -> tuple[_Piece, int, int] | None:
        """Return where a message is: piece, plain messages before that, index in it."""
        before = 0
        for piece in self._all():
            first = piece.since == _PRIORITY
            start = search.priority if first else search.plain - before
            index = _find(piece.messages, start, search.match)
            if index is not None:
                return piece, before, index
            if first:
                search.priority = len(piece.messages)
            else:
                before += len(piece.messages)
        search.plain = before
        return None

    def _all(self) -> Sequence[_Piece]:
        if self._pieces is not None:
            return self._pieces
        return (_Piece(0, self.queue),) if self.queue else ()

    def skip_older(self, search: Search, number: int) -> None:
        """Let *search* begin where the *number*-th reference was made, or before."""
        before = 0
        for piece in self._pieces or ():
            if piece.since == _PRIORITY:
                continue
            if piece.since >= number:
                break
            search.plain = before
            before += len(piece.messages)

    def remove(self, unwanted: Callable[[Any], object], number: int = 0) -> bool:
        """Take the first *unwanted* message out; return whether there was one.

        With *number* only those are looked at that are not older than that reference.
        """
        search = Search(unwanted)
        if number:
            self.skip_older(search, number)
        found = self._locate(search)
        if found is None:
            return False
        piece, before, index = found
        del piece.messages[index]
        # The body may be parked in a receive, and a helper in here.
        waiting = self._search
        if waiting is None:
            return True
        if piece.since == _PRIORITY:
            waiting.priority -= index < waiting.priority
        else:
            waiting.plain -= before + index < waiting.plain
        return True


def _find(
    messages: deque[Any], start: int, match: Callable[[Any], object]
) -> int | None:
    """Return the index of the first message from *start* on that matches."""
    new: Any = messages
    if start > 0:
        if start >= len(messages):
            return None
        # Indexing a deque, or walking past its beginning, costs its length: what is
        # new is taken from its end.
        new = reversed(list(islice(reversed(messages), len(messages) - start)))
    else:
        start = 0
    for index, message in enumerate(new, start):
        if match(message):
            return index
    return None


def carries(ref: Reference) -> Callable[[Any], bool]:
    """Make the test whether a message carries *ref*.

    It is a tuple with the reference as its first or second element, as a reply, a
    ``DOWN``, a timeout and a ``spawn_reply`` are, or with the tag ``[alias | Ref]``.
    """

    def match(message: Any) -> bool:
        if not isinstance(message, tuple) or not message:
            return False
        for part in message[:2]:
            carried = part.tail if part.__class__ is ImproperList else part
            if carried.__class__ is Reference and carried == ref:
                return True
        return False

    return match
