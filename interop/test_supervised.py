"""A supervisor of the BEAM with a Python process on another node as its child.

The start functions are those of ``examples``: nothing but OTP on the BEAM's side.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trio

import etf
from ergopy import IGNORE, Atom, Exit, GenServer, Node, Stop

from .beam import BeamError, which
from .servers import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

EXAMPLES = Path(__file__).parents[1] / "examples"
PROGRAM = Path(__file__).parent / "peer" / "node.py"

START_SUP = """
    {ok, Sup} = gen_server:start(supervisor, {self, ergopy_peer_sup, Spec}, []),
    Sup
"""


class Model(GenServer):
    """A child that says what happens to it."""

    log: list[Any]

    async def init(self, how: Any = None) -> Any:
        self.trap_exit = True
        self.how = how
        match how:
            case "ignore":
                return IGNORE
            case "stop":
                return Stop(Atom("unfit"))
            case "raise":
                raise ValueError("unfit")
            case "hang":
                await trio.sleep_forever()
        self.log.append(("init", self.pid, self.process.parent))
        return None

    async def handle_call(self, request: Any, from_: Any) -> Any:
        match request:
            case "crash":
                raise ValueError("wanted")
            case ("exit", reason):
                raise Exit(reason)
            case "dictionary":
                return list(self.dictionary.items())
            case "stop trapping":
                self.trap_exit = False
        return (request, self.how)

    async def terminate(self, reason: Any) -> None:
        self.log.append(("terminate", self.pid, reason))


@pytest.fixture(scope="session")
def python_child(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder with the compiled start functions."""
    folder = tmp_path_factory.mktemp("child")
    source = str(EXAMPLES / "python_child.erl")
    subprocess.run([which("erlc"), "-o", str(folder), source], check=True)
    return str(folder)


@pytest.fixture(scope="session")
def impatient_child(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same as module ``impatient_child``, which hardly waits."""
    folder = tmp_path_factory.mktemp("impatient")
    text = (EXAMPLES / "python_child.erl").read_text("utf-8")
    for old, new in [
        ("-module(python_child)", "-module(impatient_child)"),
        ("-define(AWAY, 30)", "-define(AWAY, 0)"),
        ("-define(INIT, 10000)", "-define(INIT, 100)"),
    ]:
        assert text.count(old) == 1
        text = text.replace(old, new)
    source = folder / "impatient_child.erl"
    source.write_text(text)
    subprocess.run([which("erlc"), "-o", str(folder), str(source)], check=True)
    return str(folder)


@pytest.fixture
async def model(node: Node) -> list[Any]:
    """What happened to the models of the node, which BEAMs may start there."""
    log: list[Any] = []
    node.provide_spawn("model", type("Logged", (Model,), {"log": log}))
    return log


class Sup:
    """A supervisor on a BEAM."""

    def __init__(self, beam: Any, pid: Any) -> None:
        self.beam = beam
        self.pid = pid

    async def run(self, source: str, **names: Any) -> Any:
        return await self.beam.run(source, Sup=self.pid, **names)

    async def child(self) -> Any:
        """The pid of the one child."""
        children = await self.run("supervisor:which_children(Sup)")
        ((pid, kind, modules),) = [rest for id_, *rest in children if id_ == "model"]
        assert (kind, modules) == ("worker", ["python_child"])
        return pid

    async def call(self, request: Any) -> Any:
        return await self.beam.run(
            "gen_server:call(Pid, Request)", Pid=await self.child(), Request=request
        )

    async def replaced(self, old: Any) -> Any:
        """The next child, as soon as the supervisor has one."""
        source = """
            ergopy_peer:until(fun() ->
                case supervisor:which_children(Sup) of
                    [{model, Pid, _, _}] when is_pid(Pid), Pid =/= Old -> true;
                    _ -> false
                end
            end)
        """
        await self.run(source, Old=old)
        return await self.child()

    async def reason_of_end(self) -> Any:
        source = """
            Ref = monitor(process, Sup),
            receive {'DOWN', Ref, process, Sup, Reason} -> Reason end
        """
        return await self.run(source)


@pytest.fixture
async def supervise(beam: Any, python_child: str) -> AsyncIterator[Callable[..., Any]]:
    """``await supervise(node, *args, **spec)``: a supervisor with one child."""
    beam.eval("true = code:add_patha(Folder)", Folder=etf.Charlist(python_child))
    started: list[Sup] = []

    async def start(
        node: str, *args: Any, name: str = "", intensity: int = 3, **spec: Any
    ) -> Sup:
        start_args = [node, Atom("model"), list(args)]
        if name:
            start_args = [Atom(name), node, Atom("model"), args[0]]
        child = {
            "id": Atom("model"),
            "start": (Atom("python_child"), Atom("start_link"), start_args),
            "shutdown": 5000,
        } | spec
        child = {Atom(key): value for key, value in child.items()}
        flags = {Atom("intensity"): intensity, Atom("period"): 60}
        pid = await beam.run(START_SUP, Spec=(flags, [child]))
        started.append(Sup(beam, pid))
        return started[-1]

    yield start
    for sup in started:
        await sup.run("exit(Sup, kill)")


async def test_supervisor_starts_calls_and_lists_its_child(
    beam, node, model, supervise
):
    sup = await supervise(node.name, Atom("small"))
    pid = await sup.child()
    assert pid.node == node.name
    assert await sup.call(Atom("hello")) == ("hello", "small")
    assert model == [("init", pid, sup.pid)]
    linked = await sup.run("{links, L} = process_info(Sup, links), L")
    assert linked == [pid]


async def test_count_children_of_otp_fails_for_any_child_on_another_node(
    beam, node, model, supervise
):
    """It asks ``is_process_alive``, which is for pids of its own node only."""
    sup = await supervise(node.name)
    with pytest.raises(BeamError) as caught:
        await sup.run("supervisor:count_children(Sup)")
    (why, [(_, function, _, _), *_]), _ = caught.value.reason
    assert (why, function) == ("badarg", "is_process_alive")
    await until(lambda: len(model) == 2)
    assert model[1][0] == "terminate"


async def test_child_knows_its_ancestors_and_how_it_was_called(node, model, supervise):
    sup = await supervise(node.name)
    dictionary = dict(await sup.call(Atom("dictionary")))
    assert dictionary["$ancestors"][0] == sup.pid
    assert dictionary["$initial_call"] == ("model", "start_link", 0)


async def test_exit_signal_of_another_is_a_message_for_a_child_that_traps(
    node, model, supervise
):
    sup = await supervise(node.name)
    pid = await sup.child()
    await sup.run("exit(Pid, oops)", Pid=pid)
    assert await sup.call(Atom("hello")) == ("hello", None)
    assert await sup.child() == pid


@pytest.mark.parametrize("how", ["exit", "kill", "crash"])
async def test_child_that_ends_is_started_again(node, model, supervise, how):
    sup = await supervise(node.name)
    pid = await sup.child()
    if how == "crash":
        await sup.run("catch gen_server:call(Pid, crash), ok", Pid=pid)
    else:
        await sup.call(Atom("stop trapping"))
        reason = Atom("kill" if how == "kill" else "oops")
        await sup.run("exit(Pid, Why)", Pid=pid, Why=reason)
    new = await sup.replaced(pid)
    assert await sup.call(Atom("hello")) == ("hello", None)
    assert model[-1] == ("init", new, sup.pid)


async def test_end_of_the_connection_restarts_the_child(node, model, supervise):
    sup = await supervise(node.name)
    pid = await sup.child()
    await sup.run("true = erlang:disconnect_node(Py)", Py=node.name)
    new = await sup.replaced(pid)
    await until(lambda: len(model) >= 3)
    # The old one traps exits: for it the link's end was the end of its parent.
    assert ("terminate", pid, "noconnection") in model
    assert ("init", new, sup.pid) in model


async def test_supervisor_ends_the_child_with_shutdown(node, model, supervise):
    sup = await supervise(node.name)
    pid = await sup.child()
    assert await sup.run("supervisor:terminate_child(Sup, model)") == "ok"
    assert model[1:] == [("terminate", pid, "shutdown")]
    ((_, state, _, _),) = await sup.run("supervisor:which_children(Sup)")
    assert state == "undefined"
    assert (await sup.run("supervisor:restart_child(Sup, model)"))[0] == "ok"
    assert await sup.call(Atom("hello")) == ("hello", None)


async def test_end_of_the_supervisor_ends_the_child(node, model, supervise):
    sup = await supervise(node.name)
    pid = await sup.child()
    await sup.run("gen_server:stop(Sup, shutdown, 5000)")
    assert model[1:] == [("terminate", pid, "shutdown")]


async def test_brutal_kill_leaves_no_time_to_clean_up(node, model, supervise):
    sup = await supervise(node.name, shutdown=Atom("brutal_kill"))
    await sup.child()
    assert await sup.run("supervisor:terminate_child(Sup, model)") == "ok"
    assert len(model) == 1


async def test_child_that_ends_too_often_ends_the_supervisor(node, model, supervise):
    sup = await supervise(node.name, intensity=2)
    for _ in range(2):
        pid = await sup.child()
        await sup.run("exit(Pid, kill)", Pid=pid)
        await sup.replaced(pid)
    pid = await sup.child()
    source = """
        Ref = monitor(process, Sup),
        exit(Pid, kill),
        receive {'DOWN', Ref, process, Sup, Reason} -> Reason end
    """
    assert await sup.run(source, Pid=pid) == "shutdown"
    assert len(model) == 3


@pytest.mark.parametrize(
    ("restart", "reason", "again"),
    [
        ("temporary", "oops", False),
        ("transient", "normal", False),
        ("transient", "oops", True),
        ("permanent", "normal", True),
    ],
)
async def test_restart_is_as_the_child_specification_says(
    node, model, supervise, restart, reason, again
):
    sup = await supervise(node.name, restart=Atom(restart))
    pid = await sup.child()
    source = """
        Ref = monitor(process, Pid),
        catch gen_server:call(Pid, {exit, Why}),
        receive {'DOWN', Ref, process, Pid, Reason} -> Reason end
    """
    assert await sup.run(source, Pid=pid, Why=Atom(reason)) == reason
    if again:
        assert await sup.replaced(pid) != pid
    else:
        # The supervisor has the exit signal already: it was sent before the answer.
        active = await sup.run(
            "proplists:get_value(active, supervisor:count_children(Sup))"
        )
        assert active == 0
        assert len(model) == 2


@pytest.mark.parametrize(
    ("how", "outcome"),
    [
        ("ignore", ("ok", "undefined")),
        ("stop", "unfit"),
        ("raise", ("python", b"builtins.ValueError", b"unfit")),
    ],
)
async def test_init_that_fails_is_told_to_the_supervisor(
    node, model, supervise, how, outcome
):
    sup = await supervise(node.name)
    source = """
        Start = {python_child, start_link, [Py, model, [How]]},
        supervisor:start_child(Sup, #{id => other, start => Start})
    """
    got = await sup.run(source, Py=node.name, How=Atom(how))
    if how == "ignore":
        assert got == outcome
    else:
        kind, (why, _) = got
        assert kind == "error"
        assert (why[:3] if how == "raise" else why) == outcome
    assert await sup.call(Atom("hello")) == ("hello", None)


async def test_child_with_a_name_is_found_under_it(beam, node, model, supervise):
    sup = await supervise(node.name, Atom("x"), name="modeller")
    pid = await sup.child()
    assert node.whereis("modeller") == pid
    source = "gen_server:call({modeller, Py}, hello)"
    assert await beam.run(source, Py=node.name) == ("hello", "x")
    source = """
        Start = {python_child, start_link, [modeller, Py, model, y]},
        supervisor:start_child(Sup, #{id => other, start => Start})
    """
    error, why = await sup.run(source, Py=node.name)
    taken = ("already_started", pid)
    # OTP 25 has the child specification with it.
    assert error == "error"
    assert why == taken or why[0] == taken
    await sup.run("exit(Pid, kill)", Pid=pid)
    new = await sup.replaced(pid)
    assert node.whereis("modeller") == new


async def test_what_is_not_provided_is_no_child(beam, node, python_child):
    source = """
        true = code:add_patha(Folder),
        process_flag(trap_exit, true),
        python_child:start_link(Py, nothing, [1])
    """
    folder = etf.Charlist(python_child)
    error, (undef, [(module, function, args, _), *_]) = await beam.run(
        source, Py=node.name, Folder=folder
    )
    assert (error, undef) == ("error", "undef")
    assert (module, function, args) == ("nothing", "start_link", [1])


async def test_init_that_takes_too_long_is_killed(beam, node, model, impatient_child):
    source = """
        true = code:add_patha(Folder),
        process_flag(trap_exit, true),
        {impatient_child:start_link(Py, model, [hang]), ergopy_peer:flush(100)}
    """
    folder = etf.Charlist(impatient_child)
    before = len(node.runtime.processes)
    got = await beam.run(source, Py=node.name, Folder=folder)
    assert got == (("error", "timeout"), [])
    await until(lambda: len(node.runtime.processes) == before)


async def test_node_that_stays_away_is_an_error(beam, impatient_child):
    source = """
        true = code:add_patha(Folder),
        impatient_child:start_link('nobody@127.0.0.1', model, [])
    """
    folder = etf.Charlist(impatient_child)
    assert await beam.run(source, Folder=folder) == ("error", "noconnection")


class Program:
    """A Python node in a process of its own, which can be killed and come back."""

    def __init__(self, name: str, cookie: str) -> None:
        self.name = Atom(name)
        self._arguments = [sys.executable, str(PROGRAM), name, cookie]
        self.start()

    def start(self) -> None:
        """Start it, again under the same name, and wait until it is up."""
        self._process = subprocess.Popen(
            self._arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != b"ready\n":
            self.kill9()
            raise AssertionError(f"{self.name} did not come up")

    def stop(self) -> None:
        """Let it shut down in order: it ends with its standard input."""
        self._process.communicate()

    def kill9(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def program(node_options: dict[str, Any]) -> Iterator[Program]:
    program = Program(node_options["name"], node_options["cookie"])
    yield program
    program.kill9()


async def test_child_comes_back_with_its_node(program, supervise):
    sup = await supervise(program.name)
    pid = await sup.child()
    program.kill9()
    # The supervisor waits for the node, in the start function.
    program.start()
    new = await sup.replaced(pid)
    assert new.node == program.name
    assert new.creation != pid.creation
    assert await sup.call(Atom("hello")) == "hello"


async def test_child_of_a_node_that_shuts_down_comes_back_with_it(program, supervise):
    sup = await supervise(program.name)
    pid = await sup.child()
    reasons = []
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def watch():
            source = """
                Ref = monitor(process, Pid),
                _ = gen_server:call(Pid, hello),
                register(watching, self()),
                receive {'DOWN', Ref, process, Pid, Reason} -> Reason end
            """
            reasons.append(await sup.run(source, Pid=pid))

        source = "ergopy_peer:until(fun() -> whereis(watching) =/= undefined end)"
        await sup.run(source)
        await trio.to_thread.run_sync(program.stop)
    assert reasons == ["shutdown"]
    program.start()
    new = await sup.replaced(pid)
    assert new.creation != pid.creation


async def test_child_of_a_node_that_is_away_is_started_when_it_comes(
    beam, program, supervise
):
    program.kill9()
    async with trio.open_nursery() as nursery:
        started = []

        @nursery.start_soon
        async def begin():
            started.append(await supervise(program.name))

        # The first attempt is over when the BEAM has asked for the name in vain.
        source = "ergopy_peer:until(fun() -> net_adm:ping(Py) =:= pang end)"
        await beam.run(source, Py=program.name)
        program.start()
    assert await started[0].call(Atom("hello")) == "hello"
