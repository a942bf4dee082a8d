"""Operations as frames for one established connection; pure Python.

A frame is a packet with its length, ready to be sent; :mod:`ergopy.dist.framing` says
what is in it. This is the readable reference; :mod:`ergopy.dist.link` picks it or the
compiled one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar, final

import etf
from etf._encode import encode_term

from .atom_cache import SentAtoms
from .fragmenting import FRAGMENT_SIZE, LargeFrame

if TYPE_CHECKING:
    from collections.abc import Callable

_LENGTH: Final = 4
_MAX_FRAME: Final = 2**32 - 1
_NO_REFERENCES: Final = b"\0"
_Made = TypeVar("_Made")


@final
class LinkEncoder:
    """Operations as frames, ready to be sent, for one established connection.

    With a *cache* a frame relies on those before it: all must be sent, in the order in
    which they were made. What a converter makes while another frame is being made has
    no cached atom. Without a cache one frame can go to many connections of the same
    kind of framing, at any time.

    Args:
        header: Whether atom cache or fragments were negotiated.
        cache: Whether to send atoms by reference.
        fragments: Whether a large message leaves in pieces, as a ``LargeFrame``.
        options: How Python values become terms.

    Raises:
        EncodeError: From every method, if a term has no form; nothing is kept then.
    """

    def __init__(
        self,
        *,
        header: bool,
        cache: bool = False,
        fragments: bool = False,
        options: etf.EncodeOptions | None = None,
    ) -> None:
        self.frames = 0
        """Frames made so far."""
        self._options = options or etf.EncodeOptions()
        self._header = header
        self._fragments = fragments
        self._version = b"" if header else b"\x83"
        self._atoms = SentAtoms(self._options.none) if cache else None

    def control(self, control: tuple[Any, ...]) -> bytes:
        """Make a frame without a message."""
        return self._make(1, self._control, control)

    def frame(self, control: tuple[Any, ...], message: object) -> bytes | LargeFrame:
        """Make a frame with a message."""
        return self._make(1, self._frame, b"", control, message)

    def call(
        self, watch: tuple[Any, ...], control: tuple[Any, ...], message: object
    ) -> bytes | LargeFrame:
        """Make a frame without a message, and one with a message behind it."""
        return self._make(2, self._call, watch, control, message)

    def payload(self, message: object) -> bytes:
        """Encode a message once, for :meth:`frame_payload` to many receivers."""
        payload = bytearray(self._version)
        encode_term(payload, message, self._options)
        return bytes(payload)

    def frame_payload(
        self, control: tuple[Any, ...], payload: bytes
    ) -> bytes | LargeFrame:
        """Make a frame with a message that was encoded before."""
        return self._make(1, self._frame_payload, control, payload)

    def _make(self, count: int, make: Callable[..., _Made], *args: Any) -> _Made:
        """Make frames, all or nothing. What is made meanwhile has no cached atom."""
        atoms, self._atoms = self._atoms, None
        try:
            made = make(atoms, *args)
        except BaseException:
            if atoms is not None:
                atoms.undo()
            raise
        finally:
            self._atoms = atoms
        if atoms is not None:
            atoms.commit()
        self.frames += count
        return made

    def _control(self, atoms: SentAtoms | None, control: tuple[Any, ...]) -> bytes:
        references, terms = self._begin(atoms), bytearray()
        self._write(atoms, terms, control)
        return self._whole(references(), terms)

    def _frame(
        self,
        atoms: SentAtoms | None,
        before: bytes,
        control: tuple[Any, ...],
        message: object,
    ) -> bytes | LargeFrame:
        references, terms = self._begin(atoms), bytearray()
        self._write(atoms, terms, control)
        size = len(terms)
        terms += self._version
        self._write(atoms, terms, message)
        if self._is_large(size, len(terms)):
            return self._large(before, references(), terms[:size], terms, size)
        return before + self._whole(references(), terms)

    def _call(
        self,
        atoms: SentAtoms | None,
        watch: tuple[Any, ...],
        control: tuple[Any, ...],
        message: object,
    ) -> bytes | LargeFrame:
        return self._frame(atoms, self._control(atoms, watch), control, message)

    def _frame_payload(
        self, atoms: SentAtoms | None, control: tuple[Any, ...], payload: bytes
    ) -> bytes | LargeFrame:
        references, terms = self._begin(atoms), bytearray()
        self._write(atoms, terms, control)
        size = len(terms)
        if self._is_large(size, size + len(payload)):
            return self._large(b"", references(), terms, payload, 0)
        return self._whole(references(), terms + payload)

    def _begin(self, atoms: SentAtoms | None) -> Callable[[], bytes]:
        """Begin a frame; return what gives its references afterwards."""
        if atoms is None:
            return lambda: _NO_REFERENCES
        atoms.begin()
        return atoms.header

    def _write(self, atoms: SentAtoms | None, terms: bytearray, term: object) -> None:
        if atoms is None:
            encode_term(terms, term, self._options)
        else:
            encode_term(terms, term, self._options, atoms.leaves, atoms.atoms)

    def _is_large(self, control: int, size: int) -> bool:
        return self._fragments and control <= FRAGMENT_SIZE < size

    def _large(
        self,
        before: bytes,
        references: bytes,
        control: bytearray,
        payload: bytes | bytearray,
        at: int,
    ) -> LargeFrame:
        return LargeFrame(before, references, bytes(control), memoryview(payload)[at:])

    def _whole(self, references: bytes, terms: bytearray) -> bytes:
        head = b"\x83D" + references if self._header else b"p\x83"
        size = len(head) + len(terms)
        if size > _MAX_FRAME:
            raise etf.EncodeError(
                f"a frame of {size} bytes is longer than the protocol allows"
            )
        return size.to_bytes(_LENGTH, "big") + head + terms
