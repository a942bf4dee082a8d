"""The ``sys`` protocol (protocol 6.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import etf
from ergopy import Atom, GenServer, NoReply
from ergopy.gen.debug import MAX_LOG_LENGTH, Debug
from ergopy.process.atoms import SYSTEM
from ergopy.process.calls import call
from tests.runtimes import Ends, assert_only_the_root, find, mail, settle, sleeper

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


class Point(NamedTuple):
    x: int
    y: Any


class Server(GenServer):
    async def init(self) -> None:
        self.log: list[Any] = []

    async def handle_call(self, request: Any, from_: Any) -> Any:
        self.log.append(request)
        return request

    async def handle_cast(self, request: Any) -> Any:
        self.log.append(request)
        return request if isinstance(request, NoReply) else None

    async def handle_info(self, message: Any) -> None:
        self.log.append(message)


async def ask(runtime: Runtime, dest: Any, request: Any, timeout: float = 5) -> Any:
    return await call(runtime.root, dest, request, timeout, kind=SYSTEM)


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ("suspend", "ok"),
        ("resume", "ok"),
        (("debug", ("trace", True)), "ok"),
        (("debug", ("trace", False)), "ok"),
        (("debug", ("log", True)), "ok"),
        (("debug", ("log", (True, 10))), "ok"),
        (("debug", ("log", Atom("get"))), ("ok", [])),
        (("debug", ("log", Atom("print"))), "ok"),
        (("debug", ("log_to_file", False)), "ok"),
        (("debug", ("log_to_file", b"f")), ("error", "open_file")),
        (("debug", Atom("no_debug")), "ok"),
        (("debug", ("remove", 1)), "ok"),
        (("debug", ("statistics", Atom("get"))), ("ok", "no_statistics")),
        (("debug", ("statistics", True)), "ok"),
        (("debug", ("what", 1)), ("error", ("unknown_debug", ("what", 1)))),
        (("replace_state", 1), ("error", "a_beam_fun_cannot_run_here")),
        (("what", 1), ("error", ("unknown_system_msg", ("what", 1)))),
        (Atom("what"), ("error", ("unknown_system_msg", "what"))),
        (
            ("change_code", Atom("m"), 1, 2),
            ("error", ("unknown_system_msg", ("change_code", "m", 1, 2))),
        ),
    ],
)
async def test_every_request_has_its_answer(
    runtime: Runtime, request_: Any, answer: Any
) -> None:
    pid = await runtime.root.start(Server)
    assert await ask(runtime, pid, request_) == answer
    assert find(runtime, pid).alive


async def test_get_state_shows_the_attributes_as_a_map(runtime: Runtime) -> None:
    class Shows(GenServer):
        async def init(self) -> None:
            self.count = 1
            self.names = {"a": [1, (2, object)]}
            self.point = Point(1, object)
            self._hidden = 2

    pid = await runtime.root.start(Shows)
    ok, state = await ask(runtime, pid, Atom("get_state"))
    assert ok == "ok"
    assert state == {
        "count": 1,
        "names": {"a": [1, (2, repr(object))]},
        "point": (1, repr(object)),
    }
    assert all(type(key) is Atom for key in state)
    etf.encode(state)


async def test_a_state_with_two_keys_that_are_one_term_is_shown_as_text(
    runtime: Runtime,
) -> None:
    class Twice(GenServer):
        async def init(self) -> None:
            self.settings = {True: 1, Atom("true"): 2}
            self.other = 3

    pid = await runtime.root.start(Twice)
    ok, state = await ask(runtime, pid, Atom("get_state"))
    assert ok == "ok"
    assert state == {"settings": "{True: 1, Atom('true'): 2}", "other": 3}
    etf.encode(state)


async def test_get_status_shows_as_text_what_is_no_term_in_the_dictionary(
    runtime: Runtime,
) -> None:
    class Keeps(GenServer):
        async def init(self) -> None:
            self.dictionary["kept"] = object

    pid = await runtime.root.start(Keeps)
    _, _, _, (dictionary, *_) = await ask(runtime, pid, Atom("get_status"))
    assert ("kept", repr(object)) in dictionary
    etf.encode(dictionary)


async def test_a_server_may_say_itself_what_its_state_is(runtime: Runtime) -> None:
    class Says(GenServer):
        def format_state(self) -> Any:
            return (Atom("state"), 1)

    pid = await runtime.root.start(Says)
    assert await ask(runtime, pid, Atom("get_state")) == ("ok", ("state", 1))


@pytest.mark.parametrize(
    ("release", "answer"), [(25, 1), (26, ("ok", 1)), (28, ("ok", 1))]
)
async def test_an_old_release_gets_the_bare_state(
    runtime: Runtime, release: int, answer: Any
) -> None:
    class Says(GenServer):
        def format_state(self) -> Any:
            return 1

    async def release_of(node: str) -> int:
        assert node == runtime.name
        return release

    runtime.release_of = release_of
    pid = await runtime.root.start(Says)
    assert await ask(runtime, pid, Atom("get_state")) == answer


async def test_a_mistake_in_showing_the_state_does_not_end_the_server(
    runtime: Runtime,
) -> None:
    class Broken(GenServer):
        def format_state(self) -> Any:
            raise ValueError("no view")

    pid = await runtime.root.start(Broken)
    kind, text = await ask(runtime, pid, Atom("get_state"))
    assert (kind, text) == ("error", "ValueError('no view')")
    assert (await ask(runtime, pid, Atom("get_status")))[0] == "status"
    assert find(runtime, pid).alive


async def test_get_status_has_the_shape_of_a_gen_server(runtime: Runtime) -> None:
    parent = sleeper(runtime)
    pid = await parent.start(Server, name="shown", link=True)
    match await ask(runtime, pid, Atom("get_status")):
        case (
            "status",
            who,
            ("module", module),
            [dictionary, "running", leader, [], [header, data, state]],
        ):
            assert (who, leader) == (pid, parent.pid)
            assert module.endswith("Server")
            assert [key for key, _ in dictionary] == ["$ancestors", "$initial_call"]
            assert header == ("header", "Status for generic server shown")
            assert data[1][0] == ("Status", "running")
            assert state == ("data", [("State", {"log": []})])
        case other:
            pytest.fail(f"not the shape: {other!r}")


async def test_a_suspended_server_serves_system_messages_only(runtime: Runtime) -> None:
    server = find(runtime, await runtime.root.start(Server))
    assert await ask(runtime, server.pid, Atom("suspend")) == "ok"
    await runtime.root.cast(server.pid, 1)
    await runtime.root.send(server.pid, 2)
    status = await ask(runtime, server.pid, Atom("get_status"))
    assert status[3][1] == "suspended"
    assert (await ask(runtime, server.pid, Atom("get_state")))[1]["log"] == []
    assert len(mail(server)) == 2
    await runtime.root.cast(server.pid, 3)
    assert await ask(runtime, server.pid, Atom("resume")) == "ok"
    assert await runtime.root.call(server.pid, 4) == 4
    _, state = await ask(runtime, server.pid, Atom("get_state"))
    assert state["log"] == [1, 2, 3, 4]


async def test_a_suspended_server_can_be_stopped_and_killed(runtime: Runtime) -> None:
    for how in ("stop", "kill", "parent"):
        parent = sleeper(runtime)
        pid = await parent.start(Server, link=True)
        server = find(runtime, pid)
        server.trap_exit = True
        ends = Ends(server)
        await ask(runtime, pid, Atom("suspend"))
        if how == "stop":
            await runtime.root.stop(pid, "shutdown")
        elif how == "kill":
            await runtime.root.exit(pid, "kill")
        else:
            await parent.exit(pid, "shutdown")
        await settle()
        assert ends.reasons == ["killed" if how == "kill" else "shutdown"]
        await runtime.root.exit(parent.pid, "kill")
    await settle()
    assert_only_the_root(runtime)


async def test_an_exit_of_another_waits_until_a_suspended_server_resumes(
    runtime: Runtime,
) -> None:
    server = find(runtime, await runtime.root.start(Server))
    server.trap_exit = True
    other = sleeper(runtime)
    await ask(runtime, server.pid, Atom("suspend"))
    await other.exit(server.pid, "boom")
    await settle()
    assert server.alive
    assert len(mail(server)) == 1
    await ask(runtime, server.pid, Atom("resume"))
    await settle()
    assert mail(server) == []
    assert server.alive


@pytest.mark.parametrize("reason", [Atom("normal"), None, (Atom("shutdown"), 1)])
async def test_terminate_is_answered_and_then_done(
    runtime: Runtime, reason: Any
) -> None:
    server = find(runtime, await runtime.root.start(Server))
    ends = Ends(server)
    assert await ask(runtime, server.pid, (Atom("terminate"), reason)) == "ok"
    await settle()
    assert ends.reasons == [reason]


async def test_statistics_count_messages(runtime: Runtime) -> None:
    pid = await runtime.root.start(Server)
    await ask(runtime, pid, ("debug", ("statistics", True)))
    await runtime.root.call(pid, 1)
    await runtime.root.cast(pid, 1)
    await runtime.root.send(pid, 1)
    _, report = await ask(runtime, pid, ("debug", ("statistics", Atom("get"))))
    found = dict(report)
    assert found["messages_in"] == 3
    assert found.keys() == {
        "start_time",
        "current_time",
        "reductions",
        "messages_in",
        "messages_out",
    }
    await ask(runtime, pid, ("debug", ("statistics", False)))
    answer = await ask(runtime, pid, ("debug", ("statistics", Atom("get"))))
    assert answer == ("ok", "no_statistics")


async def test_a_log_keeps_the_last_events(runtime: Runtime) -> None:
    pid = await runtime.root.start(Server)
    await runtime.root.call(pid, 0)
    assert await ask(runtime, pid, ("debug", ("log", (True, 3)))) == "ok"
    for number in (1, 2):
        await runtime.root.call(pid, number)
    await runtime.root.cast(pid, object)
    await settle()
    ok, events = await ask(runtime, pid, ("debug", ("log", Atom("get"))))
    assert ok == "ok"
    got, sent, cast = events
    assert (got[0], got[1][0], got[1][2]) == ("in", "$gen_call", 2)
    assert sent == ("out", 2, runtime.root.pid)
    assert cast == ("in", ("$gen_cast", repr(object)))
    etf.encode(events)
    status = await ask(runtime, pid, Atom("get_status"))
    assert (etf.Charlist("Logged events"), events) in status[3][4][1][1]
    assert await ask(runtime, pid, ("debug", ("log", False))) == "ok"
    await runtime.root.call(pid, 3)
    assert await ask(runtime, pid, ("debug", ("log", Atom("get")))) == ("ok", [])


async def test_a_trace_is_logged_event_by_event(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "ergopy.gen")
    pid = await runtime.root.start(Server, name="traced")
    assert await ask(runtime, pid, ("debug", ("trace", True))) == "ok"
    await runtime.root.call(pid, "hello")
    assert await ask(runtime, pid, ("debug", ("trace", False))) == "ok"
    await runtime.root.call(pid, "not seen")
    got, sent = [record.getMessage() for record in caplog.records]
    assert got.startswith("*DBG* traced (Atom('in'), (Atom('$gen_call')")
    assert sent.startswith("*DBG* traced (Atom('out'), 'hello'")


async def test_the_length_of_a_log_has_a_limit(runtime: Runtime) -> None:
    pid = await runtime.root.start(Server)
    debug = Debug(find(runtime, pid))
    debug.log(1 << 40)
    for number in range(MAX_LOG_LENGTH + 1):
        debug.took(number)
    assert len(debug.events()) == MAX_LOG_LENGTH
    answer = await ask(runtime, pid, ("debug", ("log", (True, 0))))
    assert answer[0] == "error"


async def test_code_is_changed_while_suspended(runtime: Runtime) -> None:
    class Changes(Server):
        async def code_change(self, vsn: Any, extra: Any) -> None:
            if extra == "bad":
                raise ValueError("will not")
            self.log.append((vsn, extra))

    for kind, answers in ((Server, ["ok"]), (Changes, ["ok", "error"])):
        pid = await runtime.root.start(kind)
        await ask(runtime, pid, Atom("suspend"))
        for answer, extra in zip(answers, ("good", "bad"), strict=False):
            request = (Atom("change_code"), Atom("m"), 1, extra)
            got = await ask(runtime, pid, request)
            assert (got[0] if isinstance(got, tuple) else got) == answer
        await ask(runtime, pid, Atom("resume"))
        assert find(runtime, pid).alive


async def test_a_malformed_system_message_harms_nobody(runtime: Runtime) -> None:
    pid = await runtime.root.start(Server)
    for from_ in (None, (), 1, (1, 2)):
        await runtime.root.send(pid, (SYSTEM, from_, Atom("get_state")))
        await runtime.root.send(pid, (SYSTEM, from_, Atom("get_status")))
        await settle()
    assert await runtime.root.call(pid, 1) == 1
