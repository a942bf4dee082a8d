"""Tags of links: on the exit message, on the side that gave them, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import etf
from ergopy import Atom, Down, Exit, ExitMessage, GenServer
from tests.runtimes import idle, mail, settle, sleeper

if TYPE_CHECKING:
    from ergopy import Pid, Process
    from ergopy.process.runtime import Runtime


async def end(runtime: Runtime, pid: Pid, reason: Any = "gone") -> None:
    await runtime.root.exit(pid, reason)
    await settle()


def tags(process: Process) -> list[Any]:
    return [message.tag for message in mail(process)]


async def test_the_exit_message_of_a_tagged_link_has_the_tag(runtime: Runtime) -> None:
    one, other = sleeper(runtime, trap=True), sleeper(runtime)
    await one.link(other.pid, tag=("worker", 7))
    await end(runtime, other.pid)
    [message] = mail(one)
    assert isinstance(message, ExitMessage)
    assert (message.pid, message.reason) == (other.pid, "gone")
    assert message.tag == ("worker", 7)


async def test_the_message_is_the_plain_tuple_all_the_same(runtime: Runtime) -> None:
    one, other = sleeper(runtime, trap=True), sleeper(runtime)
    await one.link(other.pid, tag="mine")
    await end(runtime, other.pid)
    [message] = mail(one)
    plain = (Atom("EXIT"), other.pid, Atom("gone"))
    assert message == plain
    assert etf.encode(message) == etf.encode(plain)


async def test_the_other_side_sees_no_tag(runtime: Runtime) -> None:
    one, other = sleeper(runtime), sleeper(runtime, trap=True)
    await one.link(other.pid, tag="mine")
    await end(runtime, one.pid)
    assert tags(other) == [None]


async def test_both_sides_may_have_tags_of_their_own(runtime: Runtime) -> None:
    one, other = sleeper(runtime, trap=True), sleeper(runtime, trap=True)
    await one.link(other.pid, tag="of one")
    await other.link(one.pid, tag="of the other")
    await runtime.root.exit(other.pid, "kill")
    await settle()
    assert tags(one) == ["of one"]


async def test_a_link_without_a_tag_has_none(runtime: Runtime) -> None:
    one, other = sleeper(runtime, trap=True), sleeper(runtime)
    await one.link(other.pid)
    await end(runtime, other.pid)
    assert tags(one) == [None]


async def test_the_last_link_call_decides_about_the_tag(runtime: Runtime) -> None:
    one = sleeper(runtime, trap=True)
    again, without = sleeper(runtime), sleeper(runtime)
    await one.link(again.pid, tag="first")
    await one.link(again.pid, tag="second")
    await one.link(without.pid, tag="first")
    await one.link(without.pid)
    await end(runtime, again.pid)
    await end(runtime, without.pid)
    assert tags(one) == ["second", None]


@pytest.mark.parametrize("who", ["one", "other"])
async def test_unlink_takes_the_tag_away(runtime: Runtime, who: str) -> None:
    one, other = sleeper(runtime, trap=True), sleeper(runtime)
    await one.link(other.pid, tag="old")
    if who == "one":
        one.unlink(other.pid)
    else:
        other.unlink(one.pid)
    await other.link(one.pid)
    await end(runtime, other.pid)
    assert tags(one) == [None]
    assert not one._link_tags


async def test_a_link_to_nobody_answers_with_the_tag(runtime: Runtime) -> None:
    one, gone = sleeper(runtime, trap=True), sleeper(runtime)
    await end(runtime, gone.pid)
    await one.link(gone.pid, tag="late")
    assert [(m.reason, m.tag) for m in mail(one)] == [("noproc", "late")]
    assert not one._link_tags


async def test_spawn_with_a_link_takes_a_tag(runtime: Runtime) -> None:
    one = sleeper(runtime, trap=True)
    pid = await one.spawn(idle, link=True, tag=3)
    await end(runtime, pid)
    assert tags(one) == [3]


async def test_a_tagged_child_that_fails_at_once_is_not_missed(
    runtime: Runtime,
) -> None:
    async def fail(process: Process) -> None:
        raise Exit("at once")

    one = sleeper(runtime, trap=True)
    pid, ref = await one.spawn(fail, link=True, monitor=True, tag="mine")
    await settle()
    exited = [m for m in mail(one) if isinstance(m, ExitMessage)]
    assert [(m.pid, m.reason, m.tag) for m in exited] == [(pid, "at once", "mine")]
    assert [m.ref for m in mail(one) if isinstance(m, Down)] == [ref]


async def test_start_with_a_link_takes_a_tag(runtime: Runtime) -> None:
    one = sleeper(runtime, trap=True)
    pid = await one.start(GenServer, link=True, tag=("server", 1))
    await end(runtime, pid)
    assert tags(one) == [("server", 1)]


async def test_an_exit_signal_that_is_no_link_s_has_no_tag(runtime: Runtime) -> None:
    one, other = sleeper(runtime, trap=True), sleeper(runtime)
    await one.link(other.pid, tag="link")
    await other.exit(one.pid, "hello")
    assert tags(one) == [None]


async def test_nothing_of_a_tag_is_left_when_its_process_has_ended(
    runtime: Runtime,
) -> None:
    one, other = sleeper(runtime), sleeper(runtime, trap=True)
    await one.link(other.pid, tag="x")
    await end(runtime, one.pid)
    assert one._link_tags is None
    assert not other._link_tags
