"""What unfinished messages hold, and that it is given back."""

import pytest

from ergopy.dist.fragments import Assembled, Fragments
from ergopy.dist.limits import LinkLimits
from ergopy.errors import RemoteProtocolError

CONTROL = (22, "from", "to")


def test_only_unfinished_messages_hold_memory() -> None:
    fragments = Fragments(LinkLimits())
    assert fragments.first(1, 3, CONTROL, (), b"abc", 0) is None
    assert fragments.first(2, 2, CONTROL, (), b"xy", 100) is None
    assert (len(fragments), fragments.held) == (2, 105)
    assert fragments.following(1, 2, b"de") is None
    assert fragments.held == 107
    assert fragments.following(1, 1, b"f") == Assembled(CONTROL, (), b"abcdef")
    assert (len(fragments), fragments.held) == (1, 102)
    assert fragments.following(2, 1, b"z") == Assembled(CONTROL, (), b"xyz")
    assert (len(fragments), fragments.held) == (0, 0)


def test_a_message_in_one_fragment_holds_nothing() -> None:
    fragments = Fragments(LinkLimits(max_fragments_bytes=0))
    fragments.check_first(1, 1)
    whole = fragments.first(1, 1, CONTROL, (), b"abc", 0)
    assert whole == Assembled(CONTROL, (), b"abc")
    assert (len(fragments), fragments.held) == (0, 0)


@pytest.mark.parametrize("count", [0, 5, 2**64 - 1])
def test_the_announced_count_is_limited(count: int) -> None:
    fragments = Fragments(LinkLimits(max_fragments=4))
    with pytest.raises(RemoteProtocolError, match=str(count)):
        fragments.check_first(1, count)


def test_one_fragment_needs_no_free_sequence() -> None:
    fragments = Fragments(LinkLimits(max_sequences=0))
    fragments.check_first(1, 1)
    with pytest.raises(RemoteProtocolError, match="at a time"):
        fragments.check_first(1, 2)


def test_a_message_may_take_its_time_as_long_as_it_goes_on() -> None:
    fragments = Fragments(LinkLimits(max_fragment_pause=10))
    fragments.first(1, 100, CONTROL, (), b"a", 0)
    for number in range(99, 1, -1):
        fragments.grow_older(9)
        fragments.following(1, number, b"b")
    fragments.grow_older(9)
    with pytest.raises(RemoteProtocolError, match="sequence 1 for 10 s"):
        fragments.grow_older(1)


def test_what_is_forgotten_holds_nothing() -> None:
    fragments = Fragments(LinkLimits(max_fragment_pause=10))
    fragments.first(1, 3, CONTROL, (), b"abc", 0)
    fragments.clear()
    assert (len(fragments), fragments.held) == (0, 0)
    fragments.grow_older(100)
