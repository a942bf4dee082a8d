"""A server whose mailbox is in pieces: references made in callbacks, priority."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ergopy import Atom, GenServer, MailboxLimit, sys
from tests.runtimes import find, settle

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


class Notes(GenServer):
    """Makes a reference for each message, so that its mailbox is cut there."""

    async def init(self) -> None:
        self.seen: list[Any] = []

    async def handle_call(self, request: Any, from_: Any) -> Any:
        return self.seen

    async def handle_cast(self, request: Any) -> None:
        self.new_ref()
        self.seen.append(request)

    async def handle_info(self, message: Any) -> None:
        ref = self.new_ref()
        self.seen.append(message)
        if message == "ask":
            self.send_nowait(self.pid, (Atom("answer"), ref))
            self.seen.append((await self.receive(ref))[0])


async def test_a_server_takes_its_messages_in_order_whatever_it_makes(
    runtime: Runtime,
) -> None:
    pid = await runtime.root.start(Notes)
    for number in range(500):
        await runtime.root.cast(pid, number)
    assert await runtime.root.call(pid, "seen") == list(range(500))


async def test_a_server_waits_for_an_answer_in_the_midst_of_others(
    runtime: Runtime,
) -> None:
    pid = await runtime.root.start(Notes)
    for message in (1, "ask", 2, "ask", 3):
        await runtime.root.send(pid, message)
    await settle()
    expected = [1, "ask", "answer", 2, "ask", "answer", 3]
    assert await runtime.root.call(pid, "seen") == expected


async def test_casts_to_itself_and_to_each_other_never_wait(runtime: Runtime) -> None:
    class Chatty(GenServer):
        async def init(self) -> None:
            self.left = 1000
            self.other = self.pid

        async def handle_cast(self, request: Any) -> None:
            if self.left:
                self.left -= 1
                for dest in (self.other, self.pid):
                    await self.cast(dest, request)

    one, other = [await runtime.root.start(Chatty) for _ in range(2)]
    for pid, partner in ((one, other), (other, one)):
        await sys.replace_state(
            pid, lambda it, to=partner: setattr(it, "other", to), caller=runtime.root
        )
        await runtime.root.cast(pid, "go on")
    await settle()
    for pid in (one, other):
        state = await sys.get_state(pid, caller=runtime.root)
        assert state["left"] == 0
        assert not find(runtime, pid).messages()


async def test_priority_messages_come_first(runtime: Runtime) -> None:
    pid = await runtime.root.start(Notes)
    server = find(runtime, pid)
    for number in range(3):
        server.deliver(number)
    for number in range(3):
        server.deliver_priority(Atom(f"first{number}"))
    await settle()
    expected = ["first0", "first1", "first2", 0, 1, 2]
    assert await runtime.root.call(pid, "seen") == expected


async def test_a_server_is_started_with_a_limit(runtime: Runtime) -> None:
    pid = await runtime.root.start(Notes, mailbox=MailboxLimit(2))
    for number in range(10):
        await runtime.root.cast(pid, number)
    assert find(runtime, pid).dropped == 8
    await settle()
    assert await runtime.root.call(pid, "seen") == [0, 1]
