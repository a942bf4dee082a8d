"""Handlers: how they begin and end, and who hears of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import (
    Atom,
    EventHandler,
    EventManager,
    Exit,
    HandlerError,
    StartError,
    event_manager,
)
from ergopy.gen.event_manager import REMOVE, Remove, Swap
from tests.runtimes import Ends, find, mail, settle, sleeper

from .notes import SEEN, Note, Other, crash

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


async def test_a_handler_that_crashes_is_removed_and_reported_once(
    runtime: Runtime, manager: Any, caplog: pytest.LogCaptureFixture
) -> None:
    root = runtime.root
    await event_manager.add_handler(manager, Other, caller=root)
    await event_manager.sync_notify(
        manager, lambda own: crash(own) if type(own) is Note else None, caller=root
    )
    assert await event_manager.which_handlers(manager, caller=root) == ["other"]
    (record,) = caplog.records
    assert "event handler note of events crashed: ValueError: wanted" in record.message
    assert record.report == "handler_report"  # type: ignore[attr-defined]
    assert record.handler == "note"  # type: ignore[attr-defined]
    kind, args = SEEN[-1]
    assert (kind, args[0], args[1][0]) == ("terminate", "error", "EXIT")
    assert runtime.find(manager) is not None


async def test_a_call_of_a_handler_that_crashes_is_answered(
    runtime: Runtime, manager: Any
) -> None:
    with pytest.raises(HandlerError) as caught:
        await event_manager.call(manager, Note, crash, caller=runtime.root)
    kind, (python, *_) = caught.value.reason
    assert (kind, python) == ("EXIT", "python")
    assert await event_manager.which_handlers(manager, caller=runtime.root) == []


async def test_a_handler_that_fails_in_terminate_is_gone_all_the_same(
    runtime: Runtime, manager: Any, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await event_manager.delete_handler(
        manager, Note, crash, caller=runtime.root
    )
    assert answer[0] == "EXIT"
    assert len(caplog.records) == 1
    assert await event_manager.which_handlers(manager, caller=runtime.root) == []


async def test_a_handler_leaves_or_gives_its_place_to_another(
    runtime: Runtime, manager: Any
) -> None:
    root = runtime.root
    await event_manager.add_handler(manager, ("note", 1), caller=root)
    await event_manager.sync_notify(
        manager,
        lambda own: Swap(Other, 5, leaving=6) if own.args is None else REMOVE,
        caller=root,
    )
    assert await event_manager.which_handlers(manager, caller=root) == ["other"] * 2
    assert SEEN[-1] == ("init", (5, ("left", 6)))


async def test_a_supervised_handler_is_told_about_and_ends_with_its_supervisor(
    runtime: Runtime, manager: Any
) -> None:
    root, watcher = runtime.root, sleeper(runtime, trap=True)
    for number in range(4):
        await event_manager.add_sup_handler(manager, ("note", number), caller=watcher)
    await event_manager.delete_handler(manager, ("note", 0), caller=root)
    with pytest.raises(HandlerError):
        await event_manager.call(manager, ("note", 1), crash, caller=root)
    swap = (("note", 2), 1), (("other", 2), 1)
    await event_manager.swap_handler(manager, *swap, caller=root)
    await settle()
    normal, crashed, swapped = mail(watcher)
    assert normal == ("gen_event_EXIT", ("note", 0), "normal")
    assert crashed[:2] == ("gen_event_EXIT", ("note", 1))
    assert crashed[2][0] == "EXIT"
    reason = ("swapped", ("other", 2), watcher.pid)
    assert swapped == ("gen_event_EXIT", ("note", 2), reason)
    await root.exit(watcher.pid, "kill")
    await settle()
    assert await event_manager.which_handlers(manager, caller=root) == ["note"]
    assert ("terminate", ("stop", "killed")) in SEEN


async def test_the_end_of_a_manager_ends_its_handlers_and_no_supervisor_of_them(
    runtime: Runtime, manager: Any
) -> None:
    watcher = sleeper(runtime)
    await event_manager.add_sup_handler(manager, Other, caller=watcher)
    await runtime.root.stop(manager)
    await settle()
    assert [entry for entry in SEEN if entry[0] == "terminate"] == [
        ("terminate", "stop")
    ] * 2
    assert mail(watcher) == [("gen_event_EXIT", "other", "shutdown")]
    assert watcher.alive
    assert watcher.links == {}


async def test_handlers_of_the_start_get_their_arguments_or_there_is_no_start(
    runtime: Runtime,
) -> None:
    await runtime.root.start(EventManager, (Note, 1), ((Note, "id"), 2))
    assert SEEN == [("init", 1), ("init", 2)]
    with pytest.raises(StartError, match="wanted"):
        await runtime.root.start(EventManager, Note, (Note, crash))


async def test_there_are_only_so_many_handlers(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EventManager, "max_handlers", 2)
    pid = await runtime.root.start(EventManager, Note, Note)
    with pytest.raises(HandlerError) as caught:
        await event_manager.add_handler(pid, Note, caller=runtime.root)
    assert caught.value.reason == "system_limit"
    assert len(SEEN) == 2


async def test_a_class_that_was_not_named_goes_by_where_it_is_defined(
    runtime: Runtime,
) -> None:
    root = runtime.root
    pid = await root.start(EventManager, Note)
    assert await event_manager.which_handlers(pid, caller=root) == [
        "tests.gen.event_manager.notes.Note"
    ]
    await event_manager.delete_handler(pid, Note, caller=root)


async def test_an_exit_raised_by_a_handler_is_its_own(
    runtime: Runtime, manager: Any
) -> None:
    def leave(_: Any) -> Any:
        raise Exit("enough")

    await event_manager.sync_notify(manager, leave, caller=runtime.root)
    assert SEEN[-1] == ("terminate", ("error", ("EXIT", "enough")))
    assert runtime.find(manager) is not None


def test_callbacks_of_a_handler_are_async() -> None:
    with pytest.raises(TypeError, match="async def"):

        class Plain(EventHandler):
            def handle_event(self, event: Any) -> Any:
                return None


async def test_a_handler_answers_calls_and_events_only_if_it_says_how(
    runtime: Runtime,
) -> None:
    root = runtime.root
    pid = await root.start(EventManager, EventHandler, (EventHandler, "x"))
    with pytest.raises(HandlerError) as caught:
        await event_manager.call(pid, EventHandler, 1, caller=root)
    assert caught.value.reason[1][1] == b"builtins.NotImplementedError"
    await event_manager.sync_notify(pid, 1, caller=root)
    assert await event_manager.which_handlers(pid, caller=root) == []


async def test_the_one_who_swaps_supervises_the_new_handler(
    runtime: Runtime, manager: Any
) -> None:
    root, watcher = runtime.root, sleeper(runtime)
    await event_manager.swap_sup_handler(manager, (Note, 1), (Other, 2), caller=watcher)
    assert SEEN[-1] == ("init", (2, ("left", 1)))
    await root.exit(watcher.pid, "kill")
    await settle()
    assert await event_manager.which_handlers(manager, caller=root) == []


async def test_a_manager_is_killed_while_a_handler_waits(runtime: Runtime) -> None:
    class Waits(EventHandler):
        async def handle_event(self, event: Any) -> None:
            await trio.sleep_forever()

    pid = await runtime.root.start(EventManager, Waits)
    ends = Ends(find(runtime, pid))
    await event_manager.notify(pid, 1, caller=runtime.root)
    await settle()
    await runtime.root.exit(pid, "kill")
    await settle()
    assert ends.reasons == ["killed"]


def test_what_handlers_return_shows_what_it_is() -> None:
    assert repr(Remove(1)) == "Remove(1)"
    assert repr(Swap(Atom("m"), 2, leaving=3)) == "Swap(Atom('m'), 2, leaving=3)"


async def test_a_class_that_cannot_be_made_or_called_is_the_fault_of_no_manager(
    runtime: Runtime, manager: Any
) -> None:
    class Wants(Note):
        def __init__(self, something: Any) -> None:
            raise AssertionError

    class Narrow(Note):
        async def handle_event(self) -> None:  # type: ignore[override]
            raise AssertionError

    root = runtime.root
    with pytest.raises(HandlerError, match="something"):
        await event_manager.add_handler(manager, Wants, caller=root)
    await event_manager.add_handler(manager, Narrow, caller=root)
    await event_manager.sync_notify(manager, 1, caller=root)
    assert await event_manager.which_handlers(manager, caller=root) == ["note"]


async def test_a_follower_that_does_not_begin_is_logged_with_its_reason(
    runtime: Runtime, manager: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await event_manager.sync_notify(
        manager, lambda _: Swap(Other, crash), caller=runtime.root
    )
    (record,) = caplog.records
    assert "event handler other of events crashed" in record.message
    assert "wanted" in record.message
    names = await event_manager.which_handlers(manager, caller=runtime.root)
    assert names == []
