"""EventManager: its verbs, the ends of handlers, and what ``sys`` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ergopy import (
    Atom,
    CallTimeout,
    EventHandler,
    EventManager,
    Exit,
    HandlerError,
    NoProcess,
    StartError,
    event_manager,
)
from ergopy.gen.event_manager import REMOVE, Remove, Swap
from ergopy.process.atoms import SYSTEM
from ergopy.process.calls import call
from tests.runtimes import Ends, find, mail, settle, sleeper

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime

SEEN: list[Any] = []


@pytest.fixture(autouse=True)
def _empty() -> None:
    SEEN.clear()


class Note(EventHandler):
    """Notes all that it gets; an event that is callable is what it does."""

    async def init(self, args: Any) -> Any:
        SEEN.append(("init", args))
        self.args = args
        wanted = args[0] if isinstance(args, tuple) else args
        return wanted(self) if callable(wanted) else None

    async def handle_event(self, event: Any) -> Any:
        SEEN.append(("event", event))
        return event(self) if callable(event) else None

    async def handle_call(self, request: Any) -> Any:
        SEEN.append(("call", request))
        return request(self) if callable(request) else request

    async def terminate(self, args: Any) -> Any:
        SEEN.append(("terminate", args))
        return args(self) if callable(args) else (Atom("left"), args)


class Other(Note):
    pass


@pytest.fixture
async def manager(runtime: Runtime) -> Any:
    return await runtime.root.start(
        EventManager, Note, name="events", handlers={"note": Note, "other": Other}
    )


def crash(_: Any) -> Any:
    raise ValueError("wanted")


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
        "tests.gen.event_manager.test_manager.Note",
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
        "tests.gen.event_manager.test_manager.Note"
    ]
    await event_manager.delete_handler(pid, Note, caller=root)


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
