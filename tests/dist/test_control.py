"""Control operations: the table, and what is wrong with a tuple."""

import pytest

from ergopy.dist import control
from ergopy.dist.control import OPERATIONS, WITH_PAYLOAD, describe, problem

NUMBERS = [*range(1, 9), 12, 13, 16, *range(18, 38)]


def test_every_number_of_the_protocol_is_there_once() -> None:
    assert sorted(OPERATIONS) == NUMBERS
    for number, operation in OPERATIONS.items():
        assert getattr(control, operation.name) == number


def test_a_message_follows_exactly_these() -> None:
    expected = [2, 6, 12, 16, *range(22, 31), 33, 34, 37]
    assert sorted(WITH_PAYLOAD) == expected


@pytest.mark.parametrize("number", NUMBERS)
def test_only_the_right_size_is_accepted(number: int) -> None:
    size = OPERATIONS[number].size
    right = (number, *[0] * (size - 1))
    assert problem(right) is None
    assert problem(right[:-1]) is not None
    grown = problem((*right, 0))
    assert (grown is None) == (number == control.ALTACT_SIG_SEND)


@pytest.mark.parametrize(
    "bad",
    [(), (0,), (9, 1, 2), (38, 1, 2, 3), (-1,), (True, 1, 2), ("x",), (1.0, 1, 2)],
)
def test_an_unknown_operation_is_a_problem(bad: tuple[object, ...]) -> None:
    assert "unknown operation" in str(problem(bad))


@pytest.mark.parametrize(
    ("flags", "extra", "text"),
    [
        (-1, (), "flags"),
        (True, (), "flags"),
        ("x", (), "flags"),
        (4 | 8, (), "at once"),
        (2, (), "token"),
    ],
)
def test_altact_flags_must_make_sense(
    flags: object, extra: tuple[object, ...], text: str
) -> None:
    assert text in str(problem((37, flags, 1, 2, *extra)))


@pytest.mark.parametrize("flags", [0, 1, 4, 5, 9, 17, 20, 21, 2**70])
def test_altact_flags_of_real_nodes_and_unknown_bits_pass(flags: int) -> None:
    assert problem((37, flags, 1, 2)) is None
    assert problem((37, flags | 2, 1, 2, "token")) is None


def test_a_description_names_operation_and_elements() -> None:
    assert describe((6, "pid", "", "rex")) == "REG_SEND from='pid' name='rex'"
    assert describe((35, 7, "a", "b")) == "UNLINK_ID id=7 from='a' to='b'"
    assert describe((5,)) == "NODE_LINK"
    assert describe((37, 0, 1, 2, 3)) == "ALTACT_SIG_SEND flags=0 from=1 to=2 3"


@pytest.mark.parametrize("thing", [None, 1, "x", (), (99,), [1], ((1,),), (True, 1)])
def test_anything_can_be_described(thing: object) -> None:
    assert describe(thing)


def test_a_description_stays_short() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert len(describe((3, "a", "b", "x" * 10**6))) < 300
    assert len(describe((3, "a", "b", deep))) < 300
    assert len(describe((3, *[0] * 10**5))) < 300
