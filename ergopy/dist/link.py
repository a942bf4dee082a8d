"""The codec of an established link: bytes in, operations out, and back.

It is the compiled one if that was built, and the readable one of
:mod:`ergopy.dist.framing` otherwise, or if ``ERGOPY_PURE=1`` is in the environment.
Both do exactly the same, but for one thing: a message that is nested deeper than the
compiled one can go leaves without cached atoms.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol

from . import old_forms
from .flags import WITH_HEADER, Flag

__all__ = ["Encoder", "LinkDecoder", "LinkEncoder", "compiled", "encoder_for"]

if TYPE_CHECKING:
    import etf

    from .fragmenting import LargeFrame
    from .framing import LinkDecoder, LinkEncoder

    compiled: bool
else:
    compiled = False
    if os.environ.get("ERGOPY_PURE") != "1":
        try:
            from ._speedups import LinkDecoder, LinkEncoder

            compiled = True
        except ImportError:
            pass
    if not compiled:
        from .framing import LinkDecoder, LinkEncoder


class Encoder(Protocol):
    """Operations as frames, in the forms that a link has negotiated."""

    def control(self, control: tuple[Any, ...]) -> bytes: ...
    def frame(
        self, control: tuple[Any, ...], message: object
    ) -> bytes | LargeFrame: ...
    def call(
        self, watch: tuple[Any, ...], control: tuple[Any, ...], message: object
    ) -> bytes | LargeFrame: ...
    def payload(self, message: object) -> bytes: ...
    def frame_payload(
        self, control: tuple[Any, ...], payload: bytes
    ) -> bytes | LargeFrame: ...
    @property
    def frames(self) -> int: ...


def encoder_for(
    flags: Flag, *, cache: bool = True, options: etf.EncodeOptions | None = None
) -> Encoder:
    """Return an encoder for a link with these flags.

    Without *cache* its frames do not depend on each other.
    """
    encoder: Encoder = LinkEncoder(
        header=bool(flags & WITH_HEADER),
        cache=cache and Flag.DIST_HDR_ATOM_CACHE in flags,
        fragments=Flag.FRAGMENTS in flags,
        options=options,
    )
    if old_forms.needed(flags):
        return old_forms.OldForms(encoder, flags)
    return encoder
