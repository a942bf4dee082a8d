"""Aliases: what leads to a process, and when it stops to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ergopy import Down, Reference
from tests.runtimes import assert_only_the_root, mail, settle, sleeper

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


async def test_an_alias_leads_to_its_process_until_it_is_ended(
    runtime: Runtime,
) -> None:
    owner = sleeper(runtime)
    alias = owner.alias()
    for number in (1, 2):
        await runtime.root.send(alias, number)
    assert owner.unalias(alias) is True
    assert owner.unalias(alias) is False
    await runtime.root.send(alias, 3)
    assert mail(owner) == [1, 2]
    assert not runtime.aliases


async def test_a_one_shot_alias_takes_one_message(runtime: Runtime) -> None:
    owner = sleeper(runtime)
    alias = owner.alias(once=True)
    await runtime.root.send(alias, 1)
    await runtime.root.send(alias, 2)
    assert mail(owner) == [1]
    assert owner.unalias(alias) is False
    assert not owner._aliases


async def test_the_alias_of_a_monitor_ends_it_with_its_first_message(
    runtime: Runtime,
) -> None:
    owner, target = sleeper(runtime), sleeper(runtime)
    ref = await owner.monitor(target.pid, alias=True)
    await target.send(ref, "answer")
    await target.send(ref, "late")
    await runtime.root.exit(target.pid, "boom")
    await settle()
    assert mail(owner) == ["answer"]
    assert not target.watchers


async def test_the_alias_of_a_monitor_ends_when_it_fires(runtime: Runtime) -> None:
    owner, target = sleeper(runtime), sleeper(runtime)
    ref = await owner.monitor(target.pid, alias=True)
    await runtime.root.exit(target.pid, "boom")
    await settle()
    await runtime.root.send(ref, "late")
    assert [m.__class__ for m in mail(owner)] == [Down]
    assert not owner._aliases
    assert not runtime.aliases


async def test_nobody_can_end_the_alias_of_another(runtime: Runtime) -> None:
    owner, other = sleeper(runtime), sleeper(runtime)
    alias = owner.alias()
    assert other.unalias(alias) is False
    await runtime.root.send(alias, "still there")
    assert mail(owner) == ["still there"]


async def test_an_alias_of_an_earlier_run_leads_nowhere(runtime: Runtime) -> None:
    owner = sleeper(runtime)
    alias = owner.alias()
    old = Reference(alias.node, alias.creation + 1, alias.words)
    await runtime.root.send(old, 1)
    assert mail(owner) == []


async def test_the_aliases_of_a_process_end_with_it(runtime: Runtime) -> None:
    owner = sleeper(runtime)
    alias = owner.alias()
    owner.alias(once=True)
    await runtime.root.exit(owner.pid, "kill")
    await settle()
    await runtime.root.send(alias, 1)
    assert_only_the_root(runtime)


async def test_the_end_of_a_process_leaves_the_aliases_of_others(
    runtime: Runtime,
) -> None:
    one, two, three = (sleeper(runtime) for _ in range(3))
    kept = [one.alias(), three.alias(once=True)]
    two.alias()
    await one.link(three.pid)
    await one.monitor(two.pid, alias="explicit_unalias")
    await runtime.root.exit(two.pid, "kill")
    await settle()
    for alias in kept:
        await runtime.root.send(alias, "still there")
    assert mail(one)[1:] == ["still there"]
    assert mail(three) == ["still there"]
