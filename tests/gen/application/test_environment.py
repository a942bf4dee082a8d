"""The environment of an application, and who sees which part of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ergopy import ApplicationNotLoaded, Atom, ChildSpec
from ergopy.testing import MemoryNetwork
from tests.gen.application.kit import Kid, Log, Logged, app, library

if TYPE_CHECKING:
    from ergopy import Node


async def test_each_level_goes_before_the_one_below_it() -> None:
    levels = "spec", "node", "set", "start"
    spec = dict.fromkeys(levels, "spec")
    base = dict.fromkeys(levels[1:], "node")
    node = MemoryNetwork().node("py", environment=base)
    node.applications.load(app("shop", [], environment=spec), {"set": "set"})
    node.applications.set_env("shop", "start", "set")
    async with node:
        await node.applications.start("shop", environment={"start": "start"})
        wanted = {level: level for level in levels}
        assert await node.call("shop_1", Atom("env")) == wanted
        assert node.applications.get_all_env("shop") == wanted


async def test_the_callbacks_may_add_to_what_the_processes_see(node: Node) -> None:
    class Setting(Logged):
        async def start(self, log: Log) -> Any:
            self.env["disk"] = self.env["root"] + "/shop"
            return await super().start(log)

    shop = app("shop", [], behaviour=Setting, environment={"root": "/var"})
    await node.applications.start(shop)
    seen = {"root": "/var", "disk": "/var/shop"}
    assert await node.call("shop_1", Atom("env")) == seen
    assert node.applications.get_all_env("shop") == seen
    assert node.applications.get_env("shop", "disk") == "/var/shop"


async def test_a_child_may_have_its_own_and_the_others_do_not_see_it(
    node: Node,
) -> None:
    class Own(Kid):
        async def init(self, log: Log, name: str, seconds: float = 0) -> None:
            self.env["color"] = "blue"
            await super().init(log, name, seconds)

    log: Log = []
    children = [
        ChildSpec(Own, log, "own", name="own"),
        ChildSpec(Kid, log, "other", name="other"),
    ]
    shop = app("shop", log, children=children, environment={"color": "red"})
    await node.applications.start(shop)
    assert await node.call("own", Atom("env")) == {"color": "blue"}
    assert await node.call("other", Atom("env")) == {"color": "red"}
    assert node.applications.get_env("shop", "color") == "red"


async def test_a_change_is_for_those_who_ask_and_for_the_next_start(
    node: Node,
) -> None:
    await node.applications.start(app("shop", [], environment={"a": 1}))
    node.applications.set_env("shop", "a", 2)
    assert node.applications.get_env("shop", "a") == 2
    assert await node.call("shop_1", Atom("env")) == {"a": 1}
    await node.applications.restart("shop")
    assert await node.call("shop_1", Atom("env")) == {"a": 2}
    await node.applications.stop("shop")
    assert node.applications.get_env("shop", "a") == 2
    node.applications.unload("shop")
    node.applications.load(app("shop", [], environment={"a": 1}))
    assert node.applications.get_env("shop", "a") == 1


async def test_applications_do_not_see_each_other(node: Node) -> None:
    one = app("one", [], environment={"a": 1})
    await node.applications.start(app("two", [], one, environment={"b": 2}))
    assert await node.call("one_1", Atom("env")) == {"a": 1}
    assert await node.call("two_1", Atom("env")) == {"b": 2}


async def test_a_variable_that_is_not_there_has_a_default(node: Node) -> None:
    node.applications.load(library("shop"))
    assert node.applications.get_env("shop", "a") is None
    assert node.applications.get_env("shop", "a", 5) == 5
    with pytest.raises(ApplicationNotLoaded):
        node.applications.get_env("nope", "a", 5)
    with pytest.raises(TypeError):
        node.applications.set_env("shop", 1, 5)  # type: ignore[arg-type]


async def test_a_change_of_the_configuration_is_told_if_there_is_any(
    node: Node,
) -> None:
    changes: list[Any] = []

    class Told(Logged):
        async def config_change(self, *change: Any) -> None:
            changes.append(change)

    shop = app("shop", [], behaviour=Told, environment={"a": 1, "b": 1})
    node.applications.load(shop, {"b": 2, "c": 2})
    await node.applications.change_config("shop", {"b": 3, "c": 2})
    await node.applications.start("shop")
    await node.applications.change_config("shop", {"b": 3, "c": 2})
    assert changes == []
    await node.applications.change_config("shop", {"b": 4, "d": 5})
    assert changes == [({"b": 4}, {"d": 5}, ["c"])]
    assert node.applications.get_all_env("shop") == {"a": 1, "b": 4, "d": 5}
