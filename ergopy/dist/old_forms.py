"""Frames for peers that know fewer operations than a BEAM: C nodes, ``erl_call``.

What a peer did not offer it does not understand: without ``SEND_SENDER`` a message
does not name who sent it, and without ``EXIT_PAYLOAD`` a reason is the last element
of the control tuple (protocol 4.1, ops 2, 3, 8 and 21). A link with both flags uses a
plain ``LinkEncoder``, which costs nothing more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import etf

from . import control as op
from .flags import Flag

if TYPE_CHECKING:
    from .fragmenting import LargeFrame
    from .link import Encoder

_EMPTY = etf.Atom("")
_VERSION = b"\x83"

_REASON_INSIDE = {
    op.PAYLOAD_EXIT: op.EXIT,
    op.PAYLOAD_EXIT2: op.EXIT2,
    op.PAYLOAD_MONITOR_P_EXIT: op.MONITOR_P_EXIT,
}


def needed(flags: Flag) -> bool:
    """Tell whether a link with these flags needs old forms."""
    modern = Flag.SEND_SENDER | Flag.EXIT_PAYLOAD
    return flags & modern != modern


@final
class OldForms:
    """An encoder with the methods of ``LinkEncoder``, for the *flags* of a link."""

    def __init__(self, inner: Encoder, flags: Flag) -> None:
        self._inner = inner
        self._names_sender = Flag.SEND_SENDER in flags
        self._reasons = {} if Flag.EXIT_PAYLOAD in flags else _REASON_INSIDE

    @property
    def frames(self) -> int:
        """Frames made so far."""
        return self._inner.frames

    def control(self, control: tuple[Any, ...]) -> bytes:
        """Make a frame without a message; these have no older form."""
        return self._inner.control(control)

    def frame(self, control: tuple[Any, ...], message: object) -> bytes | LargeFrame:
        """Make a frame with a message, or with the reason of an end."""
        number = self._reasons.get(control[0])
        if number is not None:
            return self._inner.control((number, *control[1:], message))
        return self._inner.frame(self._without_sender(control), message)

    def call(
        self, watch: tuple[Any, ...], control: tuple[Any, ...], message: object
    ) -> bytes | LargeFrame:
        """Make a frame without a message, and one with a message behind it."""
        return self._inner.call(watch, self._without_sender(control), message)

    def payload(self, message: object) -> bytes:
        """Encode a message once, for :meth:`frame_payload`."""
        return self._inner.payload(message)

    def frame_payload(
        self, control: tuple[Any, ...], payload: bytes
    ) -> bytes | LargeFrame:
        """Make a frame with a message, or a reason, that was encoded before."""
        if control[0] in self._reasons:
            reason = etf.decode(_VERSION + payload.removeprefix(_VERSION))
            return self.frame(control, reason)
        return self._inner.frame_payload(self._without_sender(control), payload)

    def _without_sender(self, control: tuple[Any, ...]) -> tuple[Any, ...]:
        if control[0] == op.SEND_SENDER and not self._names_sender:
            return (op.SEND, _EMPTY, control[2])
        return control
