"""The programs that ``erpc`` of a BEAM spawns here (protocol 6.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import Atom, Exit
from ergopy.errors import Throw
from ergopy.services import erpc
from tests.runtimes import Ends, settle

if TYPE_CHECKING:
    from tests.services.conftest import LoneNode

M = Atom("m")
RESULT = Atom("the reference of the asker")


@pytest.fixture
async def served(node: LoneNode) -> LoneNode:
    async def slow(value: Any) -> Any:
        await trio.lowlevel.checkpoint()
        return value

    def raises(error: str) -> None:
        raise {"value": ValueError("bad"), "throw": Throw(1), "exit": Exit("e")}[error]

    node.exports.export(
        "m", {"slow": slow, "raises": raises, "unsendable": object, "nan": float}
    )
    await erpc.start(node)  # type: ignore[arg-type]
    return node


async def reason_of(node: LoneNode, program: str, *args: Any) -> Any:
    run = node.exports.programs["erpc", program]
    ends = Ends(node.runtime.spawn(run, args))
    await settle()
    [reason] = ends.reasons
    return reason


def mfa(function: str, *args: Any) -> tuple[Any, ...]:
    return (M, Atom(function), list(args))


@pytest.mark.parametrize("value", [1, b"x", None, True, Atom("a"), [1, (2.5,)], {}])
async def test_the_exit_reason_is_the_value(served: LoneNode, value: Any) -> None:
    reason = await reason_of(served, "execute_call", RESULT, *mfa("slow", value))
    assert reason == (RESULT, Atom("return"), value)


@pytest.mark.parametrize(
    ("error", "rest"), [("throw", ("throw", 1)), ("exit", ("exit", "e"))]
)
async def test_the_exit_reason_says_how_the_function_ended(
    served: LoneNode, error: str, rest: tuple[Any, ...]
) -> None:
    reason = await reason_of(served, "execute_call", RESULT, *mfa("raises", error))
    assert reason == (RESULT, *rest)


async def test_an_exception_has_its_term_and_a_stack_and_is_not_logged(
    served: LoneNode, caplog: pytest.LogCaptureFixture
) -> None:
    reason = await reason_of(served, "execute_call", RESULT, *mfa("raises", "value"))
    result, kind, (python, name, text, _), stack = reason
    assert (result, kind, python) == (RESULT, "error", "python")
    assert (name, text) == (b"builtins.ValueError", b"bad")
    assert stack == [(M, Atom("raises"), 1, [])]
    assert caplog.records == []


@pytest.mark.parametrize("function", ["nothing", "slow"])
async def test_what_is_not_exported_is_undef(served: LoneNode, function: str) -> None:
    reason = await reason_of(served, "execute_call", RESULT, *mfa(function))
    stack = [(M, Atom(function), [], [])]
    assert reason == (RESULT, Atom("error"), Atom("undef"), stack)


async def test_arguments_that_are_no_list_are_badarg(served: LoneNode) -> None:
    reason = await reason_of(served, "execute_call", RESULT, M, Atom("slow"), 1)
    assert reason[:3] == (RESULT, Atom("error"), Atom("badarg"))


async def test_a_value_that_cannot_be_sent_is_an_error(served: LoneNode) -> None:
    for call in (mfa("unsendable"), mfa("nan", "nan")):
        reason = await reason_of(served, "execute_call", RESULT, *call)
        assert reason[:2] == (RESULT, Atom("error"))
        assert reason[2][1].endswith(b"EncodeError")


async def test_the_form_without_a_result_ends_normally(served: LoneNode) -> None:
    assert await reason_of(served, "execute_call", *mfa("slow", 1)) == "normal"


async def test_a_cast_ends_normally_and_logs_a_failure(
    served: LoneNode, caplog: pytest.LogCaptureFixture
) -> None:
    assert await reason_of(served, "execute_cast", *mfa("slow", 1)) == "normal"
    assert caplog.records == []
    assert await reason_of(served, "execute_cast", *mfa("raises", "value")) == "normal"
    assert await reason_of(served, "execute_cast", 1) == "normal"
    assert "erpc cast of m:raises failed" in caplog.text
