"""The supervision tree of an application, as the observer and the dashboard draw it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import Atom, Node
from ergopy.errors import CallExit
from ergopy.process.messages import ExitMessage
from ergopy.services.observer import appmon

from .test_backend import ended

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ergopy import Process

Pair = tuple[Node, Node]
GOLDEN = Path(__file__).parents[2] / "data" / "observer"
APP = Atom("shop")


async def view(
    pair: Pair, body: Callable[[Process, Any], Awaitable[None]], **options: Any
) -> None:
    """Run *body* as a viewer that has started its ``appmon_info``."""
    viewer, node = pair
    done = []

    async def look(process: Process) -> None:
        process.trap_exit = True
        started = await viewer.rpc(
            node.name, "appmon_info", "start_link2", [process.pid, process.pid, []]
        )
        assert started[0] == "ok"
        await body(process, started[1])
        done.append(True)

    await ended(viewer, await viewer.spawn(look))
    assert done


async def want(
    process: Process, server: Any, what: str, about: Any, *, on: Any = True, **how: Any
) -> None:
    options = [(Atom(name), value) for name, value in how.items()]
    request = (process.pid, Atom(what), about, on, options)
    await process.cast(server, request)


def drawn(tree: Any) -> str:
    """Draw what was delivered, without pids."""
    root, members, children, others = tree
    below: dict[str, list[str]] = {}
    for above, child in children:
        below.setdefault(_text(above), []).append(_text(child))
    lines: list[str] = []

    def draw(name: str, depth: int) -> None:
        lines.append("  " * depth + re.sub(r" ?<0\.[\d.]+>", "", name))
        for child in below.get(name, ()):
            draw(child, depth + 1)

    draw(_text(root), 0)
    assert len(lines) == len(members)
    lines += [f"{_text(a)} -- {_text(b)}" for a, b in others]
    return "\n".join(lines) + "\n"


def _text(characters: Any) -> str:
    return "".join(map(chr, characters)) if isinstance(characters, list) else characters


async def test_the_tree_is_drawn_as_it_was_and_stays_so_over_restarts(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    _viewer, node = pair
    golden = (GOLDEN / "shop.txt").read_text()

    async def look(process: Process, server: Any) -> None:
        await want(process, server, "app", APP, timeout=100)
        tag, sender, what, about, first = await process.receive()
        assert (tag, sender, what, about) == ("delivery", server, "app", "shop")
        assert drawn(first) == golden
        with pytest.raises(CallExit):
            await process.call(("till", node.name), Atom("crash"))
        second = (await process.receive())[-1]
        while drawn(second) != golden:
            second = (await process.receive())[-1]
        # Another pid, the same name.
        assert second[1] != first[1]

    await view(pair, look)
    caplog.clear()


async def test_the_applications_are_told_and_told_again_when_they_change(
    autojump_clock: object, pair: Pair
) -> None:
    _viewer, node = pair

    async def look(process: Process, server: Any) -> None:
        await want(process, server, "app_ctrl", node.name)
        told = (await process.receive())[-1]
        names = [name for _, name, _ in told]
        assert names == ["shop", "kernel"]
        pid, _, description = told[0]
        assert pid == node.applications.info("shop").pid
        assert [_text(part) for part in description] == ["shop", "A small shop", "1.2"]
        await node.applications.stop("shop")
        told = (await process.receive())[-1]
        assert [name for _, name, _ in told] == ["kernel"]
        await want(process, server, "app", APP)
        assert (await process.receive())[-1] == ([], [], [], [])

    await view(pair, look)


async def test_nothing_is_told_that_has_not_changed_or_was_ended(
    autojump_clock: object, pair: Pair
) -> None:
    async def look(process: Process, server: Any) -> None:
        await want(process, server, "app", APP)
        await process.receive()
        await trio.sleep(20)
        await want(process, server, "app", APP, on=False)
        await pair[1].applications.stop("shop")
        await trio.sleep(20)
        assert process.message_count() == 0

    await view(pair, look)


async def test_it_ends_with_its_viewer(autojump_clock: object, pair: Pair) -> None:
    async def look(process: Process, server: Any) -> None:
        assert pair[1].whereis("appmon_info") == server
        await want(process, server, "app", APP)

    await view(pair, look)
    await trio.sleep(1)
    assert pair[1].whereis("appmon_info") is None


async def test_a_second_viewer_joins_and_may_leave(
    autojump_clock: object, pair: Pair
) -> None:
    servers: list[Any] = []

    async def first(process: Process, server: Any) -> None:
        async def second(other: Process, again: Any) -> None:
            servers.append(again)
            await want(other, again, "app", APP)

        await view(pair, second)
        await trio.sleep(1)
        assert servers == [server]
        assert pair[1].whereis("appmon_info") == server

    await view(pair, first)


@pytest.mark.parametrize(
    "message",
    [
        Atom("status"),
        (Atom("look"), [1]),
        (Atom("look"), 1),
        (1, 2, 3, 4, 5),
        ExitMessage,
        {"a": [1]},
    ],
)
async def test_nothing_that_is_sent_to_it_ends_it(pair: Pair, message: Any) -> None:
    async def look(process: Process, server: Any) -> None:
        term = (Atom("EXIT"), 1, 2) if message is ExitMessage else message
        await process.send(server, term)
        await process.cast(server, term)
        for about in ([1], {1: 2}, b"shop"):
            await want(process, server, "app", about)
        await want(process, server, "load", APP)
        await want(process, server, "app", APP, timeout=Atom("never"))
        assert (await process.receive())[2] == "app"
        assert await process.call(server, term) == "ok"

    await view(pair, look)


async def test_viewers_want_so_many_things_and_no_more(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appmon, "MAX_TASKS", 3)

    async def look(process: Process, server: Any) -> None:
        for number in range(10):
            await want(process, server, "app", Atom(f"app{number}"))
        assert await process.call(server, 1) == "ok"
        assert process.message_count() == 3

    await view(pair, look)


async def test_masters_tell_their_top_process(pair: Pair) -> None:
    viewer, node = pair
    info = node.applications.info("shop")
    question = [node.name, "application_master", "get_child"]
    assert (
        await viewer.rpc(*question, [info.pid]) == (info.top, "shop")
        or (await viewer.rpc(*question, [info.pid]))[0] == info.top
    )
    assert await viewer.rpc(*question, [info.top]) == ("undefined", "undefined")


async def test_the_dashboard_draws_supervisors_their_children_and_their_links(
    pair: Pair,
) -> None:
    viewer, node = pair
    name = "Elixir.Phoenix.LiveDashboard.SystemInfo"
    till = node.whereis("till")

    async def helper(process: Process) -> None:
        process.group_leader = node.applications.info("shop").pid
        await process.link(till)
        await process.receive()

    linked = await node.spawn(helper, name="helper")
    await trio.testing.wait_all_tasks_blocked()
    master, tree = await viewer.rpc(node.name, name, "app_tree_callback", [APP])
    info = node.applications.info("shop")
    assert master == ("master", info.pid, [])
    ((kind, starter, _), (top,)) = tree[0]
    assert kind == "ancestor"
    assert starter.node == node.name
    assert top[0] == ("supervisor", info.top, [])
    assert [child[0][0] for child in top[1]] == ["worker"] * 3
    assert top[1][0] == (("worker", till, "till"), [(("link", linked, "helper"), [])])
    assert await viewer.rpc(node.name, name, "app_tree_callback", [Atom("no")]) == (
        "error"
    )
