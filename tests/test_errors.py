"""The exceptions: where they are, and what they say of terms that a peer has made."""

from __future__ import annotations

import inspect
import pickle
from typing import Any

import pytest

import ergopy
from ergopy import errors
from ergopy.errors.text import MAX_MESSAGE, shown

CLASSES = [thing for thing in vars(errors).values() if inspect.isclass(thing)]


def nested(depth: int) -> Any:
    term: Any = 1
    for _ in range(depth):
        term = [term]
    return term


DEEP = nested(5000)

OF_TERMS = [
    ergopy.CallExit("dest", DEEP),
    ergopy.CallExit(DEEP, "reason"),
    ergopy.SysError("dest", DEEP),
    ergopy.StartError("what", DEEP),
    ergopy.StartError(DEEP, "reason"),
    ergopy.AlreadyStarted(DEEP, None),  # type: ignore[arg-type]
    ergopy.StartNotSupported(DEEP),
    ergopy.Ignored(DEEP),
    ergopy.SpecError(DEEP),
    ergopy.ChildError("sup", DEEP, DEEP),
    ergopy.ApplicationStartError("app", DEEP),
    ergopy.ApplicationTerminated("app", DEEP, "permanent"),
    ergopy.HandlerError(DEEP, DEEP),
    ergopy.TaskExit("task", DEEP),
    ergopy.RpcError("error", DEEP, [(DEEP, DEEP, DEEP)]),
    ergopy.NameTaken(DEEP, "owner"),
    ergopy.NotRegistered(DEEP),
    ergopy.SessionClosed("Send(int)", DEEP),
    ergopy.EventUnknown(DEEP),
]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_all_of_them_are_of_one_module_and_in_its_tree(cls: type) -> None:
    # That name is in exit reasons, and so on other nodes.
    assert cls.__module__ == "ergopy.errors"
    assert f" {cls.__name__}" in (errors.__doc__ or "")


def test_one_without_arguments_of_its_own_can_be_pickled() -> None:
    copy = pickle.loads(pickle.dumps(ergopy.ErgopyError("what")))
    assert (type(copy), copy.args) == (ergopy.ErgopyError, ("what",))


@pytest.mark.parametrize("error", OF_TERMS, ids=lambda error: type(error).__name__)
def test_a_term_of_any_depth_is_no_obstacle(error: Exception) -> None:
    # Up to Python 3.12 it has no text at all, and later one that has to be cut.
    assert len(str(error)) < 2 * MAX_MESSAGE + 200


def test_a_term_of_any_length_is_cut() -> None:
    assert shown("x" * 100) == repr("x" * 100)
    text = shown(b"x" * 1_000_000)
    assert len(text) < MAX_MESSAGE + 100
    assert text.endswith("(1000003 characters)")


@pytest.mark.parametrize(
    ("stacktrace", "where"),
    [
        ([("m", "f", 2, [])], " in m:f/2"),
        ([("m", "f", [1, 2, 3], [])], " in m:f/3"),
        ([], ""),
        ([("m", "f")], ""),
        ([(1, "f", 2, [])], ""),
        (["nonsense"], ""),
    ],
    ids=str,
)
def test_an_rpc_error_says_where_if_it_was_told(stacktrace: Any, where: str) -> None:
    assert str(ergopy.RpcError("error", "badarg", stacktrace)) == (
        f"error: 'badarg'{where}"
    )
