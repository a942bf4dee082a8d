"""Configurations: which there can be, what they pass on, and to whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ergopy
from ergopy import MailboxLimit, ProcessConfig
from ergopy.process.configured.config import DEFAULT, RIGHTS, narrowed
from ergopy.process.configured.copying import STRICTNESS
from tests.process.configured.kit import configured
from tests.runtimes import find, idle, mail, settle

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"lifetime": -1}, "a number of seconds"),
        ({"lifetime": float("nan")}, "a number of seconds"),
        ({"max_processes": -1}, "a number of processes"),
        ({"max_processes": True}, "a number of processes"),
        ({"copy": "shallow"}, "copy= is one of none, deep, etf"),
        ({"may_call": "lists"}, "may_call= is several names"),
        ({"environment": {1: 2}}, "a variable is a str"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(
    options: dict[str, Any], problem: str
) -> None:
    with pytest.raises((ValueError, TypeError), match=problem):
        ProcessConfig(**options)


async def test_a_process_without_a_configuration_is_a_plain_one(
    runtime: Runtime,
) -> None:
    process = runtime.spawn(idle, ())
    assert type(process) is ergopy.Process
    assert process.config is None


async def test_a_child_that_is_given_nothing_inherits_all(runtime: Runtime) -> None:
    parent = configured(runtime, may_run_sync=False, copy="deep", may_call=["lists"])
    child = find(runtime, await parent.spawn(idle))
    grandchild = find(runtime, await child.spawn(idle))
    for process in (child, grandchild):
        assert process.config is not None
        assert not process.config.may_run_sync
        assert process.config.copy == "deep"
        assert process.config.may_call == {"lists"}


async def test_a_configuration_has_a_mailbox_limit_as_well(runtime: Runtime) -> None:
    process = configured(runtime, mailbox=MailboxLimit(2, "drop_new"), may_spawn=False)
    for number in range(4):
        await runtime.root.send(process.pid, number)
    assert mail(process) == [0, 1]
    assert process.dropped == 2
    child = find(runtime, await configured(runtime, mailbox=None).spawn(idle))
    assert not isinstance(child, type(process))


async def test_mailbox_goes_before_that_of_the_configuration(runtime: Runtime) -> None:
    config = ProcessConfig(mailbox=MailboxLimit(5))
    process = runtime.spawn(idle, (), mailbox=MailboxLimit(1), config=config)
    for number in range(3):
        await runtime.root.send(process.pid, number)
    assert mail(process) == [0]


async def test_variables_of_a_configuration_come_on_top_of_what_is_inherited(
    runtime: Runtime,
) -> None:
    parent = runtime.spawn(idle, ())
    parent.env.update(a=1, b=1)
    config = ProcessConfig(environment={"b": 2})
    child = find(runtime, await parent.spawn(idle, config=config))
    assert dict(child.env) == {"a": 1, "b": 2}
    assert dict(parent.env) == {"a": 1, "b": 1}


async def test_a_supervised_child_has_its_configuration_after_each_restart(
    runtime: Runtime,
) -> None:
    spec = ergopy.ChildSpec(idle, name="it", config=ProcessConfig(may_spawn=False))
    await runtime.root.start(ergopy.Supervisor, [spec])
    for _ in range(2):
        process = find(runtime, runtime.names["it"].pid)
        assert process.config is not None
        assert not process.config.may_spawn
        await runtime.root.exit(process.pid, "kill")
        await settle()


def configurations() -> st.SearchStrategy[ProcessConfig]:
    names = st.none() | st.frozensets(st.sampled_from("abc"))
    rights: dict[str, st.SearchStrategy[bool]] = dict.fromkeys(RIGHTS, st.booleans())
    copy = st.sampled_from([None, *STRICTNESS])
    return st.builds(ProcessConfig, may_call=names, copy=copy, **rights)


@given(st.lists(configurations(), max_size=5))
def test_nothing_gets_wider_on_the_way_down(chain: list[ProcessConfig]) -> None:
    above = DEFAULT
    for own in chain:
        below = narrowed(above, own)
        for right in RIGHTS:
            may = getattr(above, right) and getattr(own, right)
            assert getattr(below, right) == may
        for module in "abc":
            may_call = [
                c.may_call is None or module in c.may_call for c in (above, own)
            ]
            assert (below.may_call is None or module in below.may_call) == all(may_call)
        policies = [STRICTNESS.index(c.copy or "none") for c in (above, own, below)]
        assert policies[2] == max(policies)
        above = below
