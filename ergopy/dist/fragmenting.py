"""Large messages leave in pieces, in turns with those of others.

A message of more than 64 KiB is encoded once; its pieces are views of those bytes. The
first one has the atoms and the control tuple, so it keeps its place among the other
frames. The rest waits here, and the connection takes a piece of each sender in turn:
nobody waits for the end of somebody else's large message.

What one process sends keeps its order: while its message is not done, whatever else it
sends waits behind. Such a frame leaves out of the order in which it was made, so it
must not rely on the atom cache.
"""

from __future__ import annotations

from collections import deque
from struct import Struct
from typing import TYPE_CHECKING, Final, final

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

FRAGMENT_SIZE: Final = 65536
"""Bytes of a message in one piece, the control tuple counted; a BEAM cuts there."""

_FIRST, _NEXT = 69, 70
_HEAD: Final = 18  # what precedes the atoms or the bytes of a piece
_pack_head = Struct(">IBBQQ").pack


@final
class LargeFrame:
    """A frame that leaves in pieces: two at least.

    Args:
        before: Frames that leave right before it.
        atoms: The references of its header, from ``N`` on.
        control: The control term, encoded. It is never cut.
        payload: The message, encoded.
    """

    __slots__ = ("atoms", "before", "control", "payload")

    def __init__(
        self, before: bytes, atoms: bytes, control: bytes, payload: memoryview
    ) -> None:
        self.before = before
        self.atoms = atoms
        self.control = control
        self.payload = payload

    def __len__(self) -> int:
        return len(self.before) + len(self.control) + len(self.payload)

    def count(self) -> int:
        """Say in how many pieces it leaves."""
        return -(-(len(self.control) + len(self.payload)) // FRAGMENT_SIZE)

    def first(self, sequence: int) -> tuple[list[bytes | memoryview], memoryview]:
        """Return the first piece, with what leaves before it, and what is left."""
        cut = FRAGMENT_SIZE - len(self.control)
        inside = len(self.atoms) + FRAGMENT_SIZE
        head = _pack_head(_HEAD + inside, 131, _FIRST, sequence, self.count())
        start = self.payload[:cut]
        return [self.before, head, self.atoms, self.control, start], self.payload[cut:]


@final
class _Unfinished:
    """A message that is not done, and what its sender has sent since."""

    __slots__ = ("behind", "left", "number", "sender", "sequence")

    def __init__(self, sender: Hashable) -> None:
        self.sender = sender
        self.behind: deque[bytes | LargeFrame] = deque()
        self.begin(0, 0, memoryview(b""))

    def begin(self, sequence: int, number: int, left: memoryview) -> None:
        self.sequence = sequence
        self.number = number
        self.left = left


@final
class LargeMessages:
    """The large messages of one connection that are on their way out.

    Args:
        done: Called with a sender when nothing of it is left here.
    """

    def __init__(self, done: Callable[[Hashable], None]) -> None:
        self.senders: dict[Hashable, _Unfinished] = {}
        """Whose message is not done. It is always the same object."""
        self.queued = 0
        """Bytes that nobody has taken yet."""
        self.messages_out = 0
        """Messages begun so far."""
        self.fragments_out = 0
        """Pieces taken so far."""
        self._done = done
        self._turns: deque[_Unfinished] = deque()

    def hold(self, sender: Hashable, frame: LargeFrame) -> None:
        """Note a frame of a sender that has none here; its turn is to :meth:`start`."""
        self.senders[sender] = _Unfinished(sender)
        self.queued += len(frame)

    def put_behind(self, sender: Hashable, frame: bytes | LargeFrame) -> None:
        """Take a frame of a sender whose message is not done."""
        self.senders[sender].behind.append(frame)
        self.queued += len(frame)

    def start(self, sender: Hashable, frame: LargeFrame) -> list[bytes | memoryview]:
        """Take the first piece of a frame that is held; the others get their turns."""
        unfinished = self.senders[sender]
        self.messages_out += 1
        self.fragments_out += 1
        sequence = self.messages_out
        first, left = frame.first(sequence)
        unfinished.begin(sequence, frame.count() - 1, left)
        self._turns.append(unfinished)
        self.queued -= len(frame) - len(left)
        return first

    def take(self) -> list[bytes | memoryview]:
        """Take the next piece of whose turn it is; nothing if it is nobody's."""
        if not self._turns:
            return []
        unfinished = self._turns.popleft()
        left, number = unfinished.left, unfinished.number
        piece, unfinished.left = left[:FRAGMENT_SIZE], left[FRAGMENT_SIZE:]
        unfinished.number = number - 1
        self.queued -= len(piece)
        self.fragments_out += 1
        inside = _HEAD + len(piece)
        head = _pack_head(inside, 131, _NEXT, unfinished.sequence, number)
        if number == 1:
            return [head, piece, *self._follow(unfinished)]
        self._turns.append(unfinished)
        return [head, piece]

    def clear(self) -> None:
        """Forget everything."""
        self._turns.clear()
        self.queued = 0
        while self.senders:
            self._done(self.senders.popitem()[0])

    def _follow(self, unfinished: _Unfinished) -> list[bytes | memoryview]:
        """Take what waits behind, up to the first piece of a large message."""
        taken: list[bytes | memoryview] = []
        while unfinished.behind:
            frame = unfinished.behind.popleft()
            if isinstance(frame, LargeFrame):
                return taken + self.start(unfinished.sender, frame)
            taken.append(frame)
            self.queued -= len(frame)
        del self.senders[unfinished.sender]
        self._done(unfinished.sender)
        return taken
