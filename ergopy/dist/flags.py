"""The capability flags that two nodes exchange in the handshake, as one table.

What a link may carry is what both sides offered: the bitwise AND of the two
words. A flag that the other side finds mandatory and misses ends the handshake.

Only what is implemented **on receipt** may be offered, because a peer uses what
it was offered at once. The table below says for each bit since when it exists,
which OTP release first refused a node without it, whether we offer it, and what it
means or why we do not.

Bits that are not in the table are reserved. A BEAM ignores the ones it does not
know, and so do we; bits 15, 21 and 36 are used inside the BEAM and never sent.
"""

from __future__ import annotations

from enum import IntFlag
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping


class Flag(IntFlag):
    """One capability, with what is known about it as attributes.

    A combination of flags, or of bits without a name, is a ``Flag`` too, but only
    the members listed here have ``since``, ``mandatory``, ``offered`` and ``note``.
    """

    since: str
    """The first release with it; ``"R"`` is before the numbers."""
    mandatory: int | None
    """The OTP release from which on a node without it is refused."""
    offered: bool
    """Whether we offer it (a hidden node leaves out ``PUBLISHED``)."""
    note: str
    """What it promises, or why we do not offer it."""

    # The defaults are for type checkers, which take Flag(n), a look-up, for this.
    def __new__(
        cls,
        bit: int,
        since: str = "",
        mandatory: int | None = None,
        offered: bool = False,
        note: str = "",
    ) -> Self:
        flag = int.__new__(cls, 1 << bit)
        flag._value_ = 1 << bit
        flag.since = since
        flag.mandatory = mandatory
        flag.offered = offered
        flag.note = note
        return flag

    # name = bit, since, mandatory from, offered, note
    PUBLISHED = 0, "R", None, True, "listed by nodes(), known to global and pg"
    ATOM_CACHE = 1, "R", None, False, "obsolete since R13; no node sets it"
    EXTENDED_REFERENCES = 2, "R", 19, True, "references of several words"
    DIST_MONITOR = 3, "R", None, True, "monitors of pids"
    FUN_TAGS = 4, "R", 25, True, "funs have tags of their own"
    DIST_MONITOR_NAME = 5, "R", None, True, "monitors of names; wants DIST_MONITOR"
    HIDDEN_ATOM_CACHE = 6, "R", None, False, "obsolete since R13; no node sets it"
    NEW_FUN_TAGS = 7, "R", 21, True, "funs in their present form"
    EXTENDED_PIDS_PORTS = 8, "R", 19, True, "pids and ports of 28 bits"
    EXPORT_PTR_TAG = 9, "R", 25, True, "fun m:f/a"
    BIT_BINARIES = 10, "R", 25, True, "bit strings"
    NEW_FLOATS = 11, "R", 25, True, "floats of eight bytes"
    UNICODE_IO = 12, "R13", None, True, "I/O requests name their encoding"
    DIST_HDR_ATOM_CACHE = 13, "R13", None, True, "atoms sent before go as one byte"
    SMALL_ATOM_TAGS = 14, "R14", None, True, "short Latin-1 atoms"
    UTF8_ATOMS = 16, "R16", 20, True, "atoms in UTF-8"
    MAP_TAG = 17, "17", 25, True, "maps"
    BIG_CREATION = 18, "19", 23, True, "creations of 32 bits"
    SEND_SENDER = 19, "21", None, True, "a message names its sender"
    BIG_SEQTRACE_LABELS = 20, "21", None, True, "any term as trace label"
    EXIT_PAYLOAD = 22, "22", None, True, "exit reasons outside the control tuple"
    FRAGMENTS = 23, "22", None, True, "messages above 64 KiB in pieces"
    HANDSHAKE_23 = 24, "23", 25, True, "this handshake"
    UNLINK_ID = 25, "23.3", 26, True, "an unlink is acknowledged"
    MANDATORY_25_DIGEST = 26, "25", None, True, "short for all that OTP 25 demands"
    SPAWN = 32, "23", None, True, "spawn requests, every one answered"
    NAME_ME = 33, "23", None, False, "set only by a node that asks for a name"
    V4_NC = 34, "24", 26, True, "wide pids and ports, references up to 5 words"
    ALIAS = 35, "24", None, True, "messages to references"
    ALTACT_SIG = 37, "28", None, True, "one operation for alias and priority signals"


def _union(flags: list[Flag]) -> Flag:
    whole = Flag(0)
    for flag in flags:
        whole |= flag
    return whole


def mandatory(otp: int) -> Flag:
    """Return what a node of that OTP release demands of every peer."""
    return _union([f for f in Flag if f.mandatory is not None and f.mandatory <= otp])


MANDATORY: Mapping[int, Flag] = MappingProxyType(
    {otp: mandatory(otp) for otp in (25, 26, 27, 28)}
)
"""What each supported OTP release demands."""

_OBSOLETE = Flag.ATOM_CACHE | Flag.HIDDEN_ATOM_CACHE


def sent_by(otp: int, *, hidden: bool = False) -> Flag:
    """Return what a node of that OTP release sends, if it has a name of its own."""
    known = [flag for flag in Flag if _release(flag) <= otp]
    left_out = _OBSOLETE | Flag.NAME_ME | (Flag.PUBLISHED if hidden else 0)
    return _union(known) & ~left_out


def _release(flag: Flag) -> int:
    """Return the release that has brought *flag*; 0 if that was before the numbers."""
    return int(flag.since.removeprefix("R").partition(".")[0] or 0)


REQUIRED = MANDATORY[26]
"""What we demand of a peer. OTP 25 and later, and its C nodes, have all of it."""

OFFERED_VISIBLE = _union([flag for flag in Flag if flag.offered])
OFFERED_HIDDEN = OFFERED_VISIBLE & ~Flag.PUBLISHED

WITH_HEADER = Flag.DIST_HDR_ATOM_CACHE | Flag.FRAGMENTS
"""Either of these, when shared, puts a distribution header on every packet."""


def offered(*, hidden: bool = False) -> Flag:
    """Return the flags that we send."""
    return OFFERED_HIDDEN if hidden else OFFERED_VISIBLE


def expand(flags: int) -> Flag:
    """Spell out the shorthand ``MANDATORY_25_DIGEST``.

    A future node may send that bit instead of the flags that it stands for.
    """
    if flags & Flag.MANDATORY_25_DIGEST:
        flags |= MANDATORY[25]
    return Flag(flags)


def negotiate(ours: int, theirs: int) -> Flag:
    """Return what a link between the two may use."""
    return expand(ours) & expand(theirs)


def missing(theirs: int, required: Flag = REQUIRED) -> tuple[str, ...]:
    """Return the names of the *required* flags that *theirs* lacks, low bit first."""
    return names(required & ~expand(theirs))


def names(flags: int) -> tuple[str, ...]:
    """Name every bit that is set, low bit first; ``BIT_n`` where it has no name."""
    table = {flag.value: flag.name or "" for flag in Flag}
    bits = [n for n in range(int(flags).bit_length()) if flags >> n & 1]
    return tuple(table.get(1 << n, f"BIT_{n}") for n in bits)
