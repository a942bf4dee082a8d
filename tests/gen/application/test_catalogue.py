"""What a node knows of its applications: loaded, looked at, unloaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ergopy import (
    Application,
    ApplicationAlreadyLoaded,
    ApplicationNotLoaded,
    ApplicationNotStarted,
    ApplicationRunning,
    DependencyCycle,
    GenServer,
)
from tests.gen.application.kit import Log, app, library

if TYPE_CHECKING:
    from ergopy import Node


async def test_what_is_loaded_can_be_looked_at_and_unloaded(node: Node) -> None:
    log: Log = []
    shop = app("shop", log, app("db", log), version="2", description="Sells")
    assert node.applications.load(shop) == "shop"
    assert node.applications.load(shop) == "shop"
    assert [i.name for i in node.applications.loaded()][-2:] == ["shop", "db"]
    told = node.applications.info(shop)
    assert (told.version, told.description, told.state) == ("2", "Sells", "loaded")
    for other in (library("shop"), library("new", library("newer"), library("db"))):
        with pytest.raises(ApplicationAlreadyLoaded):
            node.applications.load(other)
    with pytest.raises(TypeError):
        node.applications.load(library("new"), {1: 2})  # type: ignore[dict-item]
    assert node.applications.find("new") is node.applications.find("newer") is None
    await node.applications.start("shop")
    with pytest.raises(ApplicationRunning):
        node.applications.unload("shop")
    await node.applications.stop("shop")
    node.applications.unload("shop")
    with pytest.raises(ApplicationNotLoaded):
        node.applications.info("shop")


async def test_what_a_class_brings_with_it_is_loaded_again_if_need_be(
    node: Node,
) -> None:
    shop = library("shop", library("db"))
    node.applications.load(shop)
    node.applications.unload("db")
    with pytest.raises(ApplicationNotLoaded):
        await node.applications.start("shop")
    assert await node.applications.start(shop) == ["db", "shop"]


async def test_applications_that_bring_each_other_are_loaded_and_do_not_start(
    node: Node,
) -> None:
    class One(Application):
        dependencies: Any = ()

    class Two(Application):
        dependencies = (One,)

    One.dependencies = (Two,)
    assert node.applications.load(One) == "one"
    assert node.applications.info(Two).dependencies == ("one",)
    with pytest.raises(DependencyCycle):
        await node.applications.start(Two)


async def test_names_that_nobody_has_are_errors(node: Node) -> None:
    applications = node.applications
    for verb in (applications.start, applications.stop, applications.restart):
        with pytest.raises(ApplicationNotLoaded):
            await verb("nope")
    for look in (applications.info, applications.unload, applications.get_all_env):
        with pytest.raises(ApplicationNotLoaded):
            look("nope")
    applications.load(library("shop"))
    with pytest.raises(ApplicationNotStarted):
        await applications.stop("shop")
    with pytest.raises(TypeError, match="not an application"):
        await applications.start(GenServer)
