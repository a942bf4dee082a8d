"""Sessions of two processes of one node: steps, ends, and what goes wrong."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import (
    Atom,
    GenServer,
    LocalProtocolError,
    SessionClosed,
    SessionTimeout,
    WrongStep,
    session,
)
from ergopy.gen.session import (
    Again,
    Choose,
    End,
    Offer,
    Rec,
    Recv,
    Send,
    messages,
)
from tests.runtimes import find, idle, inside, settle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ergopy import Process
    from ergopy.gen.session import Channel, Protocol
    from ergopy.process.runtime import Runtime

    Side = Callable[[Process, Channel], Awaitable[Any]]

SUM = Send(int) >> Send(int) >> Recv(int) >> End
TALK = Rec("on", Choose(say=Send(str) >> Recv(str) >> Again("on"), bye=End))
PING = Send(int) >> End


async def adder(process: Process, channel: Channel) -> None:
    await channel.send(await channel.recv() + await channel.recv())


async def echo(process: Process, channel: Channel) -> None:
    while await channel.offer() == "say":
        await channel.send((await channel.recv()).upper())


def clean(process: Process) -> bool:
    """Tell whether nothing of a session is left in *process*."""
    return not (process.messages() or process.monitors or process._aliases)


async def test_two_sides_follow_the_protocol_to_the_end(runtime: Runtime) -> None:
    async def body(process: Process) -> Any:
        async with session.spawn(adder, SUM) as channel:
            await channel.send(1)
            await channel.send(2)
            total = await channel.recv()
            assert channel.at_end
        return total, clean(process)

    assert await inside(runtime, body) == (3, True)


async def test_choices_and_recursion(runtime: Runtime) -> None:
    async def body(process: Process) -> Any:
        said = []
        async with session.spawn(echo, TALK) as channel:
            for word in ("a", "b"):
                await channel.choose("say")
                await channel.send(word)
                said.append(await channel.recv())
            await channel.choose("bye")
        return said

    assert await inside(runtime, body) == ["A", "B"]


class Sides:
    """A process that accepts, and one that opens; what came of both."""

    def __init__(self, runtime: Runtime, **accept_options: Any) -> None:
        self.runtime = runtime
        self.options = accept_options
        self.theirs: Any = None
        self.left: Process | None = None

    async def run(
        self, ours: Protocol, open_it: Side, accept_it: Side, **options: Any
    ) -> Any:
        async def acceptor(process: Process) -> None:
            try:
                async with session.accept(ours.dual, **self.options) as channel:
                    self.theirs = await accept_it(process, channel)
            except Exception as error:
                self.theirs = error
            self.left = process
            await trio.sleep_forever()

        pid = await self.runtime.root.spawn(acceptor)

        async def opener(process: Process) -> Any:
            try:
                async with session.open(pid, ours, **options) as channel:
                    return await open_it(process, channel)
            finally:
                await settle()
                assert clean(process)

        try:
            return await inside(self.runtime, opener)
        except Exception as error:
            return error
        finally:
            await settle()
            if self.left is not None:
                assert not self.left.messages()
                assert not self.left.monitors


@pytest.fixture
async def sides(runtime: Runtime) -> Sides:
    return Sides(runtime)


async def nothing(process: Process, channel: Channel) -> None:
    """Leave at once."""


async def receive_one(process: Process, channel: Channel) -> Any:
    return await channel.recv()


async def send_one(process: Process, channel: Channel) -> None:
    await channel.send(1)


async def test_who_leaves_early_is_told_what_was_next_and_so_is_the_other(
    sides: Sides,
) -> None:
    error = await sides.run(SUM, nothing, receive_one)
    assert isinstance(error, WrongStep)
    assert (error.expected, error.got) == ("Send(int)", "leaving the session")
    assert isinstance(sides.theirs, SessionClosed)
    assert sides.theirs.reason[0] == "left"
    assert b"Send(int)" in sides.theirs.reason[1]
    assert sides.theirs.expected == "Recv(int)"


async def test_the_accepting_side_may_not_leave_early_either(sides: Sides) -> None:
    async def send_two(process: Process, channel: Channel) -> None:
        await channel.send(1)
        await channel.send(2)
        await channel.recv()

    error = await sides.run(SUM, send_two, receive_one)
    assert isinstance(sides.theirs, WrongStep)
    assert isinstance(error, SessionClosed)
    assert error.reason[0] == "left"


async def test_who_has_only_sent_hears_that_nobody_listened(sides: Sides) -> None:
    error = await sides.run(PING, send_one, nothing)
    assert isinstance(error, SessionClosed)
    assert error.expected == "End"


async def test_an_exception_in_the_block_goes_on_and_is_told(sides: Sides) -> None:
    async def fail(process: Process, channel: Channel) -> None:
        raise ValueError("something else")

    error = await sides.run(SUM, fail, receive_one)
    assert isinstance(error, ValueError)
    assert sides.theirs.reason[0] == "left"
    assert sides.theirs.reason[1][:3] == (
        "python",
        b"builtins.ValueError",
        b"something else",
    )


async def test_a_wrong_step_sends_nothing_and_the_right_one_is_still_possible(
    sides: Sides,
) -> None:
    refused = []

    async def opener(process: Process, channel: Channel) -> None:
        for wrong in (
            lambda: channel.recv(),
            lambda: channel.offer(),
            lambda: channel.choose("x"),
            lambda: channel.send("text"),
        ):
            with pytest.raises(WrongStep) as caught:
                await wrong()
            refused.append(caught.value.expected)
        await channel.send(5)

    assert await sides.run(PING, opener, receive_one) is None
    assert refused == ["Send(int)"] * 4
    assert sides.theirs == 5


async def test_a_step_after_the_end_is_refused(sides: Sides) -> None:
    async def opener(process: Process, channel: Channel) -> Any:
        await channel.send(5)
        with pytest.raises(WrongStep) as caught:
            await channel.send(6)
        return caught.value.expected

    assert await sides.run(PING, opener, receive_one) == "End"


async def test_the_end_of_the_other_process_ends_the_session(sides: Sides) -> None:
    async def die(process: Process, channel: Channel) -> None:
        await process.exit(process.pid, "gone")

    async def wait(process: Process, channel: Channel) -> None:
        await channel.recv()

    error = await sides.run(Recv(int) >> End, wait, die)
    assert isinstance(error, SessionClosed)
    assert error.reason == "gone"


async def test_what_was_sent_before_the_end_of_a_process_still_arrives(
    runtime: Runtime,
) -> None:
    async def sender(process: Process, channel: Channel) -> None:
        await channel.send(7)
        await process.exit(process.pid, "kill")

    async def body(process: Process) -> Any:
        got = None
        try:
            async with session.spawn(sender, Recv(int) >> Recv(int) >> End) as channel:
                got = await channel.recv()
                await channel.recv()
        except SessionClosed as error:
            return got, error.reason, clean(process)

    assert await inside(runtime, body) == (7, "killed", True)


async def test_a_session_that_is_over_stays_over(sides: Sides) -> None:
    async def opener(process: Process, channel: Channel) -> list[Any]:
        reasons = []
        for _ in range(2):
            with pytest.raises(SessionClosed) as caught:
                await channel.recv()
            reasons.append(caught.value.reason[0])
        with pytest.raises(SessionClosed):
            await channel.recv(timeout=0)
        raise KeyError(*reasons)

    error = await sides.run(Recv(int) >> End, opener, nothing)
    assert isinstance(error, KeyError)
    assert error.args == ("left", "left")


async def test_a_step_that_takes_too_long_can_be_tried_again(
    sides: Sides, autojump_clock: trio.abc.Clock
) -> None:
    async def slow(process: Process, channel: Channel) -> None:
        await trio.sleep(10)
        await channel.send(1)

    async def patient(process: Process, channel: Channel) -> Any:
        with pytest.raises(SessionTimeout) as caught:
            await channel.recv(timeout=4)
        assert (caught.value.seconds, caught.value.expected) == (4, "Recv(int)")
        return await channel.recv()

    assert await sides.run(Recv(int) >> End, patient, slow) == 1


async def test_the_time_of_each_step_can_be_said_for_the_whole_session(
    sides: Sides, autojump_clock: trio.abc.Clock
) -> None:
    async def slow(process: Process, channel: Channel) -> None:
        await trio.sleep(10)
        await channel.send(1)

    error = await sides.run(Recv(int) >> End, receive_one, slow, step_timeout=3)
    assert isinstance(error, SessionTimeout)
    assert error.seconds == 3
    await trio.sleep(10)
    assert isinstance(sides.theirs, SessionClosed)


async def test_a_cancelled_step_takes_nothing(
    sides: Sides, autojump_clock: trio.abc.Clock
) -> None:
    async def slow(process: Process, channel: Channel) -> None:
        await trio.sleep(10)
        await channel.send(1)

    async def opener(process: Process, channel: Channel) -> Any:
        with trio.move_on_after(1):
            await channel.recv()
        assert channel.expected == "Recv(int)"
        return await channel.recv()

    assert await sides.run(Recv(int) >> End, opener, slow) == 1


async def test_a_cancelled_session_is_told_to_the_other_side(
    sides: Sides, autojump_clock: trio.abc.Clock
) -> None:
    runtime = sides.runtime

    async def acceptor(process: Process) -> None:
        try:
            async with session.accept(Recv(int) >> End) as channel:
                await channel.recv()
        except SessionClosed as error:
            sides.theirs = error.reason

    pid = await runtime.root.spawn(acceptor)

    async def body(process: Process) -> bool:
        with trio.move_on_after(1):
            async with session.open(pid, PING):
                await trio.sleep_forever()
        await settle()
        return clean(process)

    assert await inside(runtime, body)
    assert sides.theirs[0] == "left"


async def test_other_messages_stay_in_the_mailbox_in_their_order(
    runtime: Runtime,
) -> None:
    """A message that only looks alike is not taken for a step."""

    async def body(process: Process) -> Any:
        async with session.spawn(adder, SUM) as channel:
            await process.send(process.pid, True)
            await channel.send(1)
            await process.send(process.pid, (messages.SESSION, "not ours", 1))
            await channel.send(2)
            await process.send(process.pid, 3)
            total = await channel.recv()
        return total, process.messages()

    assert await inside(runtime, body) == (
        3,
        [True, (messages.SESSION, "not ours", 1), 3],
    )


async def test_an_offer_takes_no_boolean_or_atom_that_is_not_of_the_session(
    runtime: Runtime,
) -> None:
    async def other(process: Process, channel: Channel) -> None:
        await channel.choose("yes")

    async def body(process: Process) -> Any:
        for message in (True, Atom("no"), (messages.CHOOSE, Atom("no"))):
            await process.send(process.pid, message)
        async with session.spawn(other, Offer(yes=End, no=End)) as channel:
            label = await channel.offer()
        return label, process.message_count()

    assert await inside(runtime, body) == ("yes", 3)


async def test_two_sessions_of_one_process_do_not_mix(runtime: Runtime) -> None:
    async def body(process: Process) -> Any:
        async with (
            session.spawn(adder, SUM) as one,
            session.spawn(adder, SUM) as other,
        ):
            for channel, number in ((one, 1), (other, 10)):
                await channel.send(number)
                await channel.send(number)
            await settle()
            # Asked for in the other order than they came in.
            return await other.recv(), await one.recv()

    assert await inside(runtime, body) == (20, 2)


async def test_another_protocol_is_refused_and_the_waiting_goes_on(
    runtime: Runtime,
) -> None:
    accepted: list[Any] = []

    async def acceptor(process: Process) -> None:
        async with session.accept(PING.dual) as channel:
            accepted.append(await channel.recv())

    pid = await runtime.root.spawn(acceptor)

    async def wrong(process: Process) -> Any:
        with pytest.raises(SessionClosed) as caught:
            async with session.open(pid, SUM):
                pass
        return caught.value.reason, clean(process)

    async def right(process: Process) -> None:
        async with session.open(pid, PING) as channel:
            await channel.send(1)

    reason, left_clean = await inside(runtime, wrong)
    assert reason == ("refused", b"Send(int) >> End")
    assert left_clean
    await inside(runtime, right)
    assert accepted == [1]


async def test_nobody_there_is_said_at_once(runtime: Runtime) -> None:
    gone = await runtime.root.spawn(idle)
    await runtime.root.exit(gone, "kill")
    await settle()

    async def body(process: Process) -> list[Any]:
        reasons = []
        for dest in (gone, "nobody", ("nobody", runtime.name)):
            with pytest.raises(SessionClosed) as caught:
                async with session.open(dest, PING):
                    pass
            reasons.append(caught.value.reason)
        return [*reasons, clean(process)]

    assert await inside(runtime, body) == ["noproc", "noproc", "noproc", True]


async def test_a_session_that_nobody_accepts_in_time_is_not_accepted_later(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    seen: list[Any] = []

    async def late(process: Process) -> None:
        await trio.sleep(10)
        async with session.accept(PING.dual) as channel:
            seen.append(await channel.recv())
        seen.append((process.messages(), bool(process.monitors)))

    pid = await runtime.root.spawn(late)

    async def impatient(process: Process) -> Any:
        with pytest.raises(SessionTimeout) as caught:
            async with session.open(pid, PING, timeout=3):
                pass
        return caught.value.seconds, clean(process)

    async def patient(process: Process) -> None:
        async with session.open(pid, PING, timeout=math.inf) as channel:
            await channel.send(2)

    assert await inside(runtime, impatient) == (3, True)
    await inside(runtime, patient)
    await settle()
    assert seen == [2, ([], False)]


async def test_who_asked_and_ended_is_passed_over(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    seen: list[Any] = []

    async def late(process: Process) -> None:
        await trio.sleep(10)
        async with session.accept(PING.dual) as channel:
            seen.append(await channel.recv())

    pid = await runtime.root.spawn(late)

    async def asks(process: Process) -> None:
        async with session.open(pid, PING, timeout=math.inf) as channel:
            await channel.send(1)

    first = await runtime.root.spawn(asks)
    await settle()
    await runtime.root.exit(first, "kill")
    await inside(runtime, asks)
    await settle()
    assert seen == [1]


async def test_who_never_says_ready_does_not_hold_up_the_next(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    seen: list[Any] = []

    async def acceptor(process: Process) -> None:
        async with session.accept(PING.dual) as channel:
            seen.append((trio.current_time() - started, await channel.recv()))

    started = trio.current_time()
    pid = await runtime.root.spawn(acceptor)
    silent = find(runtime, await runtime.root.spawn(idle))
    asking = messages.opening(silent.pid, silent.alias(), PING.dual)
    await silent.send(pid, asking)

    async def asks(process: Process) -> None:
        async with session.open(pid, PING, timeout=math.inf) as channel:
            await channel.send(1)

    await inside(runtime, asks)
    await settle()
    assert seen == [(5.0, 1)]


async def test_nobody_asks_in_time(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    async def body(process: Process) -> Any:
        with pytest.raises(SessionTimeout) as caught:
            async with session.accept(PING.dual, timeout=2):
                pass
        return caught.value.seconds

    assert await inside(runtime, body) == 2


class Desk(GenServer):
    """Takes sessions between other messages."""

    async def init(self) -> None:
        self.sums: list[int] = []

    async def handle_call(self, request: Any, from_: Any) -> Any:
        return self.sums

    async def handle_info(self, message: Any) -> None:
        async with session.accept(SUM.dual, opening=message) as channel:
            total = await channel.recv() + await channel.recv()
            await channel.send(total)
            self.sums.append(total)


async def test_a_server_accepts_in_handle_info(runtime: Runtime) -> None:
    await runtime.root.start(Desk, name="desk")

    async def body(process: Process) -> Any:
        for number in (1, 2):
            async with session.open("desk", SUM) as channel:
                await channel.send(number)
                await channel.send(number)
                await channel.recv()
        return await process.call("desk", "sums")

    assert await inside(runtime, body) == [2, 4]


async def test_what_does_not_ask_for_a_session_cannot_be_accepted(
    runtime: Runtime,
) -> None:
    async def body(process: Process) -> None:
        async with session.accept(PING, opening=("hello",)):
            pass

    with pytest.raises(ValueError, match="no message that opens a session"):
        await inside(runtime, body)


async def test_a_server_refuses_another_protocol_at_once(runtime: Runtime) -> None:
    refused: list[Any] = []

    async def acceptor(process: Process) -> None:
        message = await process.receive()
        try:
            async with session.accept(PING.dual, opening=message):
                pass
        except SessionClosed as error:
            refused.append(error.reason)

    pid = await runtime.root.spawn(acceptor)

    async def body(process: Process) -> Any:
        with pytest.raises(SessionClosed) as caught:
            async with session.open(pid, SUM):
                pass
        return caught.value.reason[0]

    assert await inside(runtime, body) == "refused"
    assert refused == ["refused"]


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ((messages.VALUE, "text"), b"expected an integer"),
        ((messages.VALUE, 1, 2), b"the message"),
        ((messages.CHOOSE, Atom("x")), b"the message"),
        (messages.DONE, b"the message"),
        (Atom("nonsense"), b"the message"),
    ],
)
async def test_what_breaks_the_protocol_ends_the_session_for_both(
    runtime: Runtime, said: Any, problem: bytes
) -> None:
    """The other side is played by hand, as a BEAM could play it."""
    heard: list[Any] = []

    async def other(process: Process) -> None:
        _, (_, _, ref, written) = await process.receive(messages.is_opening)
        assert written == b"Send(int) >> End"
        ours = process.alias()
        accepted = (messages.ACCEPT, process.pid, ours)
        await process.send(ref, (messages.SESSION, ref, accepted))
        heard.append((await process.receive(ours))[2])
        await process.send(ref, (messages.SESSION, ref, said))
        heard.append((await process.receive(ours))[2])

    pid = await runtime.root.spawn(other)

    async def body(process: Process) -> Any:
        with pytest.raises(SessionClosed) as caught:
            async with session.open(pid, Recv(int) >> End) as channel:
                await channel.recv()
        return caught.value.reason

    kind, text = await inside(runtime, body)
    await settle()
    assert kind == "broken"
    assert problem in text
    assert heard == ["ready", ("leave", ("broken", text))]


async def test_a_choice_that_there_is_not_is_no_label(runtime: Runtime) -> None:
    async def other(process: Process, channel: Channel) -> None:
        label = (messages.CHOOSE, Atom("neither"))
        await process.send(channel.to, (messages.SESSION, channel.to, label))
        await trio.sleep_forever()

    async def body(process: Process) -> Any:
        with pytest.raises(SessionClosed) as caught:
            async with session.spawn(other, Offer(a=End, b=End)) as channel:
                await channel.offer()
        return caught.value.reason[0]

    assert await inside(runtime, body) == "broken"


async def test_who_has_given_up_is_told_to_a_server_that_comes_to_it_late(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    seen: list[Any] = []

    async def server(process: Process) -> None:
        await trio.sleep(10)
        try:
            async with session.accept(PING.dual, opening=await process.receive()):
                pass
        except SessionClosed as error:
            seen.append((error.reason, process.messages()))

    pid = await runtime.root.spawn(server)

    async def body(process: Process) -> None:
        with pytest.raises(SessionTimeout):
            async with session.open(pid, PING, timeout=1):
                pass

    await inside(runtime, body)
    await trio.sleep(20)
    assert seen == [("cancelled", [])]


async def test_a_refused_session_leaves_no_message_behind(runtime: Runtime) -> None:
    async def server(process: Process) -> None:
        with pytest.raises(SessionClosed):
            async with session.accept(PING.dual, opening=await process.receive()):
                pass
        await trio.sleep_forever()

    pid = await runtime.root.spawn(server)

    async def body(process: Process) -> None:
        with pytest.raises(SessionClosed):
            async with session.open(pid, SUM):
                pass

    await inside(runtime, body)
    await settle()
    assert find(runtime, pid).messages() == []


async def test_a_protocol_that_breaks_a_rule_is_refused_before_anything(
    runtime: Runtime,
) -> None:
    async def body(process: Process) -> Any:
        for way in (
            session.open("nobody", Send(int)),
            session.accept(Send(int)),
            session.spawn(adder, Send(int)),
        ):
            with pytest.raises(ValueError, match="does not go on"):
                async with way:
                    pass
        return clean(process)

    assert await inside(runtime, body)


async def test_a_session_with_oneself_is_refused(runtime: Runtime) -> None:
    async def body(process: Process) -> None:
        process.register("me")
        for dest in (process.pid, "me"):
            with pytest.raises(LocalProtocolError, match="with itself"):
                async with session.open(dest, PING):
                    pass

    await inside(runtime, body)


async def test_a_node_has_no_sessions(runtime: Runtime) -> None:
    class Node:
        def __init__(self) -> None:
            self.runtime = runtime

    with pytest.raises(LocalProtocolError, match="a node has no body"):
        async with session.open("x", PING, caller=Node()):
            pass


async def test_the_process_of_a_session_takes_options_of_spawn(
    runtime: Runtime,
) -> None:
    async def other(process: Process, channel: Channel, extra: int) -> None:
        await channel.send((process.names, extra, process.label))

    async def body(process: Process) -> Any:
        protocol = Recv(Any) >> End
        async with session.spawn(other, protocol, 9, name="other", link=True) as one:
            assert len(process.links) == 1
            return await one.recv()

    assert await inside(runtime, body) == (("other",), 9, "other")


async def test_the_peer_of_a_channel_is_the_process_on_the_other_side(
    sides: Sides,
) -> None:
    async def opener(process: Process, channel: Channel) -> Any:
        await channel.send(1)
        return channel.peer, process.pid

    async def acceptor(process: Process, channel: Channel) -> Any:
        await channel.recv()
        return process.pid, channel.peer

    assert await sides.run(PING, opener, acceptor) == sides.theirs
