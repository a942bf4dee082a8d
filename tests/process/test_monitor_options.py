"""The options of monitors, links and aliases, as OTP 28 has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ergopy import Atom, Down, ExitMessage, LocalProtocolError, Pid, Reference
from tests.runtimes import Ends, assert_only_the_root, mail, settle, sleeper

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime

DOWN = Atom("DOWN")
BOOM = Atom("boom")

# mode; what of two messages arrives while the target lives; whether `unalias` then
# finds the alias, and `demonitor` the monitor; what arrives after the target's end.
MODES: list[tuple[Any, list[int], bool, bool, bool, list[int]]] = [
    ("explicit_unalias", [1, 2], True, True, True, [3]),
    ("demonitor", [1, 2], True, True, True, []),
    ("reply_demonitor", [1], False, False, False, []),
    (True, [1], False, False, False, []),
]


@pytest.mark.parametrize(("mode", "got", "alias", "monitor", "fires", "late"), MODES)
async def test_the_mode_of_an_alias_says_what_ends_it(
    runtime: Runtime,
    mode: Any,
    got: list[int],
    alias: bool,
    monitor: bool,
    fires: bool,
    late: list[int],
) -> None:
    for ending in ("unalias", "demonitor", "end of the target"):
        owner, target = sleeper(runtime), sleeper(runtime)
        ref = await owner.monitor(target.pid, alias=mode)
        for number in (1, 2):
            await target.send(ref, number)
        assert mail(owner) == got
        owner.clear()
        if ending == "unalias":
            assert owner.unalias(ref) is alias
            assert (ref in owner.monitors) is monitor
        elif ending == "demonitor":
            assert owner.demonitor(ref) is monitor
            assert owner.unalias(ref) is (mode == "explicit_unalias")
        else:
            await runtime.root.exit(target.pid, BOOM)
            await settle()
            await runtime.root.send(ref, 3)
            down = [Down(ref, target.pid, BOOM)] if fires else []
            assert mail(owner) == down + late
        owner.unalias(ref)
        owner.demonitor(ref)
        assert not owner._aliases
        assert not runtime.aliases
        assert not target.watchers


async def test_a_mode_that_there_is_not_is_refused(runtime: Runtime) -> None:
    owner, target = sleeper(runtime), sleeper(runtime)
    mode: Any = "forever"
    with pytest.raises(ValueError, match="forever"):
        await owner.monitor(target.pid, alias=mode)
    assert not owner.monitors


async def test_a_monitor_on_oneself_is_none_and_has_no_alias(runtime: Runtime) -> None:
    one = sleeper(runtime, name="one")
    for target in (one.pid, "one"):
        ref = await one.monitor(target, alias="explicit_unalias")
        await runtime.root.send(ref, 1)
        assert mail(one) == []
        assert one.demonitor(ref) is False
        assert one.unalias(ref) is False


@pytest.mark.parametrize("flush", [True, False])
@pytest.mark.parametrize("info", [True, False])
@pytest.mark.parametrize("fired", [True, False])
async def test_demonitor_says_what_info_asks_for(
    runtime: Runtime, flush: bool, info: bool, fired: bool
) -> None:
    owner, target = sleeper(runtime), sleeper(runtime)
    ref = await owner.monitor(target.pid)
    if fired:
        await runtime.root.exit(target.pid, BOOM)
        await settle()
    assert owner.demonitor(ref, flush=flush, info=info) is not (info and fired)
    assert len(mail(owner)) == (fired and not flush)


async def test_a_reference_of_another_node_is_no_monitor(runtime: Runtime) -> None:
    with pytest.raises(LocalProtocolError, match="this node"):
        sleeper(runtime).demonitor(Reference(Atom("far@host"), 1, (1, 2, 3)))


async def test_a_tag_stands_in_the_place_of_down(runtime: Runtime) -> None:
    owner, target = sleeper(runtime), sleeper(runtime)
    tag = (Atom("job"), 7)
    ref = await owner.monitor(target.pid, tag=tag)
    nil = await owner.monitor("nobody", tag=None)
    await runtime.root.exit(target.pid, BOOM)
    await settle()
    first, second = mail(owner)
    assert first[0] is None
    assert (second.tag, second.ref, second.pid, second.reason) == (
        tag,
        ref,
        target.pid,
        BOOM,
    )
    assert tuple(second) == (tag, ref, Atom("process"), target.pid, BOOM)
    assert owner.demonitor(nil) is False
    assert mail(owner) == [second], "a Down is found by its reference"


async def test_a_priority_down_goes_before_ordinary_messages(runtime: Runtime) -> None:
    owner, target = sleeper(runtime), sleeper(runtime)
    plain = await owner.monitor(target.pid)
    first = await owner.monitor(target.pid, priority=True)
    await runtime.root.send(owner.pid, 1)
    second = await owner.monitor("nobody", priority=True)
    await runtime.root.exit(target.pid, BOOM)
    await settle()
    refs = [m if m == 1 else m.ref for m in mail(owner)]
    assert refs == [second, first, 1, plain]


@pytest.mark.parametrize(
    ("calls", "first"),
    [
        ([True], True),
        ([False], False),
        ([False, True], True),
        ([True, False], False),
    ],
)
async def test_the_last_link_says_whether_its_exit_has_priority(
    runtime: Runtime, calls: list[bool], first: bool
) -> None:
    one, two = sleeper(runtime, trap=True), sleeper(runtime)
    for priority in calls:
        await one.link(two.pid, priority=priority)
    await runtime.root.send(one.pid, 1)
    await runtime.root.exit(two.pid, BOOM)
    await settle()
    message = ExitMessage(two.pid, BOOM)
    assert mail(one) == ([message, 1] if first else [1, message])
    assert not one.links


async def test_a_priority_link_is_unlinked_as_any_other(runtime: Runtime) -> None:
    one, two = sleeper(runtime, trap=True), sleeper(runtime)
    await one.link(two.pid, priority=True)
    one.unlink(two.pid)
    await one.link(two.pid)
    await runtime.root.send(one.pid, 1)
    await runtime.root.exit(two.pid, BOOM)
    await settle()
    assert mail(one) == [1, ExitMessage(two.pid, BOOM)]


async def test_a_link_of_the_partner_keeps_what_this_side_wants(
    runtime: Runtime,
) -> None:
    one, two = sleeper(runtime, trap=True), sleeper(runtime)
    await one.link(two.pid, priority=True)
    await two.link(one.pid)
    await runtime.root.send(one.pid, 1)
    await runtime.root.exit(two.pid, BOOM)
    await settle()
    assert mail(one) == [ExitMessage(two.pid, BOOM), 1]


async def test_a_priority_link_to_nobody_has_priority(runtime: Runtime) -> None:
    one = sleeper(runtime, trap=True)
    await runtime.root.send(one.pid, 1)
    nobody = Pid(runtime.name, 9999, 0, runtime.creation)
    await one.link(nobody, priority=True)
    assert mail(one) == [ExitMessage(nobody, Atom("noproc")), 1]


async def test_only_an_alias_made_for_it_takes_priority_messages(
    runtime: Runtime,
) -> None:
    owner = sleeper(runtime, name="owner")
    root = runtime.root
    special, plain = owner.alias(priority=True), owner.alias()
    await root.send(owner.pid, 1)
    await root.send(special, 2)
    await root.send(special, "first", priority=True)
    await root.send(plain, 3, priority=True)
    await root.send(owner.pid, 4, priority=True)
    await root.send("owner", 5, priority=True)
    await root.send([special, owner.pid], "second", priority=True)
    assert mail(owner) == ["first", "second", 1, 2, 3, 4, 5, "second"]


async def test_a_priority_alias_for_one_message_takes_one(runtime: Runtime) -> None:
    owner = sleeper(runtime)
    alias = owner.alias(once=True, priority=True)
    await runtime.root.send(owner.pid, 1)
    await runtime.root.send(alias, 2, priority=True)
    await runtime.root.send(alias, 3, priority=True)
    assert mail(owner) == [2, 1]


@pytest.mark.parametrize("once", [True, False])
async def test_an_exit_signal_to_an_alias_is_for_its_owner(
    runtime: Runtime, once: bool
) -> None:
    owner = sleeper(runtime, trap=True)
    root = runtime.root
    alias = owner.alias(once=once)
    await root.exit(alias, "one")
    await root.exit(alias, "two", priority=True)
    owner.unalias(alias)
    await root.exit(alias, "late")
    await root.exit(Reference(alias.node, 1, alias.words), "old")
    assert mail(owner) == [ExitMessage(root.pid, Atom(r)) for r in ("one", "two")]


async def test_a_priority_exit_to_a_priority_alias_goes_first(
    runtime: Runtime,
) -> None:
    owner, root = sleeper(runtime, trap=True), runtime.root
    alias = owner.alias(priority=True)
    await root.send(owner.pid, 1)
    await root.exit(alias, "behind")
    await root.exit(alias, "before", priority=True)
    await root.exit(owner.pid, "ordinary", priority=True)
    one = [m if m == 1 else str(m.reason) for m in mail(owner)]
    assert one == ["before", 1, "behind", "ordinary"]


async def test_kill_through_an_alias_cannot_be_trapped(runtime: Runtime) -> None:
    owner = sleeper(runtime, trap=True)
    ends = Ends(owner)
    alias = owner.alias()
    await runtime.root.exit(alias, "kill")
    await settle()
    assert ends.reasons == ["killed"]
    assert_only_the_root(runtime)


async def test_an_exit_to_the_alias_of_a_call_ends_the_caller(runtime: Runtime) -> None:
    callee = sleeper(runtime)

    async def ask(process: Any) -> None:
        await process.call(callee.pid, 1)

    caller = runtime.spawn(ask, ())
    ends = Ends(caller)
    await settle()
    tag = mail(callee)[0][1][1]
    await runtime.root.exit(tag.tail, BOOM)
    await settle()
    assert ends.reasons == [BOOM]


async def test_what_is_sent_after_the_lethal_signal_finds_nobody(
    runtime: Runtime,
) -> None:
    watcher = sleeper(runtime, trap=True)
    target = sleeper(runtime)
    early = await watcher.monitor(target.pid)
    await watcher.exit(target.pid, BOOM)
    late = await watcher.monitor(target.pid)
    await watcher.link(target.pid)
    await settle()
    assert mail(watcher) == [
        Down(early, target.pid, BOOM),
        Down(late, target.pid, Atom("noproc")),
        ExitMessage(target.pid, Atom("noproc")),
    ]
    assert not watcher.links
    assert not watcher.monitors


async def test_what_came_too_late_can_be_taken_back(runtime: Runtime) -> None:
    watcher, target = sleeper(runtime, trap=True), sleeper(runtime)
    await watcher.exit(target.pid, BOOM)
    ref = await watcher.monitor(target.pid)
    await watcher.link(target.pid)
    assert watcher.demonitor(ref) is True
    watcher.unlink(target.pid)
    await settle()
    assert mail(watcher) == []


async def test_the_group_leader_of_a_process_can_be_changed(runtime: Runtime) -> None:
    one, two = sleeper(runtime), sleeper(runtime)
    one.set_group_leader(two.pid)
    assert one.group_leader == two.pid
    one.set_group_leader(one.pid, two.pid)
    assert two.group_leader == one.pid
    away = Pid(Atom("far@host"), 5, 0, 1)
    one.set_group_leader(away)
    assert one.group_leader == away
    await runtime.root.exit(two.pid, "kill")
    await settle()
    for arguments in ((two.pid,), (one.pid, two.pid)):
        with pytest.raises(LocalProtocolError, match="has ended"):
            one.set_group_leader(*arguments)
