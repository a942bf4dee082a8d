"""What other nodes ask a registry: GenRegistry's tuples, and those of a supervisor."""

from __future__ import annotations

from typing import Any

import pytest
import trio

import ergopy
import etf
from ergopy import Atom, ChildSpec, Registry, RemoteRegistry, Supervisor, Via
from ergopy.gen.registry import requests
from tests.gen.registry.kit import (
    Worker,
    begin,
    begin_starting,
    is_alive,
    pids,
    stuck,
)
from tests.runtimes import Ends, find, inside, settle

OK, ERROR = Atom("ok"), Atom("error")
NOT_FOUND = (ERROR, Atom("not_found"))


def a(*request: Any) -> Any:
    """Write a request whose first element is an atom."""
    return (Atom(request[0]), *request[1:])


async def test_lookup_or_start_and_lookup(runtime) -> None:
    registry = await begin_starting(runtime)
    ask = runtime.root.call
    assert await ask("reg", a("lookup", b"bob")) == NOT_FOUND
    ok, pid = await ask("reg", a("lookup_or_start", b"bob", [1, 2]))
    assert (ok, registry.lookup("bob")) == ("ok", pid)
    assert await ask(pid, "args") == (1, 2)
    assert await ask("reg", a("lookup_or_start", b"bob", [])) == (OK, pid)
    assert await ask("reg", a("lookup", b"bob")) == (OK, pid)
    assert await ask("reg", a("lookup", Atom("bob"))) == NOT_FOUND


async def test_start_says_who_is_there_already(runtime) -> None:
    registry = await begin_starting(runtime)
    _, pid = await runtime.root.call("reg", a("start", 1, []))
    taken = (ERROR, (Atom("already_started"), pid))
    assert await runtime.root.call("reg", a("start", 1, [])) == taken
    assert registry.lookup(1) == pid


async def test_callers_of_one_start_have_the_answers_of_one_start(
    runtime, autojump_clock
) -> None:
    await begin_starting(runtime)
    answers: dict[int, Any] = {}

    async def ask(place: int, verb: str) -> None:
        request = a(verb, 1, [(Atom("sleep"), 1)])
        answers[place] = await runtime.root.call("reg", request)

    async with trio.open_nursery() as nursery:
        for place, verb in enumerate(("start", "start", "lookup_or_start")):
            nursery.start_soon(ask, place, verb)
            await settle()
    pid = answers[0][1]
    assert answers[0] == (OK, pid)
    assert answers[1] == (ERROR, (Atom("already_started"), pid))
    assert answers[2] == (OK, pid)


@pytest.mark.parametrize(
    ("how", "answer"),
    [("stop", (ERROR, "wanted")), ("ignore", "ignore"), ("raise", "python")],
)
async def test_a_start_that_fails_is_answered(runtime, how: str, answer: Any) -> None:
    registry = await begin_starting(runtime)
    found = await runtime.root.call("reg", a("start", 1, [how]))
    if answer == "python":
        error, (kind, *_) = found
        assert (error, kind) == (ERROR, "python")
    else:
        assert found == answer
    assert len(registry) == 0


async def test_a_peer_starts_only_what_the_program_provides(runtime) -> None:
    await begin(runtime)
    no = (ERROR, Atom("start_not_supported"))
    assert await runtime.root.call("reg", a("start", 1, [])) == no
    assert await runtime.root.call("reg", a("lookup_or_start", 1, [])) == no


async def test_a_peer_cannot_fill_the_memory(runtime) -> None:
    registry = await begin_starting(runtime, max_entries=2, max_key_size=100)
    ask = runtime.root.call
    for key in range(2):
        await ask("reg", a("start", key, []))
    full = (ERROR, (Atom("registry_full"), 2))
    assert await ask("reg", a("start", 3, [])) == full
    assert await ask("reg", a("register", 3, 1)) == full
    large = (ERROR, (Atom("key_too_large"), 100))
    assert await ask("reg", a("lookup", b"x" * 101)) == large
    assert await ask("reg", a("lookup_or_start", [0] * 101, [])) == large
    deep: Any = 1
    for _ in range(2000):
        deep = (deep,)
    assert await ask("reg", a("lookup", deep)) == large
    assert len(registry) == 2


async def test_stop_answers_when_the_process_has_ended(runtime) -> None:
    registry = await begin_starting(runtime)
    pid = await registry.start(1, "trap")
    assert await runtime.root.call("reg", a("stop", 1)) == OK
    assert not is_alive(runtime, pid)
    assert await runtime.root.call("reg", a("stop", 1)) == NOT_FOUND


async def test_stop_kills_before_the_caller_gives_up(runtime, autojump_clock) -> None:
    registry = await begin(runtime, start=stuck)
    pid = await registry.start(1)
    await settle()
    assert await runtime.root.call("reg", a("stop", 1)) == OK
    assert not is_alive(runtime, pid)


async def test_stop_without_a_kill_says_that_it_took_too_long(
    runtime, autojump_clock
) -> None:
    registry = await begin(runtime, start=stuck)
    pid = await registry.start(1)
    await settle()
    request = a("stop", 1, [a("kill", False), a("timeout", 100)])
    timeout = (ERROR, Atom("timeout"))
    assert await runtime.root.call("reg", request) == timeout
    assert is_alive(runtime, pid)


@pytest.mark.parametrize(
    ("options", "answer", "reasons"),
    [
        ([a("reason", Atom("why"))], OK, ["why"]),
        ([a("reason", Atom("kill"))], OK, ["killed"]),
        ([a("wait", False)], OK, ["shutdown"]),
        ([a("timeout", 100)], OK, ["shutdown"]),
        ([a("timeout", Atom("infinity"))], OK, ["shutdown"]),
        ([a("timeout", -1)], (ERROR, Atom("badarg")), []),
        ([a("other", 1)], (ERROR, Atom("badarg")), []),
        ([Atom("kill")], (ERROR, Atom("badarg")), []),
    ],
)
async def test_stop_takes_options(
    runtime, options: Any, answer: Any, reasons: Any
) -> None:
    registry = await begin_starting(runtime)
    ends = Ends(find(runtime, await registry.start(1)))
    assert await runtime.root.call("reg", a("stop", 1, options)) == answer
    await settle()
    assert ends.reasons == reasons


async def test_remove_count_and_lists(runtime) -> None:
    registry = await begin_starting(runtime)
    ask = runtime.root.call
    started = [await registry.start(key) for key in range(5)]
    assert await ask("reg", Atom("count")) == 5
    assert await ask("reg", Atom("to_list")) == list(enumerate(started))
    items, after = await ask("reg", a("to_list", 0, 3))
    rest, end = await ask("reg", a("to_list", after, 3))
    assert items + rest == list(enumerate(started))
    assert end == "undefined"
    assert await ask("reg", a("remove", 3)) == (OK, started[3])
    assert await ask("reg", a("remove", 3)) == NOT_FOUND
    assert is_alive(runtime, started[3])
    assert await ask("reg", a("keys", started[4])) == [4]
    assert await ask("reg", a("entries", 4)) == [(started[4], None)]


async def test_a_list_that_is_too_long_comes_in_pages(runtime, monkeypatch) -> None:
    monkeypatch.setattr(requests, "MAX_PAGE", 3)
    registry = await begin(runtime)
    (pid,) = pids(runtime, 1)
    for key in range(4):
        registry.register(key, pid=pid)
    ask = runtime.root.call
    too_many = (ERROR, (Atom("too_many_entries"), 3))
    assert await ask("reg", Atom("to_list")) == too_many
    items, after = await ask("reg", a("to_list", 0, 1_000_000))
    assert (len(items), await ask("reg", a("to_list", after, 3))) == (
        *(3, ([(3, pid)], "undefined")),
    )


async def test_a_caller_registers_itself(runtime) -> None:
    registry = await begin(runtime)

    async def body(process: Any) -> None:
        ask = process.call
        assert await ask("reg", a("register", 1, b"v")) == (OK, registry.pid)
        taken = (ERROR, (Atom("already_registered"), process.pid))
        assert await ask("reg", a("register", 1, b"v")) == taken
        assert registry.entries(1) == [(process.pid, b"v")]
        assert await ask("reg", a("unregister", 1)) == OK
        assert registry.lookup(1) is None

    await inside(runtime, body)


async def test_duplicate_keys_are_answered_as_lists(runtime) -> None:
    registry = await begin(runtime, keys="duplicate")
    one, two = pids(runtime, 2)
    registry.register(1, b"a", one)
    registry.register(1, object, two)
    ask = runtime.root.call
    (first, second) = await ask("reg", a("lookup", 1))
    assert first == (one, b"a")
    assert second[0] == two
    assert await ask("reg", a("stop", 1)) == (ERROR, Atom("badarg"))
    assert is_alive(runtime, registry.pid)


async def test_it_answers_as_a_supervisor(runtime) -> None:
    registry = await begin_starting(runtime)
    ask = runtime.root.call
    started = [await registry.start(key) for key in range(3)]
    (other,) = pids(runtime, 1)
    registry.register("other", pid=other)
    rows = await ask("reg", Atom("which_children"))
    module = Atom(f"{Worker.__module__}.Worker")
    assert rows == [(Atom("undefined"), p, Atom("worker"), [module]) for p in started]
    counts = dict(await ask("reg", Atom("count_children")))
    assert counts == {"specs": 1, "active": 3, "supervisors": 0, "workers": 3}
    assert await ask("reg", a("terminate_child", started[0])) == OK
    assert await ask("reg", a("terminate_child", started[0])) == NOT_FOUND
    assert registry.lookup(0) is None


@pytest.mark.parametrize(
    "request_",
    [
        *(Atom("nonsense"), 1, None, (), (Atom("lookup"),), a("lookup", 1, 2)),
        *(a("start", 1), a("start", 1, 5), a("to_list", 1, 0), a("to_list", 1, b"x")),
        *(a("terminate_child", 1), a("keys", 1), {}, [1], len),
    ],
    ids=str,
)
async def test_it_survives_whatever_it_is_asked(runtime, request_: Any) -> None:
    registry = await begin_starting(runtime)
    error, (what, _) = await runtime.root.call("reg", request_)
    assert (error, what) == (ERROR, "unknown_request")
    assert is_alive(runtime, registry.pid)


async def test_messages_of_no_use_are_ignored(runtime, caplog) -> None:
    registry = await begin_starting(runtime)
    pid = await registry.start(1)
    await runtime.root.send("reg", "hello")
    await runtime.root.cast("reg", "hello")
    find(runtime, registry.pid).exit_from(pid, "any", link=False)
    await settle()
    assert is_alive(runtime, registry.pid)
    assert registry.lookup(1) == pid


async def test_it_is_shown_by_its_name_and_class(runtime) -> None:
    registry = await begin_starting(runtime)
    assert registry.process.label == "reg"
    initial = registry.process.dictionary[Atom("$initial_call")]
    assert initial == ("ergopy.gen.registry.registry.Registry", "init", 0)


async def test_under_a_supervisor_its_id_is_its_name(runtime) -> None:
    specs = [ChildSpec(Registry, name=name, start=Worker) for name in ("one", "two")]
    await runtime.root.start(Supervisor, specs, name="sup")
    rows = await runtime.root.call("sup", Atom("which_children"))
    module = [Atom("ergopy.gen.registry.registry.Registry")]
    by_name = {name: runtime.whereis(name) for name in ("one", "two")}
    assert sorted(rows) == [
        (Atom(name), pid, Atom("supervisor"), module) for name, pid in by_name.items()
    ]
    registry = Registry.of("one", runtime.root)
    pid = await registry.start("key")
    await runtime.root.exit(registry.pid, "kill")
    await settle()
    await settle()
    again = Registry.of("one", runtime.root)
    assert again is not registry
    assert again.lookup("key") is None
    assert not is_alive(runtime, pid)


async def test_processes_under_a_supervisor_have_keys_as_names(runtime) -> None:
    specs = [
        ChildSpec(Registry, name="names"),
        ChildSpec(Worker, name=Via("names", "one"), id="one"),
        ChildSpec(Worker, name=Via("names", "two", 2), id="two"),
    ]
    await runtime.root.start(Supervisor, specs, strategy="rest_for_one", name="sup")
    names = Registry.of("names", runtime.root)
    first = names.lookup("one")
    find(runtime, first).kill()
    await settle()
    await settle()
    assert names.lookup("one") not in (None, first)
    assert names.entries("two")[0][1] == 2
    assert await runtime.root.call("sup", a("terminate_child", Atom("one"))) == OK
    assert names.lookup("one") is None


def test_a_via_is_the_tuple_of_otp_in_a_message() -> None:
    sent = etf.decode(etf.encode(Via("names", (Atom("user"), 1))))
    assert sent == (Atom("via"), Atom("names"), (Atom("user"), 1))


async def test_requests_that_wait_have_a_limit(
    runtime, autojump_clock, monkeypatch
) -> None:
    monkeypatch.setattr(requests, "MAX_WAITING", 3)
    registry = await begin_starting(runtime)
    ask = runtime.root.call
    slow = a("lookup_or_start", 1, [(Atom("sleep"), 10)])
    too_many = (ERROR, (Atom("too_many_requests"), 3))
    for request in (slow, slow, a("stop", 1)):
        with pytest.raises(ergopy.CallTimeout):
            await ask("reg", request, 1)
    # Whoever asked waits no longer, but that is not for the registry to know.
    for request in (slow, a("start", 2, []), a("stop", 1)):
        assert await ask("reg", request, 1) == too_many
    with pytest.raises(ergopy.RegistryFull) as full:
        await RemoteRegistry("reg", runtime.root).start(2)
    assert (full.value.what, full.value.limit) == ("requests", 3)
    assert await ask("reg", a("lookup", 1)) == NOT_FOUND
    await trio.sleep(10)
    assert registry.waiting_requests == 0
    assert (await ask("reg", a("start", 2, [])))[0] == OK


async def test_a_value_that_a_peer_registers_has_a_limit(runtime) -> None:
    registry = await begin(runtime, max_key_size=100)

    async def body(process: Any) -> None:
        large = (ERROR, (Atom("value_too_large"), 100))
        assert await process.call("reg", a("register", 1, b"x" * 101)) == large
        with pytest.raises(ergopy.RegistryFull) as full:
            await RemoteRegistry("reg").register(1, b"x" * 101)
        assert full.value.what == "value"
        registry.register(1, b"x" * 101)
        assert registry.values(1, process.pid) == [b"x" * 101]

    await inside(runtime, body)
