"""How the messages of a node become bytes, and bytes its messages: what it may choose.

The options of the codec that a node has are those that leave the protocol, and what the
services of a node understand, as they are. They are for messages; the control terms of
a link are always read in the same way.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, final

from etf import DecodeOptions, EncodeOptions
from etf._options import MAX_DEPTH

from .link import LinkDecoder, LinkEncoder, encoder_for

if TYPE_CHECKING:
    from .flags import Flag
    from .limits import LinkLimits
    from .link import Encoder

_PLAIN: Final = DecodeOptions()

ROOM: Final = 16
"""Levels that what leaves may be nested deeper than what arrives.

An answer often has in it what it answers. If that were too deep to be sent, whoever
asks like that would end the server.
"""


@final
class Coding:
    """Makes the encoders and decoders of all links of a node.

    Args:
        decode: What arriving messages become: ``strings``, ``structs``, ``records`` and
            ``converters`` count.
        encode: How messages leave; without ``compressed``.
        depth: How deep what arrives may be nested; what leaves may be deeper.

    Raises:
        ValueError: Another option is set.
    """

    def __init__(
        self,
        decode: DecodeOptions | None = None,
        encode: EncodeOptions | None = None,
        depth: int = _PLAIN.limits.max_depth,
    ) -> None:
        self.decode = _checked_decode(decode)
        """How terms arrive, but for limits."""
        self.encode = _with_room(_checked_encode(encode), depth)
        """How terms leave."""
        self.early: Encoder = LinkEncoder(header=True, options=self.encode)
        """For what waits, whatever the link will be like."""

    def decoder(self, *, header: bool, limits: LinkLimits) -> LinkDecoder:
        """Make the decoder of one link."""
        return LinkDecoder(header=header, limits=limits, options=self.decode)

    def encoder(self, flags: Flag, *, cache: bool = True) -> Encoder:
        """Make an encoder for a link with these flags; see ``encoder_for``."""
        return encoder_for(flags, cache=cache, options=self.encode)


def _checked_decode(options: DecodeOptions | None) -> DecodeOptions:
    if options is None:
        return _PLAIN
    if not isinstance(options, DecodeOptions):
        raise ValueError(f"decode= is etf.DecodeOptions(...), not {options!r}")
    rest = replace(options, strings="bytes", structs=(), records=(), converters=())
    if rest != _PLAIN:
        raise ValueError(
            "decode= of a node takes strings, structs, records and converters; with "
            "others it would not understand its peers, and limits= are of their own"
        )
    return options


def _checked_encode(options: EncodeOptions | None) -> EncodeOptions:
    if options is None:
        return EncodeOptions()
    if not isinstance(options, EncodeOptions):
        raise ValueError(f"encode= is etf.EncodeOptions(...), not {options!r}")
    if options.compressed is not False:
        raise ValueError("encode= of a node: no peer takes compressed= on a link")
    return options


def _with_room(options: EncodeOptions, depth: int) -> EncodeOptions:
    deepest = max(options.max_depth, min(depth + ROOM, MAX_DEPTH))
    return replace(options, max_depth=deepest)
