"""Listeners hear of each registration, in order, and of what they have missed."""

from __future__ import annotations

from typing import Any

import pytest

from ergopy import Atom, MailboxLimit
from tests.gen.registry.kit import begin, end, pids
from tests.runtimes import find, idle, mail, settle, sleeper

REGISTER, UNREGISTER, REG = Atom("register"), Atom("unregister"), Atom("reg")


@pytest.mark.parametrize("keys", ["unique", "duplicate"])
async def test_they_hear_of_each_change(runtime, keys: str) -> None:
    listener = sleeper(runtime, name="listener")
    registry = await begin(runtime, keys=keys, listeners=["listener"])
    one, two = pids(runtime, 2)
    registry.register("key", 1, one)
    registry.unregister("key", one)
    registry.register("key", 2, two)
    registry.register("other", 3, two)
    await end(runtime, two)
    assert mail(listener) == [
        (REGISTER, REG, "key", one, 1),
        (UNREGISTER, REG, "key", one),
        (REGISTER, REG, "key", two, 2),
        (REGISTER, REG, "other", two, 3),
        (UNREGISTER, REG, "key", two),
        (UNREGISTER, REG, "other", two),
    ]


async def test_of_several_entries_under_a_key_the_last_one_counts(runtime) -> None:
    listener = sleeper(runtime)
    registry = await begin(runtime, keys="duplicate", listeners=[listener.pid])
    one, two = pids(runtime, 2)
    for value in range(3):
        registry.register("key", value, one)
        registry.register("key", value, two)
    listener.clear()
    registry.unregister_match("key", 1, pid=one)
    registry.unregister("nothing", one)
    assert mail(listener) == []
    registry.unregister("key", one)
    await end(runtime, two)
    assert mail(listener) == [
        (UNREGISTER, REG, "key", one),
        (UNREGISTER, REG, "key", two),
    ]


async def test_one_that_comes_later_hears_first_what_is_there(runtime) -> None:
    registry = await begin(runtime)
    (pid,) = pids(runtime, 1)
    registry.register("key", 1, pid)
    late, new = sleeper(runtime), sleeper(runtime)
    registry.subscribe(late.pid)
    registry.subscribe(new.pid, replay=False)
    registry.remove("key")
    assert mail(late) == [
        (REGISTER, REG, "key", pid, 1),
        (UNREGISTER, REG, "key", pid),
    ]
    assert mail(new) == [(UNREGISTER, REG, "key", pid)]
    registry.unsubscribe(late.pid)
    registry.unsubscribe(late.pid)
    registry.register("key", 1, pid)
    assert len(mail(late)) == 2


async def test_one_that_is_not_there_harms_nobody(runtime) -> None:
    registry = await begin(runtime, listeners=["nobody"])
    (pid,) = pids(runtime, 1)
    registry.register("key", object(), pid)
    assert registry.lookup("key") == pid
    await settle()


async def test_a_slow_one_is_told_how_many_it_has_missed(runtime) -> None:
    registry = await begin(runtime)
    (pid,) = pids(runtime, 1)
    slow = runtime.spawn(idle, (), mailbox=MailboxLimit(2, "raise"))
    registry.subscribe(slow.pid)
    for key in range(5):
        registry.register(key, pid=pid)
    heard: list[Any] = [message[2] for message in mail(slow)]
    assert heard == [0, 1]
    slow.clear()
    registry.register(5, pid=pid)
    assert mail(slow) == [
        (Atom("lagged"), REG, 3),
        (REGISTER, REG, 5, pid, None),
    ]


async def test_a_dead_one_is_forgotten(runtime) -> None:
    registry = await begin(runtime)
    (pid,) = pids(runtime, 1)
    listener = sleeper(runtime)
    registry.subscribe(listener.pid)
    await end(runtime, listener.pid)
    registry.register("key", pid=pid)
    assert not registry._listeners
    assert find(runtime, pid).alive


async def test_one_that_dies_of_a_message_does_not_stop_the_others(runtime) -> None:
    registry = await begin(runtime)
    weak = runtime.spawn(idle, (), mailbox=MailboxLimit(1, "kill"))
    gone, last = sleeper(runtime), sleeper(runtime)
    one, two = pids(runtime, 2)
    registry.register("weak", pid=weak.pid)
    for listener in (weak, gone, last):
        registry.subscribe(listener.pid, replay=False)
    registry.register(1, pid=one)
    # Nobody has told the registry yet that this one has ended.
    await end(runtime, gone.pid)
    last.clear()
    registry.register(2, 2, two)
    # Told of the second, the first listener has died, and with it an entry has gone.
    assert registry.lookup("weak") is None
    assert registry.lookup(2) == two
    assert mail(last) == [
        (UNREGISTER, REG, "weak", weak.pid),
        (REGISTER, REG, 2, two, 2),
    ]
