"""A supervisor on the BEAM, and the Python child that it starts."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trio

import etf
from ergopy import IGNORE, Atom, Exit, GenServer, Node, Stop

from .beam import which

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

EXAMPLES = Path(__file__).parents[1] / "examples"

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
