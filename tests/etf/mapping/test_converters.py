"""The converters for classes of Python's library, in both directions."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

import etf
from etf import Atom, EncodeError, MappingError, TermMap
from etf.converters import Zone
from tests.etf.mapping.shop import struct

A = Atom
ISO = A("Elixir.Calendar.ISO")
UTC_FIELDS = {
    "time_zone": b"Etc/UTC",
    "zone_abbr": b"UTC",
    "utc_offset": 0,
    "std_offset": 0,
}
MOMENT = {
    "calendar": ISO,
    "year": 2024,
    "month": 7,
    "day": 1,
    "hour": 10,
    "minute": 0,
    "second": 0,
    "microsecond": (500_000, 1),
}


def there_and_back(value: Any, annotation: Any) -> Any:
    return etf.convert(
        etf.decode(etf.encode(etf.as_term(value, annotation))), annotation
    )


def test_utc_is_pythons() -> None:
    made = etf.convert(struct("DateTime", **MOMENT, **UTC_FIELDS), datetime)
    assert made == datetime(2024, 7, 1, 10, 0, 0, 500_000, UTC)
    assert made.tzinfo is UTC


def test_a_naive_one_has_no_zone() -> None:
    made = etf.convert(struct("NaiveDateTime", **MOMENT), datetime)
    assert made == datetime(2024, 7, 1, 10, 0, 0, 500_000)
    assert etf.as_term(made, datetime)[A("__struct__")] == "Elixir.NaiveDateTime"


def test_another_zone_keeps_its_name_and_offsets() -> None:
    term = struct(
        "DateTime",
        **MOMENT,
        time_zone=b"Europe/Copenhagen",
        zone_abbr=b"CEST",
        utc_offset=3600,
        std_offset=3600,
    )
    made = etf.convert(term, datetime)
    zone = made.tzinfo
    assert zone == Zone("Europe/Copenhagen", "CEST", 3600, 3600)
    assert made.utcoffset() == timedelta(hours=2)
    assert made.dst() == timedelta(hours=1)
    assert made.tzname() == "CEST"
    assert made == datetime(2024, 7, 1, 8, 0, 0, 500_000, UTC)
    again = etf.decode(etf.encode(etf.as_term(made, datetime)))
    assert again == {**term, A("microsecond"): (500_000, 6)}
    assert pickle.loads(pickle.dumps(zone)) == copy.deepcopy(zone) == zone
    assert repr(zone) == "Zone('Europe/Copenhagen', 'CEST', 3600, 3600)"
    assert len({zone, copy.copy(zone)}) == 1


def test_a_zone_of_the_database_says_its_name() -> None:
    moment = datetime(2024, 7, 1, 10, tzinfo=ZoneInfo("Europe/Copenhagen"))
    term = etf.as_term(moment, datetime)
    assert term[A("time_zone")] == "Europe/Copenhagen"
    assert (term[A("utc_offset")], term[A("std_offset")]) == (3600, 3600)
    assert there_and_back(moment, datetime) == moment


def test_an_offset_without_a_name_leaves_as_utc() -> None:
    moment = datetime(2024, 7, 1, 10, tzinfo=timezone(timedelta(hours=2)))
    term = etf.as_term(moment, datetime)
    assert (term[A("hour")], term[A("time_zone")]) == (8, "Etc/UTC")
    assert there_and_back(moment, datetime) == moment


@pytest.mark.parametrize(
    "wrong",
    [
        {"month": 13},
        {"year": 0},
        {"year": -1},
        {"year": 10_000},
        {"hour": b"10"},
        {"calendar": A("Elixir.Calendar.Holocene")},
        {"microsecond": 5},
        {"microsecond": (b"x", 6)},
        {"microsecond": (1_000_000, 6)},
        {"time_zone": 5},
        {"zone_abbr": b"\xff"},
        {"utc_offset": 86_400},
        {"utc_offset": None},
    ],
    ids=repr,
)
def test_a_moment_that_python_does_not_have_is_refused(wrong: Any) -> None:
    term = struct("DateTime", **{**MOMENT, **UTC_FIELDS, **wrong})
    with pytest.raises(MappingError):
        etf.convert(term, datetime)


@pytest.mark.parametrize("key", [*MOMENT, *UTC_FIELDS, "__struct__"])
def test_a_moment_without_one_of_its_fields_is_refused(key: str) -> None:
    term = struct("DateTime", **MOMENT, **UTC_FIELDS)
    del term[key]
    with pytest.raises(MappingError):
        etf.convert(term, datetime)


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        (datetime(1, 1, 1), date),
        (time(1, tzinfo=UTC), time),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))), datetime),
        (datetime(2020, 1, 1, tzinfo=timezone(timedelta(microseconds=1))), None),
        (Decimal("sNaN"), Decimal),
        (Decimal((0, (1,) * 4301, 0)), Decimal),
        (urlsplit("http://h:99999/"), SplitResult),
        ("2020", date),
    ],
    ids=repr,
)
def test_what_elixir_does_not_have_is_refused(value: Any, annotation: Any) -> None:
    if annotation is None:
        zone = Zone("Some/Where", "X", 0, 0)
        zone._offset = timedelta(microseconds=1)
        value, annotation = datetime(2020, 1, 1, tzinfo=zone), datetime
    with pytest.raises(EncodeError):
        etf.as_term(value, annotation)


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        ({"sign": 1, "coef": 150, "exp": -2}, Decimal("1.50")),
        ({"sign": -1, "coef": 0, "exp": 0}, Decimal("-0")),
        ({"sign": 1, "coef": 5, "exp": 3}, Decimal("5E+3")),
        ({"sign": -1, "coef": A("inf"), "exp": 0}, Decimal("-Infinity")),
        ({"sign": 1, "coef": 10**4300 - 1, "exp": 0}, Decimal(10**4300 - 1)),
    ],
    ids=["1.50", "-0", "5E+3", "-inf", "long"],
)
def test_decimals_keep_sign_digits_and_exponent(fields: Any, value: Decimal) -> None:
    made = etf.convert(struct("Decimal", **fields), Decimal)
    assert made.as_tuple() == value.as_tuple()
    assert etf.as_term(made, Decimal) == struct("Decimal", **fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"sign": 0, "coef": 1, "exp": 0},
        {"sign": 1, "coef": -1, "exp": 0},
        {"sign": 1, "coef": b"1", "exp": 0},
        {"sign": 1, "coef": A("sNaN"), "exp": 0},
        {"sign": 1, "coef": 1, "exp": 1 << 64},
        {"sign": 1, "coef": 1, "exp": -(1 << 64)},
        {"sign": 1, "coef": 1, "exp": 1 << 8_000_000},
        {"sign": 1, "coef": 1, "exp": -2 * 10**18},
        {"sign": 1, "coef": 10**4300, "exp": 0},
        {"sign": 1, "coef": 1},
    ],
    ids=lambda fields: etf.format(fields, limit=50),
)
def test_a_decimal_that_cannot_be_is_refused(fields: Any) -> None:
    with pytest.raises(MappingError):
        etf.convert(struct("Decimal", **fields), Decimal)


def test_not_a_number() -> None:
    assert there_and_back(Decimal("NaN"), Decimal).is_nan()


@pytest.mark.parametrize(
    ("first", "last", "step", "value"),
    [
        (1, 3, 1, [1, 2, 3]),
        (3, 1, -1, [3, 2, 1]),
        (3, 1, None, [3, 2, 1]),
        (1, 3, None, [1, 2, 3]),
        (1, 0, 1, []),
        (0, 10, 5, [0, 5, 10]),
        (1, 3, 0, None),
        (1, 3, b"1", None),
        (1.0, 3, 1, None),
    ],
)
def test_ranges_include_their_end(first: Any, last: Any, step: Any, value: Any) -> None:
    more = {} if step is None else {"step": step}
    term = struct("Range", first=first, last=last, **more)
    if value is None:
        with pytest.raises(MappingError):
            etf.convert(term, range)
    else:
        assert list(etf.convert(term, range)) == value


@pytest.mark.parametrize(
    "text",
    [
        "http://example.org/",
        "https://u:p@h.example:8443/a/b?q=1#f",
        "http://[::1]:8080/",
        "mailto:joe@example.org",
        "/only/a/path",
        "file:///etc/hosts",
        "HTTP://Host/",
        "",
    ],
)
def test_uris_come_back(text: str) -> None:
    value = urlsplit(text)
    made = there_and_back(value, SplitResult)
    assert made == value or made.geturl() == value.geturl()


def test_the_port_of_a_scheme_is_in_the_struct_and_not_in_the_text() -> None:
    term = etf.as_term(urlsplit("https://h/"), SplitResult)
    assert term[A("port")] == 443
    assert etf.convert(etf.decode(etf.encode(term)), SplitResult).netloc == "h"


@pytest.mark.parametrize(
    "wrong", [{"path": b"no slash"}, {"host": 5}, {"path": b"/a\nb"}], ids=repr
)
def test_a_uri_that_cannot_be_written_is_refused(wrong: Any) -> None:
    fields = dict.fromkeys(
        ("scheme", "userinfo", "host", "port", "path", "query", "fragment")
    )
    term = struct("URI", **{**fields, "scheme": b"http", "host": b"h", **wrong})
    with pytest.raises(MappingError):
        etf.convert(term, SplitResult)


@pytest.mark.parametrize(
    "term",
    [
        b"00000000-0000-0000-0000-00000000000f",
        "00000000-0000-0000-0000-00000000000F",
        b"\0" * 15 + b"\x0f",
    ],
)
def test_uuids_are_text_or_bytes(term: Any) -> None:
    assert etf.convert(term, UUID) == UUID(int=15)


@pytest.mark.parametrize(
    "term", [b"0" * 32, b"{" + b"0" * 34 + b"}", b"x" * 36, 15, b""]
)
def test_other_ways_to_write_a_uuid_are_refused(term: Any) -> None:
    with pytest.raises(MappingError, match="36 characters or 16 bytes"):
        etf.convert(term, UUID)


@given(st.datetimes(timezones=st.sampled_from([None, UTC, ZoneInfo("Asia/Tokyo")])))
def test_moments_come_back(value: datetime) -> None:
    made = there_and_back(value, datetime)
    # In the hour that comes twice Python finds no two zones equal.
    assert made.replace(tzinfo=None) == value.replace(tzinfo=None)
    assert made.utcoffset() == value.utcoffset()
    assert made.tzname() == value.tzname()


@given(st.one_of(st.dates(), st.times(), st.decimals(allow_nan=False), st.uuids()))
def test_values_come_back(value: Any) -> None:
    assert there_and_back(value, type(value)) == value


@given(st.integers(), st.integers(), st.integers().filter(bool))
def test_ranges_come_back(start: int, stop: int, step: int) -> None:
    value = range(start, stop, step)
    assert there_and_back(value, range) == value


@dataclass
class Price:
    cents: int


AS_TEXT = etf.Converter(
    Price,
    encode=lambda price: str(price.cents),
    decode=lambda term: Price(int(term)),
    expected="cents as text",
)


def test_an_annotation_may_bring_its_own_converter() -> None:
    annotation = list[Annotated[Price, AS_TEXT]]
    assert etf.as_term([Price(5)], annotation) == ["5"]
    assert etf.convert([b"5"], annotation) == [Price(5)]
    with pytest.raises(MappingError, match=r"\[0\]: expected cents as text, got"):
        etf.convert([b"x"], annotation)


def test_converters_of_a_call_go_before_what_is_known() -> None:
    assert etf.convert(b"7", Price, converters=[AS_TEXT]) == Price(7)
    assert etf.convert({A("cents"): 7}, Price) == Price(7)
    assert etf.as_term(Price(7), Price, converters=[AS_TEXT]) == "7"


def test_later_converters_replace_earlier_ones() -> None:
    other = etf.Converter(Price, encode=repr)
    both = etf.Converters([AS_TEXT, other])
    assert list(both) == [other]
    assert both == etf.Converters([other])
    assert len({both, etf.Converters([other])}) == 1
    assert "Converters([" in repr(both)


def test_structs_in_keys_are_read_too() -> None:
    day = struct("Date", calendar=ISO, year=2024, month=7, day=1)
    assert etf.convert(TermMap(day), date) == date(2024, 7, 1)
    data = etf.encode({TermMap(day): 1})
    assert etf.convert(etf.decode(data), dict[date, int]) == {date(2024, 7, 1): 1}
