"""Sagas in the places of a transaction: on a BEAM, as ergo's, or in Python.

Both do as a script says, ``{event: [action]}``, or as they are told, and keep what
happens to them as ``(event, value)``; ``sagas/ergopy_saga.erl`` has the words of both.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
import etf
from ergopy import Atom, SagaCanceled

from .beam import Missing, which
from .conftest import missing
from .servers import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from etf import Pid, Reference

    from .beam import Beam

    Script = dict[str, list[tuple[Any, ...]]]

SOURCES = Path(__file__).parent / "sagas"

VALUE, ALL = Atom("$value"), Atom("$all")


def compile_sagas(folder: Path) -> Path:
    """Compile ``sagas/`` into *folder*; OTP 25's compiler serves OTP 28, too."""
    sources = sorted(str(path) for path in SOURCES.glob("*.erl"))
    subprocess.run([which("erlc"), "-o", str(folder), *sources], check=True)
    return folder


@pytest.fixture(scope="session")
def saga_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the compiled sagas."""
    try:
        return compile_sagas(tmp_path_factory.mktemp("sagas"))
    except Missing as problem:
        missing(problem)
        raise


@pytest.fixture
def places(node: ergopy.Node, beam: Beam, saga_code: Path) -> Places:
    """Makes sagas on ``beam`` and ``node``."""
    load(beam, saga_code)
    return Places(node, beam)


def load(beam: Beam, code: Path) -> None:
    """Let a BEAM find the sagas."""
    beam.eval("true = code:add_patha(Folder)", Folder=etf.Charlist(str(code)))


def joining(*to: Any) -> Script:
    """The script of a saga that sends a value on, and has the results as its own."""
    return {
        "new": [("next", dest, VALUE) for dest in to],
        "result": [("join", ALL)],
    }


def answering(value: Any = VALUE) -> Script:
    """The script of a saga that has its result at once."""
    return {"new": [("result", value)]}


class Places:
    """Makes sagas of both kinds."""

    def __init__(self, node: ergopy.Node, beam: Beam) -> None:
        self.node = node
        self.host = beam

    async def make(self, kind: str, script: Script, **options: Any) -> Any:
        """Start a saga: *kind* is ``p`` for Python, or ``b`` for a BEAM."""
        make = self.python if kind == "p" else self.beam
        return await make(script, **options)

    async def beam(self, script: Script, **options: Any) -> BeamPlace:
        return await beam_place(self.host, script, **options)

    async def python(
        self, script: Script, *, name: str | None = None, **options: Any
    ) -> PythonPlace:
        heard: list[tuple[str, Any]] = []
        pid = await self.node.start(Player, heard, script, options, name=name)
        return PythonPlace(self.node, pid, heard)

    async def chain(self, kinds: str, last: Script) -> list[Any]:
        """Start sagas of which each sends on to the one behind it."""
        made = [await self.make(kinds[-1], last)]
        for kind in reversed(kinds[:-1]):
            made.insert(0, await self.make(kind, joining(made[0].pid)))
        return made


async def beam_place(beam: Beam, script: Script, **options: Any) -> BeamPlace:
    """Start a saga on *beam*; a text of the script is a charlist, but for the words."""
    given = {Atom(key): _term(value) for key, value in options.items()}
    given[Atom("script")] = {
        Atom(event): [_action(action) for action in actions]
        for event, actions in script.items()
    }
    pid = await beam.run("ergopy_saga:start(Options)", Options=given)
    return BeamPlace(beam, pid)


def _action(action: tuple[Any, ...]) -> tuple[Any, ...]:
    return (Atom(action[0]), *map(_term, action[1:]))


def _term(value: Any) -> Any:
    if isinstance(value, dict):
        return {Atom(key): _term(item) for key, item in value.items()}
    if type(value) is str:
        return etf.Charlist(value)
    return value


class BeamPlace:
    """A saga on a BEAM."""

    def __init__(self, beam: Beam, pid: Pid) -> None:
        self.host = beam
        self.pid = pid

    async def start(self, value: Any, **options: Any) -> Reference:
        given = {Atom(key): item for key, item in options.items()}
        return await self._ask("start_tx(P, V, O)", V=value, O=given)

    async def do(self, *action: Any) -> Any:
        """Act on the transaction that came last."""
        return await self._ask("do(P, last, A)", A=_action(action))

    async def wait(self, kind: str, count: int = 1) -> Any:
        """The value of an event of that kind, as soon as there are so many."""
        event = await self._ask("wait(P, K, N)", K=Atom(kind), N=count)
        return _heard(event)[1]

    async def heard(self) -> list[tuple[str, Any]]:
        return [_heard(event) for event in await self._ask("events(P)")]

    async def arrival(self) -> tuple[Any, Any, list[Any], dict[str, Any]]:
        """Of the first transaction the id, value, parents, and options by text."""
        _, id, value, parents, options = (await self._ask("events(P)"))[0]
        return id, value, parents, {_text(key): item for key, item in options.items()}

    async def kill(self) -> None:
        await self.host.run("exit(P, kill)", P=self.pid)

    async def is_clean(self) -> None:
        """Wait until nothing is left of any transaction, and see that none was odd."""
        source = """
            ergopy_peer:until(fun() -> ergopy_saga:state(P) =:= {0, 0, 0} end)
        """
        await self.host.run(source, P=self.pid)
        odd = {"info", "unsupported", "closes_link", "reply"}
        assert not odd & {kind for kind, _ in await self.heard()}

    async def _ask(self, call: str, **names: Any) -> Any:
        return await self.host.run(f"ergopy_saga:{call}", P=self.pid, **names)


def _heard(event: tuple[Any, ...]) -> tuple[str, Any]:
    match event:
        case (Atom() as kind, _, _, [*reason]) if kind == "trapped":
            return "trapped", _text(reason)
        case (Atom() as kind, _, value, _, _):
            return str(kind), value
        case (Atom() as kind, _, [*reason]) if kind == "cancel":
            return "cancel", _text(reason)
    return str(event[0]), event[-1]


def _text(charlist: Iterable[int]) -> str:
    return "".join(map(chr, charlist))


class Player(ergopy.Saga):
    """A saga that does as it is told."""

    async def init(
        self, heard: list[tuple[str, Any]], script: Script, options: dict[str, Any]
    ) -> None:
        self.heard = heard
        self.script = script
        self.last: Any = None
        self.results: dict[Any, list[Any]] = {}
        for name, value in options.items():
            setattr(self, name, value)

    async def handle_tx_new(self, tx: Any, value: Any) -> None:
        self.last = tx
        await self.on("new", tx, value)

    async def handle_tx_result(self, tx: Any, step: Any, result: Any) -> None:
        self.results.setdefault(tx, []).append(result)
        await self.on("result", tx, result)

    async def handle_tx_interim(self, tx: Any, step: Any, value: Any) -> None:
        await self.on("interim", tx, value)

    async def handle_tx_prepare(self, tx: Any, result: Any) -> None:
        await self.on("prepare", tx, result)

    async def handle_tx_done(self, tx: Any, result: Any) -> Any:
        await self.on("done", tx, result)
        for action in self.script.get("done", ()):
            if action[0] == "final":
                return action[1]
        return result

    async def handle_tx_commit(self, tx: Any, final: Any) -> None:
        await self.on("commit", tx, final)

    async def handle_tx_cancel(self, tx: Any, reason: Any) -> None:
        await self.on("cancel", tx, reason)

    async def handle_info(self, message: Any) -> None:
        if isinstance(message, SagaCanceled):
            await self.on("trapped", message.transaction, message.reason)
        else:
            self.heard.append(("info", message))

    async def handle_call(self, request: Any, from_: Any) -> Any:
        match request:
            case ("start", value, options):
                return await self.start_transaction(value, **options)
            case ("do", action):
                return await self.act(self.last, None, *action)
            case "open":
                return len(self.transactions)
        raise LookupError(request)

    async def on(self, kind: str, tx: Any, value: Any) -> None:
        self.heard.append((kind, value))
        for action in self.script.get(kind, ()):
            await self.act(tx, value, *action)

    async def act(self, tx: Any, given: Any, word: str, *args: Any) -> Any:
        match word, args:
            case "next", (dest, value, *more):
                value = self.told(tx, given, value)
                return await self.next(tx, dest, value, **dict(*more))
            case "join", (value,):
                if not tx.open:
                    await self.send_result(tx, self.told(tx, given, value))
            case "result", (value,):
                await self.send_result(tx, self.told(tx, given, value))
            case "interim", (value,):
                await self.send_interim(tx, self.told(tx, given, value))
            case "cancel", (reason,):
                await self.cancel_transaction(tx, reason)
            case "exit", (reason,):
                raise ergopy.Exit(reason)
        return None

    def told(self, tx: Any, given: Any, value: Any) -> Any:
        if value is VALUE:
            return given
        return list(self.results[tx]) if value is ALL else value


class PythonPlace:
    """A saga in Python."""

    def __init__(
        self, node: ergopy.Node, pid: Pid, heard: list[tuple[str, Any]]
    ) -> None:
        self.node = node
        self.pid = pid
        self._heard = heard

    async def start(self, value: Any, **options: Any) -> Reference:
        tx = await self.node.call(self.pid, ("start", value, options))
        return tx.id

    async def do(self, *action: Any) -> Any:
        return await self.node.call(self.pid, ("do", action))

    async def wait(self, kind: str, count: int = 1) -> Any:
        def found() -> list[Any]:
            return [value for heard, value in self._heard if heard == kind]

        await until(lambda: len(found()) >= count)
        return found()[count - 1]

    async def heard(self) -> list[tuple[str, Any]]:
        return list(self._heard)

    async def kill(self) -> None:
        await self.node.exit(self.pid, "kill")

    async def is_clean(self) -> None:
        """Wait until nothing is left of any transaction, and see that none was odd."""
        await answers(lambda: self.node.call(self.pid, "open"), 0)
        assert self.node.process_info(self.pid, "monitors")[1] == []
        assert "info" not in {kind for kind, _ in self._heard}


async def answers(ask: Callable[[], Any], value: Any) -> None:
    """Ask until the answer is *value*."""
    with trio.fail_after(10):
        while await ask() != value:  # noqa: ASYNC110 - there is no event
            await trio.sleep(0.005)
