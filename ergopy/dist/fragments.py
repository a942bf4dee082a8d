"""Large messages arrive in pieces: joining them, within limits.

The first packet of a sequence has the control tuple and the start of the message,
and the number of its pieces; the others count down to 1 and carry only bytes. Pieces
of different sequences, whole packets and ticks may come in between. The pieces of one
sequence come in order, without gaps, and the message may be cut anywhere.

A peer chooses how many sequences it opens, how long it makes them and when it goes on,
so all of that has limits. The way out is in :mod:`ergopy.dist.fragmenting`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, final

from ergopy.errors import RemoteProtocolError

if TYPE_CHECKING:
    from etf import Atom

    from .limits import LinkLimits


class Assembled(NamedTuple):
    """A message whose last piece has come, still encoded."""

    control: tuple[Any, ...]
    atoms: tuple[Atom, ...]
    data: bytes | bytearray


@final
class _Sequence:
    __slots__ = ("age", "atoms", "control", "data", "head", "missing")

    def __init__(
        self,
        control: tuple[Any, ...],
        atoms: tuple[Atom, ...],
        data: bytes,
        rest: int,
        head: int,
    ) -> None:
        self.control = control
        self.atoms = atoms
        self.data = bytearray(data)
        self.missing = rest
        self.head = head
        self.age = 0.0


@final
class Fragments:
    """The unfinished sequences of one link."""

    def __init__(self, limits: LinkLimits) -> None:
        self._limits = limits
        self._sequences: dict[int, _Sequence] = {}
        self._held = 0

    def __len__(self) -> int:
        return len(self._sequences)

    @property
    def held(self) -> int:
        """The bytes kept for all unfinished sequences."""
        return self._held

    def grow_older(self, seconds: float) -> None:
        """Say that so much time has passed.

        Raises:
            RemoteProtocolError: For too long nothing came of a sequence.
        """
        limit = self._limits.max_fragment_pause
        for sequence, pending in self._sequences.items():
            pending.age += seconds
            if pending.age >= limit:
                raise RemoteProtocolError(
                    f"nothing came of fragment sequence {sequence} for {limit:g} s"
                )

    def clear(self) -> None:
        """Forget every sequence."""
        self._sequences.clear()
        self._held = 0

    def check_first(self, sequence: int, count: int) -> None:
        """Refuse a first piece that may not come, before anything of it is read."""
        if not 0 < count <= self._limits.max_fragments:
            raise RemoteProtocolError(f"a message in {count} fragments is announced")
        if sequence in self._sequences:
            raise RemoteProtocolError(f"fragment sequence {sequence} begins again")
        if count > 1 and len(self._sequences) >= self._limits.max_sequences:
            raise RemoteProtocolError(
                f"more than {self._limits.max_sequences} fragmented messages at a time"
            )

    def first(
        self,
        sequence: int,
        count: int,
        control: tuple[Any, ...],
        atoms: tuple[Atom, ...],
        data: bytes,
        head: int,
    ) -> Assembled | None:
        """Begin a sequence; it is complete at once if it has one piece.

        *head* is the bytes before *data*: control and atoms are kept as well.
        """
        if count == 1:
            return Assembled(control, atoms, data)
        self._hold(0, len(data), head)
        self._sequences[sequence] = _Sequence(control, atoms, data, count - 1, head)
        return None

    def following(self, sequence: int, number: int, data: bytes) -> Assembled | None:
        """Add a piece; return the message with the last one, number 1."""
        pending = self._sequences.get(sequence)
        if pending is None:
            raise RemoteProtocolError(f"a fragment of no known sequence, {sequence}")
        if number != pending.missing:
            raise RemoteProtocolError(
                f"fragment {number} came, {pending.missing} is next"
            )
        self._hold(len(pending.data), len(data))
        pending.data += data
        pending.missing -= 1
        pending.age = 0.0
        if pending.missing:
            return None
        del self._sequences[sequence]
        self._held -= len(pending.data) + pending.head
        return Assembled(pending.control, pending.atoms, pending.data)

    def _hold(self, before: int, more: int, head: int = 0) -> None:
        limits = self._limits
        if before + more > limits.max_message:
            raise RemoteProtocolError(
                f"the fragments of a message exceed {limits.max_message} bytes"
            )
        if self._held + more + head > limits.max_fragments_bytes:
            raise RemoteProtocolError(
                f"unfinished messages exceed {limits.max_fragments_bytes} bytes"
            )
        self._held += more + head
