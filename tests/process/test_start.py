from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

import ergopy
from ergopy import IGNORE, Atom, Exit, ExitMessage, GenServer, NoReply, Stop
from ergopy.process.shutdown import shut_down
from tests.runtimes import (
    Ends,
    assert_only_the_root,
    find,
    idle,
    inside,
    mail,
    settle,
    sleeper,
)

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime


class Server(GenServer):
    """Its ``init`` ends as it is told."""

    async def init(self, how: Any = None) -> Any:
        match how:
            case "raise":
                raise ValueError("no luck")
            case "hang":
                await trio.sleep_forever()
            case ("exit", reason):
                raise Exit(reason)
        return how

    async def handle_call(self, request: Any, from_: Any) -> Any:
        return request


async def test_start_returns_when_init_is_done(runtime: Runtime) -> None:
    seen: list[str] = []

    class Slow(GenServer):
        async def init(self) -> None:
            await trio.lowlevel.checkpoint()
            seen.append("init")

    pid = await runtime.root.start(Slow, name="slow")
    assert seen == ["init"]
    assert runtime.whereis("slow") == pid
    assert find(runtime, pid).watchers == {}


@pytest.mark.parametrize("link", [False, True])
@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (("exit", "shutdown"), "shutdown"),
        (Stop("bad"), "bad"),
        (Stop(("shutdown", 1)), ("shutdown", 1)),
        (("exit", None), None),
    ],
)
async def test_start_raises_the_reason_of_init(
    runtime: Runtime, how: Any, reason: Any, link: bool
) -> None:
    async def body(process: Process) -> Any:
        process.trap_exit = True
        with pytest.raises(ergopy.StartError) as caught:
            await process.start(Server, how, name="s", link=link)
        assert caught.value.reason == reason
        assert process.links == {}
        assert runtime.whereis("s") is None
        return mail(process)

    assert await inside(runtime, body) == []
    assert_only_the_root(runtime)


async def test_an_exception_in_init_is_the_reason_and_is_not_logged_twice(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ergopy.StartError) as caught:
        await runtime.root.start(Server, "raise", name="s")
    assert caught.value.reason[1:3] == (b"builtins.ValueError", b"no luck")
    assert caplog.records == []
    assert_only_the_root(runtime)


async def test_init_that_ignores_ends_the_process_without_fuss(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    async def body(process: Process) -> Any:
        process.trap_exit = True
        with pytest.raises(ergopy.Ignored):
            await process.start(Server, IGNORE, name="s", link=True)
        return mail(process)

    assert await inside(runtime, body) == []
    assert caplog.records == []
    assert_only_the_root(runtime)


async def test_init_that_returns_something_else_is_a_mistake(runtime: Runtime) -> None:
    with pytest.raises(ergopy.StartError) as caught:
        await runtime.root.start(Server, 42)
    assert caught.value.reason[1] == b"builtins.TypeError"


async def test_a_taken_name_says_who_has_it(runtime: Runtime) -> None:
    first = await runtime.root.start(Server, name="s")
    with pytest.raises(ergopy.AlreadyStarted) as caught:
        await runtime.root.start(Server, "raise", name="s")
    assert caught.value.pid == first
    assert caught.value.reason == ("already_started", first)
    assert len(runtime.processes) == 2


@pytest.mark.parametrize("name", ["undefined", "x" * 256])
async def test_a_name_that_cannot_be_one_starts_nothing(
    runtime: Runtime, name: str
) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        await runtime.root.start(Server, name=name)
    with pytest.raises(ValueError):  # noqa: PT011
        await runtime.root.spawn(idle, name=name)
    assert_only_the_root(runtime)


@pytest.mark.parametrize("link", [False, True])
async def test_init_that_hangs_is_killed_after_the_timeout(
    runtime: Runtime, autojump_clock: trio.testing.MockClock, link: bool
) -> None:
    async def body(process: Process) -> Any:
        with pytest.raises(ergopy.StartError) as caught:
            await process.start(Server, "hang", name="s", link=link, timeout=3)
        assert caught.value.reason == Atom("timeout")
        assert trio.current_time() == 3
        # The name can be taken again before the old task has unwound.
        await process.start(Server, name="s")
        await process.stop("s")
        return mail(process)

    assert await inside(runtime, body) == []
    await settle()
    assert_only_the_root(runtime)


@pytest.mark.parametrize("link", [False, True])
async def test_a_cancelled_start_kills_the_half_started_process(
    runtime: Runtime, autojump_clock: trio.testing.MockClock, link: bool
) -> None:
    async def body(process: Process) -> Any:
        with trio.move_on_after(1) as scope:
            await process.start(Server, "hang", name="s", link=link)
        assert scope.cancelled_caught
        assert runtime.whereis("s") is None
        await trio.sleep(1)
        return process.alive, mail(process), len(runtime.processes)

    assert await inside(runtime, body) == (True, [], 2)


async def test_a_half_started_process_that_is_given_up_is_reported_as_killed(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    with trio.move_on_after(1):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(runtime.root.start, Server, "hang")
            await settle()
            ends = Ends(next(p for p in runtime.processes.values() if p.parent))
    await settle()
    assert ends.reasons == ["killed"]


async def test_a_starter_that_is_killed_takes_the_half_started_process_along(
    runtime: Runtime,
) -> None:
    async def body(process: Process) -> None:
        await process.start(Server, "hang")

    starter = runtime.spawn(body, ())
    await settle()
    assert len(runtime.processes) == 3
    await runtime.root.exit(starter.pid, "kill")
    await settle()
    assert_only_the_root(runtime)


async def test_the_link_is_there_before_init_runs(runtime: Runtime) -> None:
    class Looks(GenServer):
        async def init(self) -> None:
            links.append(list(self.process.links))

    links: list[Any] = []
    parent = sleeper(runtime)
    await parent.start(Looks, link=True)
    await parent.start(Looks)
    assert links == [[parent.pid], []]


async def test_a_linked_server_that_fails_ends_a_parent_that_does_not_trap(
    runtime: Runtime,
) -> None:
    """So does ``gen_server:start_link``: the signal is stronger than the return."""

    async def body(process: Process) -> None:
        await process.start(Server, Stop("bad"), link=True)

    parent = runtime.spawn(body, ())
    ends = Ends(parent)
    await settle()
    assert ends.reasons == ["bad"]
    assert_only_the_root(runtime)


async def test_a_constructor_that_raises_starts_nothing(runtime: Runtime) -> None:
    class Picky(GenServer):
        def __init__(self, **options: Any) -> None:
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await runtime.root.start(Picky, unknown=1)
    assert_only_the_root(runtime)


@pytest.mark.parametrize(
    ("behaviour", "options", "words"),
    [
        (dict, {}, "takes the class of a behaviour, not <class 'dict'>"),
        (sleeper, {}, "a function is for spawn"),
        (Server(), {}, "takes the class of a behaviour"),
        (Server, {"nmae": "it"}, "Server takes no nmae="),
    ],
)
async def test_a_start_says_what_it_cannot_take(
    runtime: Runtime, behaviour: Any, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(TypeError, match=words):
        await runtime.root.start(behaviour, **options)
    assert_only_the_root(runtime)


async def test_options_go_to_the_constructor_and_arguments_to_init(
    runtime: Runtime,
) -> None:
    class Both(GenServer):
        def __init__(self, *, option: int) -> None:
            self.option = option

        async def init(self, argument: int) -> None:
            self.argument = argument

        async def handle_call(self, request: Any, from_: Any) -> Any:
            return self.option, self.argument

    pid = await runtime.root.start(Both, 1, option=2)
    assert await runtime.root.call(pid, ()) == (2, 1)


@pytest.mark.parametrize("timeout", [-1, math.nan])
async def test_a_timeout_of_a_start_is_a_duration(
    runtime: Runtime, timeout: float
) -> None:
    with pytest.raises(ValueError, match="number of seconds"):
        await runtime.root.start(Server, timeout=timeout)
    assert_only_the_root(runtime)


async def test_a_server_knows_its_ancestors_and_its_initial_call(
    runtime: Runtime,
) -> None:
    dictionaries: list[dict[Any, Any]] = []

    class Child(GenServer):
        async def init(self, *args: int) -> None:
            dictionaries.append(self.dictionary)

    class Parent(GenServer):
        async def init(self) -> None:
            await self.start(Child, 1, 2, link=True)

    middle = sleeper(runtime)
    parent = await middle.start(Parent, name="parent")
    assert parent == runtime.whereis("parent")
    [child] = dictionaries
    assert child[Atom("$ancestors")] == [Atom("parent"), middle.pid]
    module, function, arity = child[Atom("$initial_call")]
    assert module.endswith("Child")
    assert (function, arity) == ("init", 2)


async def test_only_a_linked_parent_ends_a_server_that_traps_exits(
    runtime: Runtime,
) -> None:
    class Traps(Server):
        async def init(self) -> None:
            self.trap_exit = True

        async def handle_info(self, message: Any) -> None:
            infos.append(message)

    infos: list[Any] = []
    parent = sleeper(runtime)
    linked = find(runtime, await parent.start(Traps, link=True))
    unlinked = find(runtime, await parent.start(Traps))
    ends = Ends(linked)
    for server in (linked, unlinked):
        await parent.exit(server.pid, "shutdown")
    await settle()
    assert ends.reasons == ["shutdown"]
    assert infos == [ExitMessage(parent.pid, Atom("shutdown"))]
    assert unlinked.alive


async def test_a_node_that_shuts_down_starts_nothing_more(runtime: Runtime) -> None:
    pid = await runtime.root.start(Server)
    assert await shut_down(runtime, 1) == 0
    assert runtime.find(pid) is None
    with pytest.raises(ergopy.LocalProtocolError, match="not running"):
        await runtime.root.start(Server)


async def test_shutting_down_kills_what_does_not_end_in_time(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    class Stubborn(Server):
        async def terminate(self, reason: Any) -> None:
            await trio.sleep(100)

        async def init(self, how: Any = None) -> Any:
            self.trap_exit = True
            return NoReply()

    ends = Ends(find(runtime, await runtime.root.start(Stubborn)))
    quick = Ends(sleeper(runtime))
    assert await shut_down(runtime, 2) == 1
    assert trio.current_time() == 2
    await settle()
    assert (ends.reasons, quick.reasons) == (["killed"], ["shutdown"])
