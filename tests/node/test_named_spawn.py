"""A name for a process on a BEAM: how each way to it ends, and what it leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

from ergopy import Atom, Down, ExitMessage, NameTaken, NodeDown, StartError
from ergopy.node.named_spawn import spawn_named
from ergopy.node.patience import Patience
from ergopy.node.remote_spawn import Wanted
from ergopy.process.links import LINKED
from tests.node.fakes import THEIRS, FakePeer
from tests.runtimes import mail, settle

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime

LINK, MONITOR = Atom("link"), Atom("monitor")


class Naming:
    """A process that asks a BEAM, played by the test, for a process with a name."""

    def __init__(self, fake: FakePeer, runtime: Runtime, options: list[Any]) -> None:
        self.fake = fake
        self.runtime = runtime
        self.options = options
        self.scope = trio.CancelScope()
        self.outcome: Any = None
        self.caller = runtime.spawn(self.body, ())
        self.caller.trap_exit = True

    async def body(self, process: Process) -> None:
        wanted = Wanted(Atom("m"), Atom("f"), [1], self.options)
        with self.scope:
            try:
                self.outcome = await spawn_named(
                    process, self.fake.peer, wanted, "worker", Patience(5.0)
                )
            except (NameTaken, StartError, NodeDown) as error:
                self.outcome = error
        await trio.sleep_forever()

    async def start(self) -> Any:
        """Answer the spawn request; return the alias that is to be told the rest."""
        await settle()
        (request,) = self.fake.sent()
        _, ref, *_, (module, function, _), options, arguments = request
        assert (module, function, options) == ("erl_eval", "exprs", self.options)
        bindings = dict(arguments[1])
        assert bindings["Name"] == "worker"
        assert bindings["Args"] == [1]
        flags = (LINK in options) + 2 * (MONITOR in options)
        self.fake.peer.spawns.pop(ref.words).spawned(flags, THEIRS)
        await settle()
        ((number, watcher, target, watch),) = self.fake.sent()
        assert (number, watcher, target) == (19, self.caller.pid, THEIRS)
        assert watch == bindings["To"]
        return watch

    async def tell(self, alias: Any, word: str) -> None:
        self.runtime.aliases[alias.words].deliver(Atom(word))
        await settle()

    def assert_nothing_is_left(self) -> None:
        self.fake.assert_nothing_is_kept()
        assert not self.runtime.aliases
        assert not self.caller.links
        assert not self.caller.monitors
        assert not mail(self.caller)


OPTIONS = [[], [LINK], [MONITOR], [MONITOR, LINK]]


@pytest.fixture(params=OPTIONS, ids=str)
async def naming(request: Any, fake: FakePeer, runtime: Runtime) -> Naming:
    return Naming(fake, runtime, request.param)


async def test_the_pid_is_returned_once_it_has_its_name(naming: Naming) -> None:
    alias = await naming.start()
    assert naming.outcome is None
    await naming.tell(alias, "registered")
    pid, ref = naming.outcome
    assert pid == THEIRS
    assert naming.fake.sent() == [(20, naming.caller.pid, THEIRS, alias)]
    caller = naming.caller
    assert caller.links == ({THEIRS: LINKED} if LINK in naming.options else {})
    assert list(caller.monitors) == ([ref] if MONITOR in naming.options else [])
    assert not naming.runtime.aliases


async def test_a_taken_name_is_an_error_and_nothing_else(naming: Naming) -> None:
    alias = await naming.start()
    caller = naming.caller
    await naming.tell(alias, "taken")
    assert isinstance(naming.outcome, NameTaken)
    assert naming.outcome.name == "worker"
    # Its end, which comes after that, finds neither link nor monitor.
    for ref in list(naming.fake.peer.monitors):
        naming.fake.peer.monitors[ref].fire(Atom("normal"))
    caller.break_link(THEIRS, Atom("normal"))
    naming.fake.peer.forget_link(caller, THEIRS)
    naming.assert_nothing_is_left()


async def test_a_process_that_ends_before_is_an_error(naming: Naming) -> None:
    alias = await naming.start()
    caller = naming.caller
    # Whichever of its signals comes first, the caller hears of one error only.
    for ref in list(caller.monitors):
        naming.fake.peer.monitors.pop(ref.words).fire(Atom("killed"))
    naming.fake.peer.forget_link(caller, THEIRS)
    caller.break_link(THEIRS, Atom("killed"))
    naming.fake.peer.monitors.pop(alias.words).fire(Atom("noproc"))
    await settle()
    assert isinstance(naming.outcome, StartError)
    assert naming.outcome.reason == "noproc"
    naming.assert_nothing_is_left()


async def test_the_loss_of_the_node_is_an_error(naming: Naming) -> None:
    await naming.start()
    naming.fake.peer.lost()
    await settle()
    assert isinstance(naming.outcome, NodeDown)
    assert not any(isinstance(m, Down | ExitMessage) for m in mail(naming.caller))
    assert not naming.runtime.aliases


@pytest.mark.parametrize("end", ["timeout", "cancel"])
async def test_who_stops_waiting_leaves_no_process(
    naming: Naming, autojump_clock: trio.testing.MockClock, end: str
) -> None:
    await naming.start()
    if end == "cancel":
        naming.scope.cancel()
    else:
        await trio.sleep(6.0)
        assert isinstance(naming.outcome, StartError)
        assert naming.outcome.reason == "timeout"
    await settle()
    sent = [signal[0] for signal in naming.fake.sent()]
    assert 26 in sent
    assert sent.count(20) == 1 + (MONITOR in naming.options)
    assert (35 in sent) == (LINK in naming.options)
    assert not naming.runtime.aliases
    assert not naming.fake.peer.monitors
