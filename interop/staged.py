"""Stages on a BEAM: the modules of ``stages/``, and a process that does as it is told.

The modules are plain Elixir, compiled once, and use nothing but Erlang's libraries, so
that they run on an OTP that is newer than the Elixir at hand.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import etf
from ergopy import Atom

from .beam import Missing, which
from .conftest import missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from etf import Pid, Reference

    from .beam import Beam

SOURCES = Path(__file__).parent / "stages"

TO_PRODUCER, TO_CONSUMER = Atom("$gen_producer"), Atom("$gen_consumer")
SUBSCRIBE, ASK, CANCEL = Atom("subscribe"), Atom("ask"), Atom("cancel")


def compile_stages(folder: Path) -> Path:
    """Compile ``stages/`` into *folder*."""
    sources = sorted(str(path) for path in SOURCES.glob("*.ex"))
    subprocess.run([which("elixirc"), "-o", str(folder), *sources], check=True)
    return folder


@pytest.fixture(scope="session")
def stage_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the compiled stages."""
    try:
        return compile_stages(tmp_path_factory.mktemp("stages"))
    except Missing as problem:
        missing(problem)
        raise


@pytest.fixture
def stages(beam: Beam, stage_code: Path) -> Stages:
    """Stages on ``beam``."""
    return Stages(beam, stage_code)


@pytest.fixture
def new_stages(
    beam: Beam, start_beam: Callable[..., Beam], stage_code: Path
) -> Iterator[Callable[..., Stages]]:
    """``new_stages(**options)``: those of a BEAM of the other release than ``beam``."""
    started: list[Beam] = []
    other = "otp28" if beam.kind == "otp25" else "otp25"

    def start(kind: str = other, **options: Any) -> Stages:
        started.append(start_beam(kind, **options))
        return Stages(started[-1], stage_code)

    yield start
    for new in started:
        new.stop()


def keywords(options: dict[str, Any]) -> list[tuple[Atom, Any]]:
    """*options* as Elixir's keyword list, with atoms for the texts."""
    return [(Atom(key), atoms(value)) for key, value in options.items()]


def atoms(term: Any) -> Any:
    """*term* with an atom for each text in it."""
    match term:
        case str() if type(term) is str:
            return Atom(term)
        case tuple():
            return tuple(map(atoms, term))
        case list():
            return [atoms(item) for item in term]
        case dict():
            return {atoms(key): atoms(value) for key, value in term.items()}
    return term


def only_lost(runs: list[tuple[int, int]], sent: int, most: int) -> bool:
    """Whether only such are missing as were on the way when the way was cut.

    Of 1, 2, .. *runs* are what came, before that and after it, and *sent* is the last
    one that had been sent. All others came, once and in order, and no more than *most*
    are missing, the last ones before the cut.
    """
    (first, last), *after = runs
    if not after:
        # All had come, so that one run goes over the cut.
        return first == 1 and last > sent
    ((again, _),) = after
    return first == 1 and again == sent + 1 and 0 < sent - last <= most


def cancelled(subscription: tuple[Pid, Any], reason: Any) -> tuple[Any, ...]:
    """What a producer says to end a subscription; it is ``{Producer, Tag}`` here."""
    return (TO_CONSUMER, subscription, (CANCEL, atoms(reason)))


def events(subscription: tuple[Pid, Any], *given: Any) -> tuple[Any, ...]:
    """What a producer says to give events; likewise."""
    return (TO_CONSUMER, subscription, list(given))


class Stages:
    """Starts stages on a BEAM. A plain text is an atom there."""

    def __init__(self, beam: Beam, code: Path) -> None:
        self.beam = beam
        self._code = code
        self.load()

    @property
    def name(self) -> Atom:
        return self.beam.name

    def load(self) -> None:
        """Let the node find the modules; again after a restart."""
        folder = etf.Charlist(str(self._code))
        self.beam.eval("true = code:add_patha(Folder)", Folder=folder)

    async def producer(self, **options: Any) -> Stage:
        """A counter; see ``producer.ex``."""
        return await self._start("Producer", options)

    async def consumer(
        self, *to: Any, mode: str = "automatic", retry: Any = "never", **options: Any
    ) -> Stage:
        """A stage that keeps what it gets; *options* are of its subscriptions."""
        more = _named(options) | {"mode": mode, "retry": retry}
        return await self._start("Consumer", _subscribing(to, options) | more)

    async def producer_consumer(
        self, *to: Any, add: int = 0, retry: Any = "never", **options: Any
    ) -> Stage:
        """A stage that passes on what it gets; see ``producer_consumer.ex``."""
        more = _named(options) | {"add": add, "retry": retry}
        return await self._start("ProducerConsumer", _subscribing(to, options) | more)

    async def recorder(self) -> Recorder:
        """A process that does as it is told and keeps what it gets."""
        pid = await self.beam.run("'Elixir.Stages.Recorder':start()")
        return Recorder(self.beam, pid)

    async def stream(self, producer: Any, count: int, **options: Any) -> Any:
        """The first *count* events, taken by a process without a stage."""
        source = "'Elixir.Stages.Stream':take(Producer, Count, Options)"
        return await self.beam.run(
            source, Producer=producer, Count=count, Options=keywords(options)
        )

    async def _start(self, kind: str, options: dict[str, Any]) -> Stage:
        module = Atom(f"Elixir.Stages.{kind}")
        pid = await self.beam.run(
            "Module:start(Options)", Module=module, Options=atoms(options)
        )
        return Stage(self.beam, pid)


def _named(options: dict[str, Any]) -> dict[str, Any]:
    return {"name": options.pop("name")} if "name" in options else {}


def _subscribing(to: Iterable[Any], options: dict[str, Any]) -> dict[str, Any]:
    return {"to": [(dest, keywords(options)) for dest in to]}


class Stage:
    """A stage on a BEAM, asked from there."""

    def __init__(self, beam: Beam, pid: Pid) -> None:
        self.beam = beam
        self.pid = pid

    async def call(self, request: Any) -> Any:
        source = "gen_server:call(Pid, Request)"
        return await self.beam.run(source, Pid=self.pid, Request=atoms(request))

    async def cast(self, request: Any) -> None:
        source = "gen_server:cast(Pid, Request)"
        await self.beam.run(source, Pid=self.pid, Request=atoms(request))

    async def got(self, count: int) -> list[Any]:
        """What a consumer has got as soon as that is *count* events, as runs."""
        source = """
            ergopy_peer:until(fun() -> gen_server:call(Pid, count) >= Count end),
            gen_server:call(Pid, got)
        """
        return await self.beam.run(source, Pid=self.pid, Count=count)

    async def tag(self) -> Any:
        """The tag of a consumer's only subscription."""
        (tag,) = await self.call("tags")
        return tag

    async def answers(self, request: Any, expected: Any) -> None:
        """Wait until it answers a call with what is expected."""
        source = """
            ergopy_peer:until(fun() -> gen_server:call(Pid, Request) =:= Expected end)
        """
        names = {"Request": atoms(request), "Expected": atoms(expected)}
        await self.beam.run(source, Pid=self.pid, **names)

    async def kill(self) -> None:
        await self.beam.run("exit(Pid, kill)", Pid=self.pid)


class Recorder:
    """Plays a stage by hand, message by message, and sees exactly what comes."""

    def __init__(self, beam: Beam, pid: Pid) -> None:
        self.beam = beam
        self.pid = pid

    async def act(self, *command: Any) -> Any:
        source = "'Elixir.Stages.Recorder':act(Pid, Command)"
        if len(command) == 1:
            (command,) = command
        return await self.beam.run(source, Pid=self.pid, Command=atoms(command))

    async def send(self, to: Any, message: Any) -> None:
        await self.act("send", to, message)

    async def take(self, count: int) -> list[Any]:
        """The next *count* messages, which it waits for."""
        return await self.act("take", count)

    async def next(self) -> Any:
        (message,) = await self.take(1)
        return message

    async def rest(self) -> list[Any]:
        """The messages that are there and not taken."""
        return await self.act("rest")

    # As a consumer.

    async def subscribe(
        self, to: Any, current: Any = None, tag: Any = None, **options: Any
    ) -> Any:
        """Subscribe, under the tag of a monitor unless one is given; return the tag."""
        if tag is None:
            tag = await self.monitor(to)
        await self.tell(to, tag, (SUBSCRIBE, current, keywords(options)))
        return tag

    async def ask(self, to: Any, tag: Any, count: Any) -> None:
        await self.tell(to, tag, (ASK, count))

    async def cancel(self, to: Any, tag: Any, reason: Any) -> None:
        await self.tell(to, tag, (CANCEL, reason))

    async def tell(self, to: Any, tag: Any, message: Any) -> None:
        await self.send(to, (TO_PRODUCER, (self.pid, tag), message))

    # As a producer.

    async def give(self, subscription: Any, what: Any) -> None:
        """Send events, or ``(cancel, Reason)``, to the *subscription* of a consumer."""
        consumer, tag = subscription
        await self.send(consumer, (TO_CONSUMER, (self.pid, tag), what))

    async def subscribed(self) -> tuple[tuple[Pid, Any], Any, dict[Atom, Any]]:
        """The next subscription: from whom, in the place of which, and options."""
        kind, subscription, (verb, current, options) = await self.next()
        assert (kind, verb) == (TO_PRODUCER, SUBSCRIBE)
        return subscription, current, dict(options)

    async def asked(self, subscription: Any) -> Any:
        """The next message, which is a demand under *subscription*: how much."""
        kind, sender, (verb, count) = await self.next()
        assert (kind, sender, verb) == (TO_PRODUCER, subscription, ASK)
        return count

    async def monitor(self, dest: Any) -> Reference:
        return await self.act("monitor", dest)

    async def exit(self, reason: Any) -> None:
        assert await self.act("exit", reason) == ("down", reason)
