"""``ergopy.supervisor``: what a program asks a supervisor, and what it gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import (
    AlreadyStarted,
    Atom,
    ChildError,
    ChildSpec,
    GenServer,
    LocalProtocolError,
    NoProcess,
    SpecError,
    StartError,
    supervisor,
)
from tests.gen.supervisor.kit import Kid, Slow
from tests.runtimes import inside

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime
    from tests.gen.supervisor.kit import Sup


async def test_a_program_manages_children_by_functions(sup: Sup) -> None:
    await sup.start(sup.kid("a"))
    by: Any = {"caller": sup.root}
    b = await supervisor.start_child(sup.pid, sup.kid("b", shutdown=2.5), **by)
    rows = await supervisor.which_children(sup.pid, **by)
    modules = [f"{Kid.__module__}.Kid"]
    assert rows[0] == ("b", b, False, "worker", modules)
    assert await supervisor.which_child(sup.pid, "b", **by) == rows[0]
    assert await supervisor.count_children(sup.pid, **by) == (2, 2, 0, 2)
    spec = await supervisor.get_childspec(sup.pid, "b", **by)
    assert (spec.shutdown, spec.modules, spec.id) == (2.5, modules, "b")
    await supervisor.terminate_child(sup.pid, "b", **by)
    again = await supervisor.restart_child(sup.pid, "b", **by)
    assert again not in (None, b)
    await supervisor.terminate_child(sup.pid, "b", **by)
    await supervisor.delete_child(sup.pid, "b", **by)
    assert list(await sup.names()) == ["a"]


async def test_in_a_process_that_process_asks(sup: Sup) -> None:
    await sup.start(sup.kid("a"))

    async def body(process: Any) -> Any:
        return await supervisor.count_children(sup.pid)

    assert (await inside(sup.runtime, body)).specs == 1
    with pytest.raises(LocalProtocolError, match="caller="):
        await supervisor.count_children(sup.pid)


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (supervisor.which_children, Atom("what")),
        (supervisor.which_children, 7),
        (supervisor.which_children, [(1, 2)]),
        (supervisor.count_children, Atom("what")),
        (supervisor.count_children, [(Atom("specs"), 1)]),
        (supervisor.count_children, {Atom("other"): 1}),
    ],
)
async def test_who_does_not_answer_as_a_supervisor_does_is_none(
    runtime: Runtime, request_: Any, answer: Any
) -> None:
    class Other(GenServer):
        async def handle_call(self, request: Any, from_: Any) -> Any:
            return answer

    pid = await runtime.root.start(Other)
    with pytest.raises(ChildError) as caught:
        await request_(pid, caller=runtime.root)
    assert caught.value.dest == pid


async def test_errors_say_what_the_supervisor_said(sup: Sup) -> None:
    await sup.start(sup.kid("a"), sup.kid("t", restart="transient"))
    by: Any = {"caller": sup.root}
    a = await sup.child("a")
    with pytest.raises(AlreadyStarted) as taken:
        await supervisor.start_child(sup.pid, sup.kid("a"), **by)
    assert taken.value.pid == a
    await sup.end("t", "normal")
    with pytest.raises(ChildError) as refused:
        await supervisor.start_child(sup.pid, sup.kid("t"), **by)
    assert (refused.value.reason, refused.value.id) == ("already_present", "t")
    with pytest.raises(StartError) as failed:
        await supervisor.start_child(sup.pid, sup.kid("x", "stop"), **by)
    assert failed.value.reason == "unfit"
    for verb, identity, reason in [
        (supervisor.restart_child, "a", "running"),
        (supervisor.delete_child, "a", "running"),
        (supervisor.delete_child, "nobody", "not_found"),
        (supervisor.terminate_child, "nobody", "not_found"),
        (supervisor.get_childspec, "nobody", "not_found"),
        (supervisor.which_child, "nobody", "not_found"),
    ]:
        with pytest.raises(ChildError) as refused:
            await verb(sup.pid, identity, **by)
        assert refused.value.reason == reason
        assert refused.value.dest == sup.pid


async def test_a_bad_specification_is_refused_here_or_there(sup: Sup) -> None:
    await sup.start()
    by: Any = {"caller": sup.root}
    with pytest.raises(SpecError):
        await supervisor.start_child(sup.pid, 7, **by)
    spec = sup.kid("s", restart="transient", significant=True)
    with pytest.raises(ChildError) as refused:
        await supervisor.start_child(sup.pid, spec, **by)
    assert refused.value.reason[0] == "bad_combination"


async def test_a_start_that_is_ignored_is_none(sup: Sup) -> None:
    await sup.start()
    spec = sup.kid("i", "ignore")
    assert await supervisor.start_child(sup.pid, spec, caller=sup.root) is None


async def test_a_class_and_its_arguments_are_a_child(sup: Sup) -> None:
    await sup.start()
    pid = await supervisor.start_child(sup.pid, Kid, sup.log, "k", caller=sup.root)
    assert await sup.names() == {"Kid": pid}


async def test_simple_one_for_one_takes_a_list_of_arguments(sup: Sup) -> None:
    await sup.start(ChildSpec(Kid, sup.log), strategy="simple_one_for_one")
    by: Any = {"caller": sup.root}
    pid = await supervisor.start_child(sup.pid, [Atom("k")], **by)
    await supervisor.terminate_child(sup.pid, pid, **by)
    for verb in (supervisor.restart_child, supervisor.delete_child):
        with pytest.raises(ChildError) as refused:
            await verb(sup.pid, "Kid", **by)
        assert refused.value.reason == "simple_one_for_one"
    with pytest.raises(StartError) as failed:
        await supervisor.start_child(sup.pid, [Atom("k"), (Atom("stop"),)], **by)
    assert failed.value.reason == "unfit"


async def test_nobody_there_is_no_process(sup: Sup) -> None:
    with pytest.raises(NoProcess):
        await supervisor.which_children("nobody", caller=sup.root)


async def test_arguments_that_were_forgotten_are_none(sup: Sup) -> None:
    await sup.start()
    await sup.ask("start_child", sup.kid("t", restart="temporary"))
    spec = await supervisor.get_childspec(sup.pid, "t", caller=sup.root)
    assert spec.args is None


async def test_specifications_can_be_checked_before_they_are_used(sup: Sup) -> None:
    supervisor.check_childspecs([sup.kid("a"), Kid])
    with pytest.raises(SpecError) as refused:
        supervisor.check_childspecs([sup.kid("a"), sup.kid("a")])
    assert refused.value.reason == ("duplicate_child_name", "a")
    significant = sup.kid("s", restart="transient", significant=True)
    supervisor.check_childspecs([significant])
    supervisor.check_childspecs([significant], "any_significant")
    for children, ending in [([significant], "never"), ([7], None), ([], "maybe")]:
        with pytest.raises(SpecError):
            supervisor.check_childspecs(children, ending)


async def test_a_child_may_take_its_time_to_start_and_to_stop(
    sup: Sup, autojump_clock: Any
) -> None:
    """As in OTP these calls have no timeout; a peer project's have five seconds."""

    class Late(Slow):
        async def init(self, *args: Any) -> Any:
            await trio.sleep(60)
            return await super().init(*args)

    await sup.start()
    by: Any = {"caller": sup.root}
    spec = ChildSpec(Late, sup.log, "late", 60, id="late", shutdown="infinity")
    await supervisor.start_child(sup.pid, spec, **by)
    await supervisor.terminate_child(sup.pid, "late", **by)
    assert trio.current_time() == pytest.approx(120)
