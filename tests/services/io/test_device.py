"""``IoDevice``: what a subclass has to do, and what it need not care about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
from ergopy import io as device_io
from ergopy.services.io import device as device_module
from ergopy.testing import captured_io
from ergopy.testing.pair import node_pair
from etf import Atom
from tests.runtimes import find, mail, settle, sleeper

if TYPE_CHECKING:
    from ergopy import Pid, Process
    from tests.services.conftest import LoneNode

A = Atom
OK = A("ok")
UNICODE = A("unicode")
LINE = (A("get_line"), UNICODE, b"? ")


class Echo(ergopy.IoDevice):
    """Says what it was asked, and has lines to read."""

    async def init(self, made: list[Echo]) -> None:
        made.append(self)
        self.put: list[str] = []
        self.heard: list[Any] = []
        self.lines = iter(["one two\n", "three\n"])
        self.go_on = trio.Event()

    async def put_chars(self, text: str) -> None:
        self.put.append(text)

    async def get_line(self, prompt: str) -> str | None:
        await self.go_on.wait()
        return next(self.lines, None)

    async def handle_call(self, request: Any, from_: Any) -> Any:
        return list(self.put)

    async def handle_info(self, message: Any) -> None:
        self.heard.append(message)

    async def setopts(self, changed: dict[str, Any]) -> None:
        self.heard.append(changed)


def ask(asker: Process, device: Pid, wanted: Any, tag: Any = 1) -> None:
    asker.send_nowait(device, (A("io_request"), asker.pid, tag, wanted))


def replies(asker: Process) -> list[Any]:
    return [message[1:] for message in mail(asker)]


async def start(node: LoneNode) -> tuple[Pid, Echo]:
    made: list[Echo] = []
    pid = await node.start(Echo, made)
    return pid, made[0]


async def test_output_goes_on_while_somebody_waits_for_input(node: LoneNode) -> None:
    pid, echo = await start(node)
    asker = sleeper(node.runtime)
    ask(asker, pid, LINE, 1)
    ask(asker, pid, LINE, 2)
    ask(asker, pid, (A("put_chars"), UNICODE, b"meanwhile"), 3)
    await settle()
    assert replies(asker) == [(3, OK)]
    echo.go_on.set()
    await settle()
    one, three = list(map(ord, "one two\n")), list(map(ord, "three\n"))
    assert replies(asker)[1:] == [(1, one), (2, three)]
    assert echo.put == ["meanwhile"]


async def test_what_is_left_of_a_line_is_kept_for_the_next_request(
    node: LoneNode,
) -> None:
    pid, echo = await start(node)
    echo.go_on.set()
    root = node.runtime.root
    assert await device_io.get_chars("", 4, device=pid, caller=root) == "one "
    assert await device_io.get_line(device=pid, caller=root) == "two\n"
    assert await device_io.get_chars("", 99, device=pid, caller=root) == "three\n"
    assert await device_io.get_line(device=pid, caller=root) is None


async def test_who_has_ended_takes_no_input(node: LoneNode) -> None:
    pid, echo = await start(node)
    first, second, third = (sleeper(node.runtime) for _ in range(3))
    for asker in (first, second, third):
        ask(asker, pid, LINE)
    await settle()
    first.kill()
    second.kill()
    await settle()
    echo.go_on.set()
    await settle()
    assert replies(third) == [(1, list(map(ord, "one two\n")))]
    assert not find(node.runtime, pid).monitors
    assert echo.heard == []


async def test_a_list_of_requests_ends_at_the_first_that_fails(node: LoneNode) -> None:
    pid, echo = await start(node)
    echo.go_on.set()
    root = node.runtime.root
    puts = [(A("put_chars"), UNICODE, text) for text in (b"1", A("no"), b"2")]
    reply = await device_io.request(pid, (A("requests"), puts), caller=root)
    assert reply == (A("error"), puts[1])
    assert echo.put == ["1"]
    both = (A("requests"), [puts[2], LINE])
    assert await device_io.request(pid, both, caller=root) == list(b"one two\n")
    assert echo.put == ["1", "2"]


async def test_options_say_what_input_is_given_out_as(node: LoneNode) -> None:
    pid, echo = await start(node)
    echo.go_on.set()
    root = node.runtime.root
    before = await device_io.getopts(device=pid, caller=root)
    assert before == {"binary": False, "echo": True, "encoding": "unicode"}
    await device_io.setopts({"binary": True}, device=pid, caller=root)
    assert await device_io.request(pid, LINE, caller=root) == b"one two\n"
    assert echo.heard == [{"binary": True}]
    assert echo.options["binary"] is True
    with pytest.raises(ergopy.IoError) as caught:
        await device_io.setopts({"colour": A("red")}, device=pid, caller=root)
    assert caught.value.reason == "enotsup"


async def test_too_many_who_wait_are_refused(
    node: LoneNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_module, "MAX_READS", 2)
    pid, _ = await start(node)
    asker = sleeper(node.runtime)
    for tag in range(5):
        ask(asker, pid, LINE, tag)
        await settle()
    refusal = (A("error"), A("system_limit"))
    assert replies(asker) == [(3, refusal), (4, refusal)]


async def test_endless_input_is_not_kept(
    node: LoneNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Endless(ergopy.IoDevice):
        async def get_line(self, prompt: str) -> str | None:
            return "no end"

    monkeypatch.setattr(device_module, "MAX_INPUT", 100)
    pid = await node.start(Endless)
    reply = await device_io.request(pid, LINE, caller=node.runtime.root)
    assert reply == (A("error"), A("system_limit"))


async def test_it_is_a_gen_server_as_well(node: LoneNode) -> None:
    pid, echo = await start(node)
    root = node.runtime.root
    await device_io.put_chars("x", device=pid, caller=root)
    assert await node.call(pid, A("put")) == ["x"]
    await root.send(pid, A("hello"))
    await settle()
    assert echo.heard == [A("hello")]


async def test_one_that_has_nothing_but_output_says_so(node: LoneNode) -> None:
    class Sink(ergopy.IoDevice):
        async def put_chars(self, text: str) -> None:
            if text == "full":
                raise OSError("no space left")

    pid = await node.start(Sink)
    root = node.runtime.root
    assert await device_io.get_line(device=pid, caller=root) is None
    assert await device_io.columns(device=pid, caller=root) is None
    for wanted, reason in (("get_password", "enotsup"), ("what", "request")):
        reply = await device_io.request(pid, (A(wanted), UNICODE), caller=root)
        assert reply == (A("error"), A(reason))
    with pytest.raises(ergopy.IoError) as caught:
        await device_io.put_chars("full", device=pid, caller=root)
    assert caught.value.reason == "terminated"
    await root.send(pid, A("dropped"))
    assert find(node.runtime, pid).alive


async def test_who_does_not_read_replies_holds_up_nobody() -> None:
    async with node_pair() as (a, b), captured_io(a) as device:
        away = await b.spawn(_forever)
        way = a.runtime.remote_node(b.name)
        way.has_room = lambda _: False
        process = find(b.runtime, away)
        for tag in range(3):
            ask(process, device.pid, (A("put_chars"), UNICODE, b"."), tag)
        await settle()
        await device_io.print("mine", device=device.pid, caller=a)
        assert device.text == "...mine\n"
        del way.has_room
        await settle()


async def _forever(_: Process) -> None:
    await trio.sleep_forever()


async def test_a_capture_has_input_that_comes_later() -> None:
    async with ergopy.testing.node_pair() as (a, _):
        async with captured_io(a, None, size=(70, 20), name="desk") as device:
            assert await device_io.rows(device="desk", caller=a) == 20
            device.feed("secret\nfirst\n")
            assert await device_io.get_password(device="desk", caller=a) == "secret"
            assert await device_io.get_line("> ", device="desk", caller=a) == "first\n"
            device.close()
            assert await device_io.get_line("> ", device="desk", caller=a) is None
            assert device.prompts == ["> ", "> "]
        await settle()
        assert a.whereis("desk") is None
