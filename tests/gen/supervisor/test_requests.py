"""Requests to a supervisor whose children have ids, and the answers of OTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import etf
from ergopy import Atom, ChildSpec, Stop, Supervisor
from tests.gen.supervisor.kit import CRASH, Kid
from tests.runtimes import find, settle

if TYPE_CHECKING:
    from tests.gen.supervisor.kit import Sup

A, B = Atom("a"), Atom("b")
NOT_FOUND = ("error", "not_found")
UNDEFINED = Atom("undefined")


async def test_which_children_shows_the_youngest_first(sup: Sup) -> None:
    inner = ChildSpec(Supervisor, [], id="inner", modules="dynamic")
    await sup.start(sup.kid("a"), inner)
    first, second = await sup.ask("which_children")
    assert first == ("inner", await sup.child("inner"), "supervisor", "dynamic")
    assert second == ("a", await sup.child("a"), "worker", [f"{Kid.__module__}.Kid"])
    etf.encode([first, second])


async def test_count_children_counts_types_and_who_is_alive(sup: Sup) -> None:
    await sup.start(
        sup.kid("a"),
        sup.kid("b", restart="transient"),
        ChildSpec(Supervisor, [], id="s"),
    )
    await sup.end("b", "normal")
    counts = dict(await sup.ask("count_children"))
    assert counts == {"specs": 3, "active": 2, "supervisors": 1, "workers": 2}


async def test_start_child_takes_a_specification_or_says_what_is_there(
    sup: Sup,
) -> None:
    await sup.start(sup.kid("a"))
    ok, pid = await sup.ask("start_child", sup.kid("b", restart="transient"))
    assert (ok, pid) == ("ok", await sup.child("b"))
    again = await sup.ask("start_child", sup.kid("b"))
    assert again == ("error", ("already_started", pid))
    await sup.end("b", "normal")
    assert await sup.ask("start_child", sup.kid("b")) == ("error", "already_present")


async def test_a_start_child_that_fails_leaves_nothing_and_says_all(sup: Sup) -> None:
    """Nothing is kept, so that the next attempt is not 'already present'."""
    await sup.start()
    for _ in range(2):
        answer = await sup.ask("start_child", sup.kid("b", "stop", shutdown=0.25))
        error, (reason, record) = answer
        assert (error, reason) == ("error", "unfit")
        assert record[:3] == ("child", "undefined", "b")
        assert record[3][:2] == (f"{Kid.__module__}.Kid", "start_link")
        assert record[4:] == (
            "permanent",
            False,
            250,
            "worker",
            [f"{Kid.__module__}.Kid"],
        )
        etf.encode(answer)
    assert await sup.ask("which_children") == []


async def test_a_temporary_that_is_ignored_leaves_its_id_free(sup: Sup) -> None:
    """A peer project's supervisor panicked at the second attempt."""
    await sup.start()
    spec = sup.kid("t", "ignore", restart="temporary")
    for _ in range(2):
        assert await sup.ask("start_child", spec) == ("ok", "undefined")
    assert await sup.ask("which_children") == []
    assert await sup.ask("start_child", sup.kid("p", "ignore")) == ("ok", "undefined")
    assert await sup.names() == {"p": "undefined"}


async def test_terminate_restart_and_delete_child(sup: Sup) -> None:
    await sup.start(sup.kid("a"))
    assert await sup.ask("restart_child", A) == ("error", "running")
    assert await sup.ask("delete_child", A) == ("error", "running")
    assert await sup.ask("terminate_child", A) == "ok"
    assert sup.forget() == [("up", "a"), ("down", "a", "shutdown")]
    assert await sup.ask("terminate_child", A) == "ok"
    assert await sup.names() == {"a": "undefined"}
    ok, pid = await sup.ask("restart_child", A)
    assert (ok, pid) == ("ok", await sup.child("a"))
    await sup.ask("terminate_child", A)
    assert await sup.ask("delete_child", A) == "ok"
    for request in ("terminate_child", "restart_child", "delete_child"):
        assert await sup.ask(request, A) == NOT_FOUND
    assert await sup.ask("get_childspec", A) == NOT_FOUND
    assert await sup.ask("which_child", A) == NOT_FOUND


async def test_a_temporary_child_is_forgotten_when_it_is_terminated(sup: Sup) -> None:
    await sup.start(sup.kid("t", restart="temporary"))
    assert await sup.ask("terminate_child", Atom("t")) == "ok"
    assert await sup.ask("which_children") == []


async def test_restart_child_that_fails_says_why_and_keeps_it(sup: Sup) -> None:
    await sup.start(sup.kid("a", "ok", "stop"))
    await sup.ask("terminate_child", A)
    assert await sup.ask("restart_child", A) == ("error", "unfit")
    assert await sup.names() == {"a": "undefined"}


async def test_get_childspec_is_the_map_with_all_keys(sup: Sup) -> None:
    await sup.start(sup.kid("a", shutdown=0.5, restart="transient"))
    ok, spec = await sup.ask("get_childspec", A)
    module, function, args = spec.pop("start")
    assert ok == "ok"
    assert (module, function) == (f"{Kid.__module__}.Kid", "start_link")
    assert args[1:] == ["a", ("ok",)]
    assert spec == {
        "id": "a",
        "restart": "transient",
        "significant": False,
        "shutdown": 500,
        "type": "worker",
        "modules": [f"{Kid.__module__}.Kid"],
    }


async def test_arguments_of_a_temporary_that_was_added_are_forgotten(
    sup: Sup,
) -> None:
    await sup.start(sup.kid("first", restart="temporary"))
    await sup.ask("start_child", sup.kid("added", restart="temporary"))
    _, first = await sup.ask("get_childspec", Atom("first"))
    _, added = await sup.ask("get_childspec", Atom("added"))
    assert first["start"][2][1] == "first"
    assert added["start"][2] == UNDEFINED


async def test_which_child_is_one_row(sup: Sup) -> None:
    await sup.start(sup.kid("a"))
    ok, row = await sup.ask("which_child", A)
    assert ok == "ok"
    assert [row] == await sup.ask("which_children")


IDS = [1, 1.0, True, Atom("1"), b"1", (1, [2]), [1], {"k": 1}, None, Atom("undefined")]


async def test_ids_are_any_terms_under_the_equality_of_erlang(sup: Sup) -> None:
    await sup.start()
    for identity in IDS:
        spec = ChildSpec(Kid, sup.log, repr(identity), id=identity)
        if identity is None:
            spec = spec.replace(id=Atom("nil"))
        assert (await sup.ask("start_child", spec))[0] == "ok"
    for identity in IDS:
        assert await sup.ask("terminate_child", identity) == "ok"
        assert sup.forget()[-1][1] == repr(identity)
    assert dict(await sup.ask("count_children"))["specs"] == len(IDS)


async def test_an_id_that_is_no_term_is_the_id_of_nobody(sup: Sup) -> None:
    await sup.start(sup.kid("a"))
    for request in ("terminate_child", "restart_child", "delete_child", "which_child"):
        assert await sup.ask(request, object()) == NOT_FOUND


async def test_a_reason_that_is_no_term_is_told_as_text(sup: Sup) -> None:
    class Odd(Kid):
        async def init(self, *_: Any) -> Any:
            return Stop({1, 2})

    await sup.start()
    answer = await sup.ask("start_child", ChildSpec(Odd, id="odd"))
    assert answer[1][0] == "{1, 2}"
    etf.encode(answer)


@pytest.mark.parametrize(
    "request_",
    ["what", ("what", 1), ("start_child",), 7, [], ("delete_child", 1, 2), b"x"],
)
async def test_what_is_no_request_does_not_end_the_supervisor(
    sup: Sup, request_: Any
) -> None:
    await sup.start(sup.kid("a"))
    answer = await sup.root.call(sup.pid, request_, None)
    assert answer == ("error", ("unknown_request", request_))
    assert sup.forget() == [("up", "a")]


async def test_unexpected_messages_are_logged_and_change_nothing(
    sup: Sup, caplog: pytest.LogCaptureFixture
) -> None:
    await sup.start(sup.kid("a"))
    await sup.root.send(sup.pid, b"hello")
    await sup.root.cast(sup.pid, (Atom("try_again_restart"), A))
    await sup.root.cast(sup.pid, (Atom("restart_after_pause"), Atom("nobody")))
    await sup.root.cast(sup.pid, b"hello")
    await settle()
    assert sup.forget() == [("up", "a")]
    assert caplog.text.count("unexpected message") == 2


async def test_count_children_does_not_count_one_that_is_known_to_end(
    sup: Sup,
) -> None:
    await sup.start(sup.kid("a"))
    process = find(sup.runtime, await sup.child("a"))
    process.kill()
    counts = dict(await sup.ask("count_children"))
    assert counts["active"] in (0, 1)
    await sup.end("a", CRASH) if process.alive else await settle()
    assert dict(await sup.ask("count_children"))["active"] == 1
