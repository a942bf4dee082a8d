"""EventManager: its verbs, its messages, and what ``sys`` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ergopy import (
    Atom,
    CallTimeout,
    EventManager,
    HandlerError,
    NoProcess,
    event_manager,
)
from ergopy.gen.event_manager import Remove
from ergopy.process.atoms import SYSTEM
from ergopy.process.calls import call
from ergopy.testing import node_pair
from tests.runtimes import Ends, find, settle, sleeper

from .notes import SEEN, Note, crash

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


async def test_an_event_reaches_all_handlers_the_newest_first(
    runtime: Runtime, manager: Any
) -> None:
    root = runtime.root
    await event_manager.add_handler("events", ("note", 1), 5, caller=root)
    assert await event_manager.which_handlers(manager, caller=root) == [
        ("note", 1),
        "note",
    ]
    SEEN.clear()
    await event_manager.notify(manager, "plain", caller=root)
    await event_manager.sync_notify(
        manager, lambda own: SEEN.append(own.args), caller=root
    )
    assert SEEN[:2] == [("event", "plain")] * 2
    assert [entry for entry in SEEN if not isinstance(entry, tuple)] == [5, None]


async def test_one_handler_is_called(runtime: Runtime, manager: Any) -> None:
    root = runtime.root
    assert await event_manager.call(manager, Note, 7, caller=root) == 7
    assert await event_manager.call(manager, "note", (Atom("error"), 1), caller=root)
    leave = Remove(8)
    assert await event_manager.call(manager, Note, lambda _: leave, caller=root) == 8
    assert SEEN[-1] == ("terminate", "remove_handler")
    with pytest.raises(HandlerError) as caught:
        await event_manager.call(manager, Note, 9, caller=root)
    assert (caught.value.handler, caught.value.reason) == (Note, "bad_module")


async def test_what_a_verb_cannot_do_is_an_error_that_says_why(
    runtime: Runtime, manager: Any
) -> None:
    root = runtime.root
    with pytest.raises(HandlerError) as caught:
        await event_manager.delete_handler(manager, ("note", 7), caller=root)
    assert caught.value.reason == "module_not_found"
    with pytest.raises(HandlerError) as caught:
        await event_manager.add_handler(manager, "unknown", 5, caller=root)
    what: Any = (Atom("unknown"), Atom("init"), [5], [])
    assert caught.value.reason == ("EXIT", ("undef", [what]))
    with pytest.raises(HandlerError) as caught:
        await event_manager.add_handler(manager, Note, crash, caller=root)
    assert caught.value.reason[1][2] == b"wanted"
    with pytest.raises(HandlerError) as caught:
        await event_manager.add_handler(manager, Note, lambda _: "full", caller=root)
    assert caught.value.reason == "full"
    with pytest.raises(HandlerError) as caught:
        await event_manager.swap_handler(
            manager, (("note", 1), 5), (("note", 2), crash), caller=root
        )
    assert caught.value.reason[0] == "EXIT"
    assert await event_manager.which_handlers(manager, caller=root) == ["note"]


async def test_a_name_that_nobody_gave_the_manager_makes_nothing(
    runtime: Runtime,
) -> None:
    root = runtime.root
    manager = await root.start(EventManager)
    names: list[Any] = [
        "tests.gen.event_manager.notes.Note",
        "builtins.object",
        "EventHandler",
        b"note",
        7,
        [],
        (),
        ("note",),
        object,
    ]
    for name in names:
        with pytest.raises(HandlerError, match="undef"):
            await event_manager.add_handler(manager, name, caller=root)
    assert SEEN == []


async def test_the_end_of_the_parent_ends_a_manager(runtime: Runtime) -> None:
    parent = sleeper(runtime)
    pid = await parent.start(EventManager, Note, link=True)
    ends = Ends(find(runtime, pid))
    await runtime.root.exit(parent.pid, "boom")
    await settle()
    assert ends.reasons == ["boom"]
    assert SEEN[-1] == ("terminate", "stop")


async def test_the_old_request_to_stop_is_answered_last(
    runtime: Runtime, manager: Any
) -> None:
    root = runtime.root
    assert await call(root, manager, Atom("stop"), 5, kind=root.pid) == "ok"
    assert SEEN[-1] == ("terminate", "stop")
    assert runtime.find(manager) is None


async def test_a_message_without_a_handler_for_it_is_logged(
    runtime: Runtime, manager: Any, caplog: pytest.LogCaptureFixture
) -> None:
    watcher = sleeper(runtime)
    for message in (
        "what",
        (Atom("notify"), 1, 2),
        [Atom("notify"), 1],
        [1, 2, (Atom("which_handlers"))],
        (1, 2, [Atom("sync_notify"), 3]),
        (1, 2, (Atom("unknown"), 3)),
        (1, 2, (Atom("add_sup_handler"), "note", 1, b"no pid")),
    ):
        caplog.clear()
        await watcher.send(manager, message)
        await settle()
        assert "got an unexpected message" in caplog.text
    assert runtime.find(manager) is not None


async def test_a_malformed_request_harms_nobody(runtime: Runtime, manager: Any) -> None:
    for from_ in (None, (), 1, (1, 2)):
        await runtime.root.send(manager, (1, from_, Atom("which_handlers")))
        await runtime.root.send(manager, (1, from_, (Atom("sync_notify"), 1)))
    await settle()
    assert SEEN[1:] == [("event", 1)] * 4
    assert runtime.find(manager) is not None


async def test_verbs_say_what_is_wrong_with_their_destination(
    runtime: Runtime, manager: Any, autojump_clock: Any
) -> None:
    with pytest.raises(NoProcess):
        await event_manager.which_handlers("nobody", caller=runtime.root)
    await call(runtime.root, manager, Atom("suspend"), 5, kind=SYSTEM)
    with pytest.raises(CallTimeout):
        await event_manager.call(manager, Note, 1, timeout=1, caller=runtime.root)


async def test_sys_shows_the_handlers(runtime: Runtime, manager: Any) -> None:
    watcher = sleeper(runtime)
    await event_manager.add_sup_handler(manager, ("note", 1), 5, caller=watcher)
    _, state = await call(runtime.root, manager, Atom("get_state"), 5, kind=SYSTEM)
    assert state == [("note", 1, {"args": 5}), ("note", False, {"args": None})]
    status = await call(runtime.root, manager, Atom("get_status"), 5, kind=SYSTEM)
    header, (data, items), installed = status[3][4]
    assert header == ("header", "Status for event handler events")
    assert data == "data"
    assert [name for name, _ in items] == ["Status", "Logged Events", "Parent"]
    records = [
        ("handler", "note", 1, {"args": 5}, watcher.pid),
        ("handler", "note", False, {"args": None}, False),
    ]
    assert installed == ("items", ("Installed handlers", records))
    modules = Atom("get_modules")
    root = runtime.root
    assert await call(root, manager, modules, 5, kind=root.pid) == ["note"]


async def test_sys_log_has_the_messages(runtime: Runtime, manager: Any) -> None:
    root = runtime.root
    await call(root, manager, ("debug", ("log", True)), 5, kind=SYSTEM)
    await event_manager.notify(manager, 1, caller=root)
    _, events = await call(
        root, manager, ("debug", ("log", Atom("get"))), 5, kind=SYSTEM
    )
    assert events == [("in", ("notify", 1))]


async def test_an_answer_that_is_no_term_is_an_error_for_who_asked_from_afar(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with node_pair() as (here, there):
        await there.start(EventManager, Note, name="events", handlers={"note": Note})
        dest = ("events", there.name)
        with pytest.raises(HandlerError) as caught:
            await event_manager.call(dest, "note", Atom("odd"), caller=here)
        assert caught.value.reason[1][1] == b"etf._errors.EncodeError"
        assert await event_manager.which_handlers(dest, caller=here) == ["note"]
    assert len(caplog.records) == 1
