"""The reports of a supervisor of OTP, and those of ours, about the same events."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from ergopy import Atom, ChildSpec, GenServer, Supervisor, supervisor
from ergopy.testing import ProgressReport, SupervisorReport, event_log

PEER = Atom("ergopy_peer_server")
THEIRS = """
    #{level := Level} = logger:get_primary_config(),
    %% OTP 28 reports the progress of what start_child starts at that level.
    ok = logger:set_primary_config(level, debug),
    {ok, Sup} = gen_server:start(supervisor, {self, ergopy_peer_sup, Init}, []),
    Id = ergopy_reports:start(Sup, self()),
    Pid = fun(Name) ->
        {Name, P, _, _} = lists:keyfind(Name, 1, supervisor:which_children(Sup)), P
    end,
    lists:foreach(
        fun({exit, Name, Reason}) ->
                Old = Pid(Name),
                Ref = monitor(process, Old),
                exit(Old, Reason),
                receive {'DOWN', Ref, _, _, _} -> ok end,
                %% Its exit is in the mailbox of the supervisor before the call is.
                catch supervisor:which_children(Sup);
            ({call, Request}) ->
                gen_server:call(Sup, Request)
        end,
        Steps),
    exit(Sup, kill),
    logger:remove_handler(Id),
    logger:set_primary_config(level, Level),
    lists:reverse((fun Collect(Reports) ->
        receive {report, Context, Report} -> Collect([{Context, Report} | Reports])
        after 0 -> Reports
        end
    end)([]))
"""


class Peer(GenServer):
    async def init(self, state: Any) -> None:
        self.state = state


def child(name: str, **more: Any) -> dict[Any, Any]:
    mfa = (Atom("gen_server"), Atom("start_link"), [PEER, 0, []])
    spec = {"id": Atom(name), "start": mfa, **more}
    return {Atom(key): value for key, value in spec.items()}


async def ours(node: Any, children: list[Any], steps: list[Any], flags: Any) -> None:
    """Do with a supervisor of ours what the source above does with one of OTP."""
    sup = await node.start(Supervisor, children, **flags)
    for step in steps:
        match step:
            case ("exit", name, reason):
                rows = await supervisor.which_children(sup, caller=node)
                (pid,) = [row.pid for row in rows if row.id == name]
                await node.exit(pid, reason)
                await trio.testing.wait_all_tasks_blocked(0.01)
            case ("call", request):
                await node.call(sup, request)
    if node.is_process_alive(sup):
        await node.exit(sup, "kill")


def plain(fields: Any) -> Any:
    """A report without what differs: pids, and where the code is."""
    kept = dict(fields)
    kept.pop("pid", None)
    return {str(key): value for key, value in kept.items()}


OOPS = Atom("oops")
TWICE = (Atom("gen_server"), Atom("start_link"), [(Atom("local"), OOPS), PEER, 0, []])

STORIES: list[tuple[dict[str, Any], list[Any], list[Any]]] = [
    (
        {"intensity": 5, "period": 5},
        [
            child("p"),
            child("t", restart=Atom("transient")),
            child("x", restart=Atom("temporary"), shutdown=Atom("brutal_kill")),
        ],
        [
            (Atom("exit"), Atom("p"), OOPS),
            (Atom("exit"), Atom("p"), Atom("shutdown")),
            (Atom("exit"), Atom("t"), OOPS),
            (Atom("exit"), Atom("t"), Atom("shutdown")),
            (Atom("exit"), Atom("x"), OOPS),
        ],
    ),
    (
        {"intensity": 1, "period": 5},
        [child("a"), child("b")],
        [
            (Atom("exit"), Atom("a"), (Atom("some"), b"reason")),
            (Atom("exit"), Atom("b"), Atom("kill")),
        ],
    ),
    (
        {"strategy": Atom("one_for_all"), "intensity": 5, "period": 5},
        [child("a"), child("b", shutdown=Atom("brutal_kill"))],
        [
            (Atom("exit"), Atom("a"), OOPS),
            (Atom("call"), (Atom("start_child"), child("c"))),
            (Atom("call"), (Atom("start_child"), child("d", start=TWICE))),
            (Atom("call"), (Atom("start_child"), child("e", start=TWICE))),
            (Atom("call"), (Atom("terminate_child"), Atom("c"))),
        ],
    ),
]


@pytest.mark.parametrize("story", STORIES, ids=["restarts", "too many", "calls"])
async def test_reports_have_the_contexts_reasons_and_offenders_of_otp(
    beam, node, story
):
    flags, children, steps = story
    node.provide_spawn("ergopy_peer_server", Peer)
    init = ({Atom(key): value for key, value in flags.items()}, children)
    reports = await beam.run(THEIRS, Init=init, Steps=steps)
    with event_log(node) as log:
        await ours(node, children, steps, flags)
    got = log.of(SupervisorReport)
    expected = [(context, dict(report)) for context, report in reports]
    failures = [entry for entry in expected if entry[0] != "progress"]
    assert [mine.context for mine in got] == [entry[0] for entry in failures]
    for mine, (_, report) in zip(got, failures, strict=True):
        assert mine.reason == report["reason"]
        assert plain(mine.offender) == plain(report["offender"])
    # Those about the first children came before the handler was there.
    progress = log.of(ProgressReport)[len(children) :]
    started = [
        report["started"] for context, report in expected if context == "progress"
    ]
    assert [plain(r.started) for r in progress] == [plain(fields) for fields in started]


async def test_a_shutdown_that_goes_wrong_is_a_report_with_its_reason(node):
    class Odd(GenServer):
        async def init(self) -> None:
            self.trap_exit = True

        async def terminate(self, reason: Any) -> None:
            raise ValueError("not so")

    with event_log(node) as log:
        await node.stop(await node.start(Supervisor, [ChildSpec(Odd, id="odd")]))
    (report,) = log.of(SupervisorReport, context="shutdown_error")
    assert report.reason[1] == b"builtins.ValueError"
