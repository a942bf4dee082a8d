"""What a caller can choose about decoding and encoding, and the limits.

All three records are frozen: one object can be shared by every link and process.
A wrong value is a ``ValueError`` when the record is made, never later.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from .mapping.converter import NO_CONVERTERS, Converter, Converters
from .mapping.reviving import Reviver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MAX_DEPTH: Final = 10_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What one encoded term may cost us. A peer never chooses it."""

    max_depth: int = 1000
    """How many tuples, lists, maps and funs may be inside one another; at most
    10,000. A list sent as a string (tag 107) opens no level."""

    max_size: int = 512 * 1024 * 1024
    """Bytes of one encoded term."""

    max_inflated: int = 64 * 1024 * 1024
    """Bytes that a compressed term may grow to."""

    max_big_bytes: int = 524_280
    """Bytes of one integer; the default is the largest integer of OTP 28."""

    max_atoms: int = 262_144
    """Atoms kept in the table of known atoms. Past it atoms still decode, and are
    equal by value, but each is an object of its own."""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if type(value) is not int or value < 0:
                raise ValueError(f"{name} must be a non-negative int, not {value!r}")
        if self.max_depth > MAX_DEPTH:
            raise ValueError(f"max_depth is at most {MAX_DEPTH}, not {self.max_depth}")


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """How bytes become Python values."""

    strings: Literal["bytes", "str"] = "bytes"
    """What a binary becomes. With ``"str"`` the type depends on the content: valid
    UTF-8 is a ``str``, anything else stays ``bytes``."""

    charlists: Literal["list", "str"] = "list"
    """With ``"str"`` every proper, non-empty list of Unicode code points becomes a
    ``Charlist``, however it was sent; ``[1, 2]`` is such a list too."""

    nil: Literal["none", "atom"] = "none"
    """What the atom ``nil`` becomes: ``None`` or ``Atom("nil")``."""

    undefined: Literal["atom", "none"] = "atom"
    """What the atom ``undefined`` becomes. ``"none"`` does not round trip, unless
    ``EncodeOptions(none="undefined")`` is used on the way out."""

    limits: Limits = Limits()
    """What the term may cost."""

    structs: Iterable[type] = ()
    """Classes declared with ``@struct``: such a map becomes an instance, if it fits; if
    not it stays a ``dict``."""

    records: Iterable[type] = ()
    """Classes declared with ``@record``: such a tuple becomes an instance, if it fits;
    if not it stays a ``tuple``."""

    converters: Iterable[Converter] = NO_CONVERTERS
    """Other classes that structs become: ``etf.converters.DATES``."""

    reviver: Reviver | None = field(init=False, repr=False, compare=False)
    """What makes these instances; for the decoders."""

    def __post_init__(self) -> None:
        _set_converters(self)
        object.__setattr__(self, "structs", tuple(self.structs))
        object.__setattr__(self, "records", tuple(self.records))
        assert isinstance(self.converters, Converters)
        reviver = Reviver(self.structs, self.records, self.converters)
        object.__setattr__(self, "reviver", reviver or None)
        _one_of("strings", self.strings, ("bytes", "str"))
        _one_of("charlists", self.charlists, ("list", "str"))
        _one_of("nil", self.nil, ("none", "atom"))
        _one_of("undefined", self.undefined, ("atom", "none"))
        if not isinstance(self.limits, Limits):
            raise ValueError(f"limits must be Limits, not {self.limits!r}")


@dataclass(frozen=True, slots=True)
class EncodeOptions:
    """How Python values become bytes."""

    none: Literal["nil", "undefined"] = "nil"
    """The atom that ``None`` is sent as: Elixir's or Erlang's."""

    compressed: bool | int = False
    """``True`` or a zlib level 0..9 compresses a stand-alone term, if that makes it
    smaller. Never used on a link, where the BEAM refuses it."""

    default: Callable[[object], object] | None = None
    """Called for a value that has no form of its own; returns what to send instead."""

    max_depth: int = 1000
    """How many tuples, lists, maps and funs may be inside one another."""

    converters: Iterable[Converter] = NO_CONVERTERS
    """Classes whose values may be sent, besides those that say it themselves:
    ``etf.converters.ALL``."""

    def __post_init__(self) -> None:
        _set_converters(self)
        _one_of("none", self.none, ("nil", "undefined"))
        level = self.compressed
        if not isinstance(level, int) or not 0 <= level <= 9:
            raise ValueError(f"compressed must be a bool or 0..9, not {level!r}")
        if self.default is not None and not callable(self.default):
            raise ValueError(f"default must be callable, not {self.default!r}")
        if type(self.max_depth) is not int or not 0 <= self.max_depth <= MAX_DEPTH:
            raise ValueError(f"max_depth must be 0..{MAX_DEPTH}, not {self.max_depth}")


def _set_converters(options: Any) -> None:
    if type(options.converters) is not Converters:
        try:
            made = Converters(options.converters)
        except TypeError as error:
            raise ValueError(f"converters must be an iterable: {error}") from error
        object.__setattr__(options, "converters", made)


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        known = " or ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name} must be {known}, not {value!r}")
