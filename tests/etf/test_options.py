"""Options and errors: checked when made, and told in words."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from etf import (
    DecodeError,
    DecodeOptions,
    EncodeError,
    EncodeOptions,
    EtfError,
    Limits,
)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (DecodeOptions, {"strings": "text"}),
        (DecodeOptions, {"charlists": "bytes"}),
        (DecodeOptions, {"nil": "atoms"}),
        (DecodeOptions, {"undefined": "nil"}),
        (DecodeOptions, {"limits": None}),
        (EncodeOptions, {"none": "none"}),
        (EncodeOptions, {"compressed": 10}),
        (EncodeOptions, {"compressed": -1}),
        (EncodeOptions, {"compressed": "yes"}),
        (EncodeOptions, {"default": 5}),
        (EncodeOptions, {"max_depth": 10_001}),
        (EncodeOptions, {"max_depth": -1}),
        (EncodeOptions, {"max_depth": None}),
        (Limits, {"max_depth": 10_001}),
        (Limits, {"max_depth": -1}),
        (Limits, {"max_size": -1}),
        (Limits, {"max_inflated": 1.5}),
        (Limits, {"max_big_bytes": None}),
        (Limits, {"max_atoms": True}),
    ],
)
def test_a_wrong_option_is_named(kind: Any, wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=name):
        kind(**wrong)


@pytest.mark.parametrize("options", [Limits(), DecodeOptions(), EncodeOptions()])
def test_options_do_not_change(options: Any) -> None:
    for name in options.__slots__:
        with pytest.raises(FrozenInstanceError):
            setattr(options, name, getattr(options, name))
    assert options == type(options)()


def test_the_defaults_are_those_of_the_manual() -> None:
    assert Limits() == Limits(1000, 512 << 20, 64 << 20, 524_280, 262_144)


def test_errors_are_value_errors_with_data() -> None:
    for error in (EncodeError("bad", "[1]"), DecodeError("bad", 7)):
        assert isinstance(error, EtfError)
        assert isinstance(error, ValueError)
        assert error.problem == "bad"
    assert str(EncodeError("bad")) == "bad"
    assert str(EncodeError("bad", '[1]["k"]')) == 'bad (at [1]["k"])'
    assert str(DecodeError("bad", 7)) == "bad (at byte 7)"


@pytest.mark.parametrize("error", [EncodeError("bad", "[1]"), DecodeError("bad", 7)])
def test_errors_survive_pickling(error: Any) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


@pytest.mark.parametrize(
    ("key", "step"),
    [
        ("k", '["k"]'),
        ('a"\\', '["a\\"\\\\"]'),
        (b"k", "[b'k']"),
        ("x" * 200, '["' + "x" * 76 + "...]"),
    ],
)
def test_the_path_shows_keys(codec: Any, key: Any, step: str) -> None:
    with pytest.raises(EncodeError) as caught:
        codec.encode({key: object()})
    assert caught.value.path == step


def test_a_key_too_deep_to_print_is_cut(codec: Any) -> None:
    key: Any = ()
    for _ in range(5_000):
        key = (key,)
    with pytest.raises(EncodeError) as caught:
        codec.encode({key: object()}, EncodeOptions(max_depth=10_000))
    assert caught.value.path.endswith("...]")
    assert len(caught.value.path) <= 82
