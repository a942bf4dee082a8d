"""What a consumer supervisor makes its children of, and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest

import ergopy
from ergopy import (
    IGNORE,
    Atom,
    ChildSpec,
    ConsumerSupervisor,
    GenServer,
    StartError,
    Stop,
    SupervisorSpec,
    sys,
)
from tests.gen.stage.supervisor.office import CRASH, Job, Office, Starts
from tests.runtimes import settle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ergopy import Process
    from ergopy.process.runtime import Runtime


@pytest.fixture
async def office(runtime: Runtime) -> Office:
    """A consumer supervisor that is still to be started."""
    return Office(runtime)


def starts(office: Office) -> list[Any]:
    """Forms of a template that start a job for each event."""
    spec = office.template()

    async def function(process: Process, event: Any) -> None:
        office.starts.append(event)
        await process.receive()

    return [
        spec,
        [spec],
        (Job, office.starts),
        [(Job, office.starts)],
        function,
        SupervisorSpec([spec]),
        SupervisorSpec(((Job, office.starts),)),
    ]


@pytest.mark.parametrize("form", range(7))
async def test_a_template_has_many_forms(office: Office, form: int) -> None:
    await office.start(starts(office)[form], max_demand=2)
    await office.give("one", "two")
    assert sorted(office.starts) == ["one", "two"]


async def test_init_of_a_subclass_returns_the_template(office: Office) -> None:
    class Fetchers(ConsumerSupervisor):
        intensity = 2

        async def init(self, hand: Any, most: int) -> Any:
            self.subscribe_to = [(hand, {"max_demand": most})]
            return SupervisorSpec([office.template("transient")], period=7)

    office.pid = await office.root.start(Fetchers, office.hand.pid, 3)
    office.tag = office.subscribed()
    assert office.asked() == [3]
    await office.give("one")
    assert office.starts == ["one"]
    assert office.supervisor.period == 7
    assert office.supervisor.intensity == 2


@pytest.mark.parametrize("form", [Job, (Job,), [Job]])
async def test_a_class_that_says_nothing_of_it_is_temporary(
    office: Office, form: Any
) -> None:
    await office.start(form)
    assert office.supervisor._children.spec.restart == "temporary"


class Keen(GenServer):
    """A class that says how it is restarted."""

    child_defaults: ClassVar[Mapping[str, Any]] = {"restart": "transient"}


class Steady(GenServer):
    """A class that is for other supervisors."""

    child_defaults: ClassVar[Mapping[str, Any]] = {"restart": "permanent"}


async def test_what_a_class_says_of_its_restart_counts(office: Office) -> None:
    await office.start(Keen)
    assert office.supervisor._children.spec.restart == "transient"


PERMANENT = (Atom("invalid_restart_type"), Atom("permanent"))
MAP = {Atom("id"): Atom("a"), Atom("start"): (Atom("m"), Atom("f"), [])}


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        (ChildSpec(Job), (Atom("start_spec"), PERMANENT)),
        (Steady, (Atom("start_spec"), PERMANENT)),
        (MAP, (Atom("start_spec"), PERMANENT)),
        (1, (Atom("start_spec"), (Atom("invalid_child_spec"), 1))),
        (None, (Atom("start_spec"), (Atom("invalid_child_spec"), None))),
        ([], (Atom("bad_start_spec"), [])),
        ([1, 2], (Atom("bad_start_spec"), [1, 2])),
    ],
)
async def test_a_bad_template_is_refused_at_start(
    runtime: Runtime, template: Any, reason: Any
) -> None:
    with pytest.raises(StartError) as caught:
        await runtime.root.start(ConsumerSupervisor, template)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        ({"strategy": "one_for_all"}, "invalid_strategy"),
        ({"strategy": "simple_one_for_one"}, "invalid_strategy"),
        ({"auto_shutdown": "any_significant"}, "invalid_auto_shutdown"),
        ({"intensity": -1}, "invalid_intensity"),
    ],
)
async def test_a_flag_that_makes_no_sense_is_refused_at_start(
    runtime: Runtime, flags: Any, word: str
) -> None:
    with pytest.raises(StartError) as caught:
        await runtime.root.start(ConsumerSupervisor, Job, **flags)
    assert caught.value.reason[0] == "supervisor_data"
    assert caught.value.reason[1][0] == word


async def test_an_option_that_it_does_not_have_is_an_error(runtime: Runtime) -> None:
    with pytest.raises(TypeError):
        await runtime.root.start(ConsumerSupervisor, Job, max_children=3)


@pytest.mark.parametrize("options", [{"max_demand": 0}, {"cancel": "sometimes"}])
async def test_a_subscription_that_makes_no_sense_ends_the_start(
    office: Office, options: Any
) -> None:
    with pytest.raises(StartError):
        await office.start(Job, **options)
    assert office.hand.read() == []


async def test_to_subscribe_to_nobody_ends_the_start(runtime: Runtime) -> None:
    with pytest.raises(StartError) as caught:
        await runtime.root.start(ConsumerSupervisor, Job, subscribe_to=["nobody"])
    assert caught.value.reason == "noproc"


@pytest.mark.parametrize(
    ("outcome", "error"), [(IGNORE, ergopy.errors.Ignored), (Stop("busy"), StartError)]
)
async def test_init_may_want_no_supervisor(
    runtime: Runtime, outcome: Any, error: Any
) -> None:
    class Unwilling(ConsumerSupervisor):
        async def init(self) -> Any:
            return outcome

    with pytest.raises(error):
        await runtime.root.start(Unwilling)


async def test_a_new_template_is_for_the_children_to_come(office: Office) -> None:
    class Changing(ConsumerSupervisor):
        now = office.template("transient")

        async def init(self) -> Any:
            return type(self).now

    office.pid = await office.root.start(Changing)
    to = await office.supervisor.subscribe(office.hand.pid, max_demand=2, min_demand=0)
    await office.give(1, tag=to.tag)
    assert office.asked(to.tag) == [2]
    later = Starts()
    Changing.now = ChildSpec(Job, later, restart="temporary")
    await change_code(office)
    await office.give(2, tag=to.tag)
    assert (office.starts, later) == ([1], [2])
    for pid in await office.pids():
        await office.end(pid, CRASH)
    assert office.starts == [1]
    assert office.asked(to.tag) == [1, 1]


async def change_code(office: Office) -> None:
    await sys.suspend(office.pid, caller=office.root)
    await sys.change_code(office.pid, "m", Atom("1"), [], caller=office.root)
    await sys.resume(office.pid, caller=office.root)
    await settle()
