"""What single questions are answered with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import Application, Atom, ChildSpec, GenServer, Node, RpcError
from ergopy.services.answers.clocks import ticks
from ergopy.testing import MemoryNetwork, node_pair

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from trio.testing import MockClock as Clock

    from ergopy import Process

    Ask = Callable[..., Awaitable[Any]]


class Kid(GenServer):
    async def init(self) -> None:
        self.colour = "red"


class Shop(Application):
    name = "shop"
    version = "1.2"

    async def start(self, *_: Any) -> Any:
        from ergopy import Supervisor

        return await self.process.start(
            Supervisor, [ChildSpec(Kid, name="kid")], name="top", link=True
        )


@pytest.fixture
async def node(autojump_clock: Clock) -> AsyncIterator[Node]:
    async with MemoryNetwork().node("a", answers="all") as node:
        yield node


@pytest.fixture
def ask(node: Node) -> Ask:
    async def ask(module: str, function: str, *arguments: Any) -> Any:
        return await node.rpc(node.name, module, function, list(arguments))

    return ask


async def badarg(ask: Ask, *call: Any) -> None:
    with pytest.raises(RpcError) as caught:
        await ask(*call)
    assert caught.value.reason == "badarg"


@pytest.mark.parametrize(
    ("nanoseconds", "unit", "told"),
    [
        (1_999_999_999, Atom("second"), 1),
        (1_999_999_999, Atom("millisecond"), 1999),
        (1_999_999_999, Atom("native"), 1_999_999_999),
        (1_500_000_000, 10, 15),
        (-1, 1, -1),
    ],
)
def test_time_is_in_any_unit(nanoseconds: int, unit: Any, told: int) -> None:
    assert ticks(nanoseconds, unit) == told


@pytest.mark.parametrize("unit", [0, -1, True, Atom("week"), b"second", 1.0, None])
def test_what_is_no_unit_is_refused(unit: Any) -> None:
    with pytest.raises(ValueError, match="no unit of time"):
        ticks(1, unit)


async def test_names_are_given_and_taken(node: Node, ask: Ask) -> None:
    pid = await node.start(Kid)
    assert await ask("erlang", "register", Atom("boy"), pid) is True
    assert await ask("erlang", "whereis", Atom("boy")) == pid
    await badarg(ask, "erlang", "register", Atom("boy"), pid)
    assert await ask("erlang", "unregister", Atom("boy")) is True
    await badarg(ask, "erlang", "unregister", Atom("boy"))


async def test_dictionaries_may_hold_anything(node: Node, ask: Ask) -> None:
    async def body(process: Process) -> None:
        process.dictionary["key"] = object
        await trio.sleep_forever()

    pid = await node.spawn(body)
    await trio.testing.wait_all_tasks_blocked()
    told = await ask("erlang", "process_info", pid, Atom("dictionary"))
    assert told == ("dictionary", [("key", repr(object))])


async def test_statistics_tell_what_has_grown(ask: Ask) -> None:
    for item in ("reductions", "runtime", "wall_clock"):
        total, _ = await ask("erlang", "statistics", Atom(item))
        later, grown = await ask("erlang", "statistics", Atom(item))
        assert later - total == grown >= 0


async def test_memory_adds_up(ask: Ask) -> None:
    told = dict(await ask("erlang", "memory"))
    assert told["processes"] + told["system"] == told["total"]
    assert 0 < told["processes"] < told["total"]
    assert told["atom"] > 0


async def test_a_behaviour_is_looked_into(node: Node, ask: Ask) -> None:
    await node.start(Kid, name="kid")
    state = await ask("sys", "get_state", Atom("kid"))
    assert state == {"colour": "red"}
    assert (await ask("sys", "get_status", (Atom("kid"), node.name)))[0] == "status"
    assert await ask("sys", "suspend", Atom("kid")) == "ok"
    assert await ask("sys", "resume", Atom("kid")) == "ok"
    assert await ask("sys", "statistics", Atom("kid"), True) == "ok"
    assert (await ask("sys", "statistics", Atom("kid"), Atom("get")))[0] == "ok"
    assert await ask("sys", "no_debug", Atom("kid")) == "ok"


async def test_a_status_names_a_process_by_its_label_as_a_term(
    node: Node, ask: Ask
) -> None:
    pid = await node.start(Kid)
    node.runtime.find(pid).label = (Atom("kid"), 7)
    (*_, (*_, ((_, header), *_))) = await ask("sys", "get_status", pid)
    assert str(header) == "Status for generic server {kid,7}"


async def test_what_is_no_behaviour_began_as_any_process(node: Node, ask: Ask) -> None:
    async def plain(process: Process) -> None:
        await process.receive()

    anything = ("proc_lib", "init_p", 5)
    call = (Atom("initial_call"), (Atom("m"), Atom("f"), 1))
    for what in (await node.spawn(plain), node.runtime.root.pid, [call], []):
        assert await ask("proc_lib", "translate_initial_call", what) == anything
        assert await ask("proc_lib", "initial_call", what) is False
    kid = await ask("proc_lib", "translate_initial_call", await node.start(Kid))
    assert kid == (f"{__name__}.Kid", "init", 0)


async def test_who_does_not_answer_is_an_exit_as_in_otp(
    autojump_clock: Clock, node: Node, ask: Ask
) -> None:
    async def silent(process: Process) -> None:
        await trio.sleep_forever()

    async def ends(process: Process) -> None:
        await process.receive()
        from ergopy import Exit

        raise Exit("oops")

    nobody = [
        (Atom("nobody"), "noproc"),
        (await node.spawn(silent), "timeout"),
        (await node.spawn(ends), "oops"),
    ]
    for dest, reason in nobody:
        with pytest.raises(RpcError) as caught:
            await ask("sys", "get_state", dest, 100)
        assert caught.value.kind == "exit"
        about = (Atom("sys"), Atom("get_state"), [dest])
        assert caught.value.reason == (Atom(reason), about)
    with pytest.raises(RpcError) as caught:
        await ask("supervisor", "which_children", Atom("nobody"))
    call = (Atom("gen_server"), Atom("call"))
    assert caught.value.reason[1][:2] == call


async def test_an_application_is_started_looked_at_and_stopped(
    node: Node, ask: Ask
) -> None:
    node.applications.load(Shop, environment={"size": 3})
    shop = Atom("shop")
    told = await ask("application", "loaded_applications")
    assert (shop, "1.2") in [(name, str(version)) for name, _, version in told]
    assert await ask("application", "start", shop) == "ok"
    already = (Atom("error"), (Atom("already_started"), shop))
    assert await ask("application", "start", shop) == already
    started = await ask("application", "ensure_all_started", shop)
    assert started == (Atom("ok"), [])
    assert await ask("application", "get_env", shop, Atom("size")) == (Atom("ok"), 3)
    assert await ask("application", "set_env", shop, Atom("size"), 4) == "ok"
    assert await ask("application", "get_env", shop, Atom("size"), 0) == 4
    top = node.whereis("top")
    assert await ask("application", "get_supervisor", shop) == (Atom("ok"), top)
    children = await ask("supervisor", "which_children", Atom("top"))
    assert [row[0] for row in children] == ["kid"]
    counts = await ask("Elixir.Supervisor", "count_children", top)
    assert counts == {"specs": 1, "active": 1, "supervisors": 0, "workers": 1}
    assert await ask("supervisor", "terminate_child", top, Atom("kid")) == "ok"
    assert (await ask("supervisor", "restart_child", top, Atom("kid")))[0] == "ok"
    assert await ask("application", "stop", shop) == "ok"
    gone = (Atom("error"), (Atom("not_started"), shop))
    assert await ask("application", "stop", shop) == gone
    unknown = (Atom("error"), (Atom("not_loaded"), Atom("nope")))
    assert await ask("application", "start", Atom("nope")) == unknown


async def test_modules_are_here_if_there_is_something_in_them(
    node: Node, ask: Ask
) -> None:
    for module in ("m", "p"):
        assert await ask("code", "is_loaded", Atom(module)) is False
        told = await ask("code", "ensure_loaded", Atom(module))
        assert told == (Atom("error"), Atom("nofile"))
    node.export("m", {"f": lambda a, b=1: a})
    node.provide_spawn("p", Kid)
    for module in ("m", "p", "erlang"):
        told = await ask("code", "ensure_loaded", Atom(module))
        assert told == (Atom("module"), Atom(module))
        assert (await ask("code", "is_loaded", Atom(module)))[0] == "file"
    for arity, there in ((0, False), (1, True), (2, True), (3, False)):
        args = (Atom("m"), Atom("f"), arity)
        assert await ask("erlang", "function_exported", *args) is there


async def test_nodes_are_told_with_details(autojump_clock: Clock) -> None:
    async with node_pair() as (a, b):
        await a.connect(b.name)
        wanted = {Atom("connection_id"): True, Atom("node_type"): True}
        args = [Atom("connected"), wanted]
        ((name, facts),) = await a.rpc(a.name, "erlang", "nodes", args)
        assert (name, facts["node_type"]) == (b.name, "visible")
        assert type(facts["connection_id"]) is int
        ok, [(name, about)] = await a.rpc(a.name, "net_kernel", "nodes_info")
        assert (ok, name) == ("ok", b.name)
        assert dict(about)["state"] == "up"
        told = await a.rpc(a.name, "net_kernel", "node_info", [b.name, Atom("type")])
        assert told == (Atom("ok"), Atom("normal"))
        assert await a.rpc(b.name, "net_kernel", "get_net_ticktime") == 60


async def test_the_level_of_the_log_is_set(ask: Ask) -> None:
    import logging

    logger = logging.getLogger("ergopy")
    before = logger.level
    try:
        level, error = Atom("level"), Atom("error")
        assert await ask("logger", "set_primary_config", level, error) == "ok"
        assert (await ask("logger", "get_primary_config"))["level"] == "error"
        assert logger.level == logging.ERROR
        await badarg(ask, "logger", "set_primary_config", level, Atom("loud"))
    finally:
        logger.setLevel(before)


async def test_init_stop_lets_the_program_go_on(node: Node, ask: Ask) -> None:
    assert await ask("init", "stop") == "ok"
    with trio.fail_after(1):
        await node.wait_closed()
    for function in ("restart", "reboot"):
        with pytest.raises(RpcError) as caught:
            await ask("init", function)
        assert caught.value.reason == "notsup"
