"""The compiled link codec makes the frames that the pure one makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import etf
from ergopy.dist import framing as pure
from ergopy.dist.fragmenting import LargeFrame
from tests.dist.compiled_link import compiled
from tests.dist.link_packets import PID, A
from tests.etf.strategies import encodable
from tests.memory import blocks_kept

if TYPE_CHECKING:
    from collections.abc import Callable

REF = etf.Reference(A("a25@127.0.0.1"), 0x6B016B56, (0xDB1B, 0xFB540001, 0xC3CA9672))


def outcome(function: Callable[..., Any], *args: Any) -> Any:
    try:
        return function(*args)
    except etf.EncodeError as error:
        return error.problem, error.path


@given(
    control=encodable(),
    message=encodable(),
    header=st.booleans(),
    none=st.sampled_from(["nil", "undefined"]),
    max_depth=st.sampled_from([1, 2, 1000, 10_000]),
)
def test_frames_are_the_same(
    control: Any, message: Any, header: bool, none: Any, max_depth: int
) -> None:
    options = etf.EncodeOptions(none=none, max_depth=max_depth)
    ours = compiled.LinkEncoder(header=header, options=options)
    theirs = pure.LinkEncoder(header=header, options=options)
    for name, args in (
        ("control", (control,)),
        ("frame", (control, message)),
        ("payload", (message,)),
        ("frame_payload", (control, b"payload")),
        ("frame_payload", (control, bytearray(3000))),
    ):
        expected = outcome(getattr(theirs, name), *args)
        assert outcome(getattr(ours, name), *args) == expected


def test_a_converter_is_called_once_for_a_frame() -> None:
    calls: list[object] = []

    def default(value: object) -> object:
        calls.append(value)
        return [1, 2]

    options = etf.EncodeOptions(default=default)
    bad = object()
    frame = compiled.LinkEncoder(header=False, options=options).frame((22, PID), [bad])
    assert frame == pure.LinkEncoder(header=False).frame((22, PID), [[1, 2]])
    assert calls == [bad]


@pytest.mark.parametrize("message", [1, object(), b"x" * 5000, [{1: "é"}] * 500])
def test_frames_leave_nothing_behind(message: object) -> None:
    encoder = compiled.LinkEncoder(header=False)
    assert blocks_kept(lambda: outcome(encoder.frame, (22, PID), message)) < 100
    assert blocks_kept(lambda: outcome(encoder.payload, message)) < 100
    payload = bytes(3000)
    assert blocks_kept(lambda: encoder.frame_payload((22, REF), payload)) < 100


MANY_ATOMS = st.lists(st.integers(0, 5000).map("atom {}".format).map(A), max_size=300)


def both(name: str, *args: Any) -> Any:
    """What a method of each encoder gives, with large frames taken apart."""

    def plain(frame: Any) -> Any:
        if isinstance(frame, LargeFrame):
            return frame.before, frame.atoms, frame.control, bytes(frame.payload)
        return frame

    return lambda encoder: plain(outcome(getattr(encoder, name), *args))


STEPS = st.one_of(
    st.builds(both, st.just("control"), encodable()),
    st.builds(both, st.just("frame"), encodable(), encodable() | MANY_ATOMS),
    st.builds(both, st.just("frame"), MANY_ATOMS, st.just(b"large" * 15_000)),
    st.builds(both, st.just("call"), encodable(), MANY_ATOMS, encodable()),
    st.builds(both, st.just("call"), MANY_ATOMS, encodable(), st.just("x" * 70_000)),
    st.builds(
        both, st.just("call"), MANY_ATOMS, st.just([A("lost"), object()]), MANY_ATOMS
    ),
    st.builds(both, st.just("frame_payload"), MANY_ATOMS, st.just(bytes(70_000))),
)


@given(st.lists(STEPS, max_size=12), st.sampled_from(["nil", "undefined"]))
def test_frames_with_references_are_the_same(steps: list[Any], none: Any) -> None:
    options = etf.EncodeOptions(none=none)
    ours, theirs = (
        module.LinkEncoder(header=True, cache=True, fragments=True, options=options)
        for module in (compiled, pure)
    )
    for step in steps:
        assert step(ours) == step(theirs)
    assert ours.frames == theirs.frames


def test_what_is_nested_too_deep_for_it_leaves_without_references() -> None:
    term: Any = A("deep")
    for _ in range(3000):
        term = [term]
    options = etf.EncodeOptions(max_depth=10_000)
    encoder = compiled.LinkEncoder(header=True, cache=True, options=options)
    plain = pure.LinkEncoder(header=True, options=options)
    assert encoder.frame((22, PID), term) == plain.frame((22, PID), term)
    # The atoms of it are as unknown as before.
    fresh = compiled.LinkEncoder(header=True, cache=True, options=options)
    frame = encoder.frame((22, PID), A("deep"))
    assert frame == fresh.frame((22, PID), A("deep"))


@pytest.mark.parametrize("size", [0, 10, 300])
def test_frames_with_references_leave_nothing_behind(size: int) -> None:
    names = [A(f"kept {n}") for n in range(size)]
    one, two = names[: size // 2], names[size // 2 :]

    def run() -> None:
        encoder = compiled.LinkEncoder(header=True, cache=True, fragments=True)
        for message in (one, two, names, [names, object()], [bytes(70_000), names]):
            outcome(encoder.frame, (22, PID), message)
            outcome(encoder.call, (19, REF, one), (22, PID), message)
            encoder.frame_payload((22, PID), bytes(70_000))

    assert blocks_kept(run) < 100
