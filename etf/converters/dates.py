"""Elixir's calendar: ``DateTime``, ``NaiveDateTime``, ``Date`` and ``Time``.

Only ``Calendar.ISO``, and the years 1 to 9999 that Python has. Elixir keeps how many
digits of a second count, Python always has six: ``~T[10:00:00.5]`` comes back with six
digits, and a whole second with none, as ``isoformat`` prints it.

A ``DateTime`` of another zone than UTC has a ``tzinfo`` of the class ``Zone``: the name
and the offsets, just as they came. No time zone database is asked, and none is needed
to send it back. A value whose zone has no name, only an offset, is sent as the same
instant in UTC, which is what Elixir makes of such text.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, Final, final

from .._errors import EncodeError
from .._types import Atom
from ..mapping.converter import Converter
from ..mapping.errors import MappingError
from . import structs

_DATETIME: Final = "Elixir.DateTime"
_NAIVE: Final = "Elixir.NaiveDateTime"
_DATE: Final = "Elixir.Date"
_TIME: Final = "Elixir.Time"
_ISO: Final = Atom("Elixir.Calendar.ISO")
_UTC: Final = "Etc/UTC"

_DAY = ("year", "month", "day")
_CLOCK = ("hour", "minute", "second")


@final
class Zone(tzinfo):
    """A time zone at one moment, as a ``DateTime`` of Elixir has it.

    For another moment of the same place use ``zoneinfo.ZoneInfo(zone.key)``: the
    offsets of this one never change.

    Args:
        key: ``Europe/Copenhagen``.
        abbreviation: ``CEST``.
        utc_offset: Seconds that the place is ahead of UTC, without summer time.
        std_offset: Seconds of summer time.
    """

    def __init__(
        self, key: str, abbreviation: str, utc_offset: int, std_offset: int
    ) -> None:
        self.key = key
        self.abbreviation = abbreviation
        self._offset = timedelta(seconds=utc_offset + std_offset)
        self._dst = timedelta(seconds=std_offset)
        if abs(self._offset) >= timedelta(days=1):
            raise ValueError("a time zone is less than a day away from UTC")

    def utcoffset(self, _: datetime | None) -> timedelta:
        return self._offset

    def dst(self, _: datetime | None) -> timedelta:
        return self._dst

    def tzname(self, _: datetime | None) -> str:
        return self.abbreviation

    def _fields(self) -> tuple[Any, ...]:
        return self.key, self.abbreviation, self._offset - self._dst, self._dst

    def __eq__(self, other: object) -> bool:
        return type(other) is Zone and self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash(self._fields())

    def __repr__(self) -> str:
        base = (self._offset - self._dst) // timedelta(seconds=1)
        extra = self._dst // timedelta(seconds=1)
        return f"Zone({self.key!r}, {self.abbreviation!r}, {base}, {extra})"

    def __reduce__(self) -> tuple[Any, ...]:
        base = (self._offset - self._dst) // timedelta(seconds=1)
        extra = self._dst // timedelta(seconds=1)
        return Zone, (self.key, self.abbreviation, base, extra)


def _load_datetime(term: Any) -> datetime:
    name = structs.name_of(term)
    naive = name == _NAIVE
    if not naive and name != _DATETIME:
        raise MappingError("%DateTime{} or %NaiveDateTime{}", term)
    name = _NAIVE if naive else _DATETIME
    year, month, day = structs.integers(term, name, *_DAY)
    (hour, minute, second), microsecond = _clock(term, name)
    zone = None if naive else _zone(term)
    return datetime(year, month, day, hour, minute, second, microsecond, zone)


def _zone(term: Any) -> tzinfo:
    key, abbreviation = structs.take(term, _DATETIME, "time_zone", "zone_abbr")
    base, extra = structs.integers(term, _DATETIME, "utc_offset", "std_offset")
    key, abbreviation = _text(key), _text(abbreviation)
    if key == _UTC and base == extra == 0:
        return UTC
    return Zone(key, abbreviation, base, extra)


def _text(term: Any) -> str:
    return term if isinstance(term, str) else str(term, "utf-8")


def _clock(term: Any, name: str) -> tuple[list[int], int]:
    """Give hour, minute and second, and the microsecond."""
    calendar, fraction = structs.take(term, name, "calendar", "microsecond")
    if calendar != _ISO:
        raise MappingError("Calendar.ISO", calendar, "calendar")
    match fraction:
        case (int(microsecond), int()) if type(fraction) is tuple:
            return structs.integers(term, name, *_CLOCK), microsecond
    raise MappingError("{Microsecond, Digits}", fraction, "microsecond")


def _load_date(term: Any) -> date:
    year, month, day = structs.integers(term, _DATE, *_DAY)
    if structs.take(term, _DATE, "calendar") != [_ISO]:
        raise MappingError("%Date{} of Calendar.ISO", term)
    return date(year, month, day)


def _load_time(term: Any) -> time:
    (hour, minute, second), microsecond = _clock(term, _TIME)
    return time(hour, minute, second, microsecond)


def _dump_datetime(value: datetime) -> Any:
    zone = value.tzinfo
    if zone is None or value.utcoffset() is None:
        return structs.make(_NAIVE, **_day_of(value), **_clock_of(value))
    key = getattr(zone, "key", None)
    if key in ("UTC", _UTC) or not isinstance(key, str):
        value, key = _in_utc(value), _UTC
    offset, extra = _seconds(value.utcoffset()), _seconds(value.dst())
    return structs.make(
        _DATETIME,
        **_day_of(value),
        **_clock_of(value),
        time_zone=key,
        zone_abbr=value.tzname() or key,
        utc_offset=offset - extra,
        std_offset=extra,
    )


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise EncodeError("a moment that is in no year of UTC") from None


def _seconds(offset: timedelta | None) -> int:
    seconds, rest = divmod(offset or timedelta(), timedelta(seconds=1))
    if rest:
        raise EncodeError("a time zone with parts of a second")
    return seconds


def _day_of(value: date) -> dict[str, Any]:
    return {
        "calendar": _ISO,
        "year": value.year,
        "month": value.month,
        "day": value.day,
    }


def _clock_of(value: datetime | time) -> dict[str, Any]:
    digits = 6 if value.microsecond else 0
    return {
        "hour": value.hour,
        "minute": value.minute,
        "second": value.second,
        "microsecond": (value.microsecond, digits),
    }


def _dump_date(value: date) -> Any:
    if isinstance(value, datetime):
        raise EncodeError("a datetime where a date has to be")
    return structs.make(_DATE, **_day_of(value))


def _dump_time(value: time) -> Any:
    if value.tzinfo is not None:
        raise EncodeError("a time with a time zone; Elixir has none")
    return structs.make(_TIME, calendar=_ISO, **_clock_of(value))


DATETIME: Final = Converter(
    datetime,
    encode=_dump_datetime,
    decode=_load_datetime,
    structs=(_DATETIME, _NAIVE),
    expected="%DateTime{} or %NaiveDateTime{}",
)
DATE: Final = Converter(
    date, encode=_dump_date, decode=_load_date, structs=(_DATE,), expected="%Date{}"
)
TIME: Final = Converter(
    time, encode=_dump_time, decode=_load_time, structs=(_TIME,), expected="%Time{}"
)
