"""What other nodes can ask about applications, in the shapes of OTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import etf
from ergopy import Atom, ChildSpec, Process, RpcError
from tests.gen.application.kit import Log, app, library, running

if TYPE_CHECKING:
    from ergopy import Node

APPLICATION = "application"
CONTROLLER = "application_controller"
UNDEFINED = Atom("undefined")


@pytest.fixture
async def shop(memory_pair: tuple[Node, Node]) -> tuple[Node, Any]:
    """A node with a running application, and a way to ask it from another."""
    node, other = memory_pair
    fields: dict[str, Any] = {
        "version": "1.2",
        "description": "Sells p\u00e4per",
        "environment": {"secret": "s", "object": object},
        "registered": ["shop_1"],
        "start_phases": [("go", 1)],
    }
    await node.applications.start(app("shop", [], library("paint"), **fields))

    async def ask(module: str, function: str, *args: Any) -> Any:
        return await other.rpc(node.name, module, function, list(args))

    return node, ask


def text(value: Any) -> str:
    return "".join(map(chr, value))


@pytest.mark.parametrize("module", [APPLICATION, CONTROLLER])
@pytest.mark.parametrize("function", ["which_applications", "loaded_applications"])
async def test_the_lists_have_the_youngest_first(
    shop: Any, module: str, function: str
) -> None:
    node, ask = shop
    node.applications.load(library("other"))
    told = await ask(module, function)
    which = ["paint", "shop"][::-1] if function.startswith("which") else ["other"]
    assert [name for name, _, _ in told][: len(which)] == which
    assert {"kernel", "ergopy"} <= {name for name, _, _ in told}
    (entry,) = [entry for entry in told if entry[0] == "shop"]
    assert all(isinstance(part, list) for part in entry[1:])
    assert (text(entry[1]), text(entry[2])) == ("Sells p\u00e4per", "1.2")


async def test_the_controller_is_a_process_that_answers(shop: Any) -> None:
    node, ask = shop
    which, loaded = Atom("which_applications"), Atom("loaded_applications")
    for request in (which, loaded):
        told = etf.encode(await node.call(CONTROLLER, request))
        assert etf.decode(told) == await ask(APPLICATION, request)
    assert await node.call(CONTROLLER, 1) == (Atom("error"), Atom("badarg"))
    await node.cast(CONTROLLER, 1)
    await node.send(CONTROLLER, 1)
    assert await node.call(CONTROLLER, loaded)


async def test_all_keys_are_there_but_the_environment(shop: Any) -> None:
    _, ask = shop
    ok, keys = await ask(APPLICATION, "get_all_key", Atom("shop"))
    assert ok == "ok"
    assert [key for key, _ in keys] == [
        *("description", "id", "vsn", "modules", "maxP", "maxT", "registered"),
        *("included_applications", "optional_applications", "applications"),
        *("mod", "start_phases"),
    ]
    told = dict(keys)
    assert told["applications"] == ["paint"]
    assert told["registered"] == ["shop_1"]
    assert told["start_phases"] == [("go", 1)]
    assert told["mod"][0] == "tests.gen.application.kit.Logged"
    for key in told:
        assert await ask(APPLICATION, "get_key", Atom("shop"), key) == (ok, told[key])


async def test_what_is_not_there_is_undefined(shop: Any) -> None:
    _, ask = shop
    nope = Atom("nope")
    assert await ask(APPLICATION, "get_key", Atom("shop"), nope) == UNDEFINED
    for function in ("get_all_key", "get_supervisor"):
        for name in (nope, [1], {}, 1):
            assert await ask(APPLICATION, function, name) == UNDEFINED
    assert await ask(APPLICATION, "get_key", nope, Atom("vsn")) == UNDEFINED
    assert await ask(APPLICATION, "get_application", nope) == UNDEFINED
    assert await ask(CONTROLLER, "get_master", nope) == UNDEFINED
    assert await ask(CONTROLLER, "get_master", Atom("paint")) == UNDEFINED


async def test_a_process_belongs_to_the_application_of_its_group_leader(
    shop: Any,
) -> None:
    node, ask = shop
    ok = Atom("ok")
    info = node.applications.info("shop")
    for pid in (node.whereis("shop_1"), info.top, info.pid):
        told = await ask(APPLICATION, "get_application", pid)
        assert told == (ok, "shop")
    assert await ask(APPLICATION, "get_application", node.whereis("rex")) == (
        ok,
        "kernel",
    )
    module = Atom("tests.gen.application.kit.Logged")
    assert await ask(APPLICATION, "get_application", module) == (ok, "shop")
    assert await ask(APPLICATION, "get_supervisor", Atom("shop")) == (ok, info.top)
    assert await ask(CONTROLLER, "get_master", Atom("shop")) == info.pid


async def test_the_master_tells_its_child_as_otp_does(shop: Any) -> None:
    node, _ = shop
    info = node.applications.info("shop")

    async def ask(process: Process) -> None:
        tag = process.new_ref()
        await process.send(info.pid, (Atom("get_child"), tag, process.pid))
        got.append(await process.receive(lambda m: m[0] == tag))

    got: Log = []
    await node.applications.start(app("asker", [], children=[ChildSpec(ask)]))
    while not got:
        await node.call("shop_1", 1)
    assert got[0][1] == (info.top, "tests.gen.application.kit.Logged")


async def test_an_environment_is_shown_unless_it_was_turned_off(shop: Any) -> None:
    node, ask = shop
    name, key = Atom("shop"), Atom("secret")
    assert await ask(APPLICATION, "get_env", name, key) == (Atom("ok"), b"s")
    assert await ask(APPLICATION, "get_env", name, key, 1) == b"s"
    assert await ask(APPLICATION, "get_env", name, Atom("x")) == UNDEFINED
    assert await ask(APPLICATION, "get_env", name, Atom("x"), 1) == 1
    assert await ask(APPLICATION, "get_env", Atom("nope"), key, 1) == 1
    shown = dict(await ask(APPLICATION, "get_all_env", name))
    assert shown == {"secret": b"s", "object": repr(object).encode()}
    assert await ask(APPLICATION, "get_all_env", Atom("nope")) == []
    for function, args in (("get_env", [name, key]), ("get_all_env", [name])):
        node.unexport(APPLICATION, function)
        with pytest.raises(RpcError) as caught:
            await ask(APPLICATION, function, *args)
        assert caught.value.reason == "undef"


async def test_a_description_that_has_any_character_can_be_sent(
    memory_pair: tuple[Node, Node],
) -> None:
    node, other = memory_pair
    node.applications.load(library("caf\u00e9", description="\u2603 \U0001f980"))
    (entry, *_) = await other.rpc(node.name, APPLICATION, "loaded_applications", [])
    assert (entry[0], text(entry[1])) == ("caf\u00e9", "\u2603 \U0001f980")
    assert etf.decode(etf.encode(entry)) == entry
    assert running(node) == []
