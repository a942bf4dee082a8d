"""Where a cast or a message may go, and what is no destination."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import ergopy
from ergopy import GenServer, NotRegistered
from tests.runtimes import mail, settle, sleeper

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


async def test_a_cast_to_oneself_never_blocks(runtime: Runtime) -> None:
    """triotp deadlocks: its mailboxes hold nothing."""

    class Counts(GenServer):
        async def init(self) -> None:
            self.count = 0

        async def handle_cast(self, request: Any) -> None:
            self.count += 1
            if self.count < 10:
                await self.cast(self.pid, request)

        async def handle_call(self, request: Any, from_: Any) -> Any:
            return self.count

    pid = await runtime.root.start(Counts)
    await runtime.root.cast(pid, 1)
    await settle()
    assert await runtime.root.call(pid, 1) == 10


async def test_a_name_that_nobody_has_is_an_error_for_send_only(
    runtime: Runtime,
) -> None:
    with pytest.raises(NotRegistered) as caught:
        await runtime.root.send("nobody", 1)
    assert caught.value.name == "nobody"
    with pytest.raises(NotRegistered):
        runtime.root.send_nowait("nobody", 1)
    await runtime.root.cast("nobody", 1)
    await runtime.root.send(("nobody", runtime.name), 1)


@pytest.mark.parametrize("verb", ["send", "cast", "send_nowait"])
async def test_of_several_destinations_all_that_are_there_get_the_message(
    runtime: Runtime, verb: str
) -> None:
    one, two = sleeper(runtime), sleeper(runtime, name="two")
    dests = [one.pid, "nobody", "two", one.alias()]
    if verb == "cast":
        await runtime.root.cast(dests, 1)
    elif verb == "send":
        with pytest.raises(NotRegistered):
            await runtime.root.send(dests, 1)
    else:
        with pytest.raises(NotRegistered):
            runtime.root.send_nowait(dests, 1)
    assert (len(mail(one)), len(mail(two))) == (2, 1)


@pytest.mark.parametrize(
    "dest", [1, b"name", None, ("a",), (1, "n@h"), ("name", "no node"), 1.5]
)
async def test_what_is_no_destination_is_a_mistake_of_the_caller(
    runtime: Runtime, dest: Any
) -> None:
    with pytest.raises((ergopy.LocalProtocolError, TypeError)):
        await runtime.root.call(dest, 1)
    if not isinstance(dest, (bytes, tuple)):
        with pytest.raises(ergopy.LocalProtocolError):
            await runtime.root.send(dest, 1)
