"""Spawn requests and replies of any shape: one answer, one closed connection, no trace.

Each example is a number of control messages to one connection with the real server
behind it, some right, some broken in one field, some garbage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ergopy import Down, ExitMessage
from ergopy.node.dispatch import Dispatcher
from ergopy.node.exports import Exports
from ergopy.node.remote_spawn import Asked, Wanted, send_request
from ergopy.node.spawn import SpawnServer
from etf import Atom, Export, Fun, ImproperList, Pid, Reference
from tests.node.fakes import OTHERS, THEIRS, THIRD, FakePeer, their_ref
from tests.runtimes import mail, running, settle, sleeper

if TYPE_CHECKING:
    from ergopy import Process

M, F = Atom("worker"), Atom("start")
FUN = Fun("m", 0, b"u" * 16, 1, 2, 3, Pid("b@h", 1, 0, 1))
OPTIONS = [Atom("link"), Atom("monitor"), (Atom("priority"), Atom("low"))]

odd = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        2**70,
        1.5,
        b"x",
        [],
        {},
        (),
        Atom(""),
        Atom("link"),
        THEIRS,
        THIRD,
        their_ref(9),
        Reference(Atom("third@test"), 1, (1, 2, 3)),
        FUN,
        Export("worker", "start", 0),
        ImproperList([Atom("link")], Atom("x")),
        [Atom("link"), 7],
        [(Atom("monitor"), 1)],
    ]
)
calls = st.sampled_from(
    [
        ((M, F, 0), []),
        ((M, F, 3), [Atom("crash")]),
        ((Atom("os"), Atom("cmd"), 1), [b"x"]),
        ((None, True, 0), []),
        ((Atom("erlang"), Atom("apply"), 2), [FUN, []]),
        ((Atom("erlang"), Atom("apply"), 3), [M, F, []]),
        ((Atom("proc_lib"), Atom("init_p"), 5), [THEIRS, [], M, F, []]),
        ((Atom("proc_lib"), Atom("init_p"), 5), [{}, {}, M, F, []]),
        ((Atom("gen"), Atom("init_it"), 6), [Atom("gen_server"), 1, 2, M, [], []]),
        ((Atom("gen"), Atom("init_it"), 7), [{}, {}, {}, {}, {}, {}, {}]),
    ]
)
options = st.lists(st.sampled_from(OPTIONS), max_size=3)
numbers = st.integers(1, 3)


@st.composite
def requests(draw: Any) -> tuple[tuple[Any, ...], Any]:
    mfa, arguments = draw(calls)
    ref = their_ref(draw(numbers))
    return (29, ref, THEIRS, OTHERS, mfa, draw(options)), arguments


@st.composite
def replies(draw: Any) -> tuple[tuple[Any, ...], Any]:
    """An answer to the request with that number, which ``World`` fills in."""
    result = draw(st.sampled_from([THEIRS, OTHERS, Atom("badopt"), None, True]))
    return (31, draw(numbers), "me", draw(st.integers(0, 7)), result), None


@st.composite
def broken(draw: Any) -> tuple[tuple[Any, ...], Any]:
    """A right message with one field of another kind, too short or too long."""
    control, payload = draw(st.one_of(requests(), replies()))
    place = draw(st.integers(1, len(control)))
    match draw(st.sampled_from(["replace", "cut", "extend"])):
        case "replace":
            control = (*control[:place], draw(odd), *control[place + 1 :])
        case "cut":
            control = control[:place]
        case "extend":
            control = (*control, draw(odd))
    return control, draw(st.one_of(st.just(payload), odd))


messages = st.lists(st.one_of(requests(), replies(), broken()), max_size=12)


class World:
    """A connection with the real spawn server, and a process that has asked thrice."""

    def __init__(self, runtime: Any) -> None:
        self.runtime = runtime
        self.fake = FakePeer(runtime)
        self.fake.connect()
        exports = Exports()
        exports.provide("worker", self.worker, None)
        server = SpawnServer(runtime, exports)
        self.dispatcher = Dispatcher(self.fake.peer, runtime, server.serve)
        self.asker = sleeper(runtime, trap=True)
        self.asked = [self.ask() for _ in range(3)]
        self.before = set(runtime.processes)
        self.fake.sent()

    async def worker(self, process: Process, *args: Any) -> None:
        if args:
            raise ValueError("as told")
        await trio.sleep_forever()

    def ask(self) -> Asked:
        peer = self.fake.peer
        record = Asked(self.asker, peer, "yes", Atom("spawn_reply"))
        send_request(self.asker, peer, Wanted(M, F, [], []), record)
        return record

    def arrive(self, control: tuple[Any, ...], payload: Any) -> None:
        if control[:1] == (31,):
            control = tuple(map(self._fill, range(len(control)), control))
        self.dispatcher.deliver([(control, payload)])

    def _fill(self, place: int, term: Any) -> Any:
        if place == 1 and type(term) is int and 1 <= term <= 3:
            return self.asked[term - 1].ref
        return self.asker.pid if type(term) is str and term == "me" else term


async def carry_out(packets: list[tuple[tuple[Any, ...], Any]]) -> None:
    async with running() as runtime:
        world = World(runtime)
        wire = world.fake.wire
        for control, payload in packets:
            world.arrive(control, payload)
            answers = world.fake.sent()
            closed = wire.closed is not None
            if control[:1] == (29,) and not closed:
                _, ref, sender, *_ = control
                (answer,) = answers
                assert answer[:3] == (31, ref, sender)
                check_started(world, answer)
            else:
                assert not answers
            if closed:
                assert "nobody sends that" not in str(wire.closed)
                break
        await settle()
        check_messages(world)
        world.fake.peer.lost()
        await settle()
        world.fake.assert_nothing_is_kept()
        check_losses(world)
        assert runtime.names == {}


def check_started(world: World, answer: tuple[Any, ...]) -> None:
    started = answer[4]
    if started.__class__ is Pid:
        assert world.runtime.find(started) is not None
    else:
        assert (answer[3], started) == (0, "badopt")
        assert set(world.runtime.processes) >= world.before


def check_messages(world: World) -> None:
    """Each request of ours was answered once at most, and by its own reference."""
    answers = [m for m in mail(world.asker) if m[0] == "spawn_reply"]
    refs = [message[1] for message in answers]
    assert len(set(refs)) == len(refs)
    assert set(refs) <= {record.ref for record in world.asked}
    for _, _, kind, result in answers:
        assert (kind == "ok") == (result.__class__ is Pid)


def check_losses(world: World) -> None:
    """Each monitor and link that came with a process was told of its loss, once."""
    got = mail(world.asker)
    started = {m[1]: m[3] for m in got if m[:1] == ("spawn_reply",) and m[2] == "ok"}
    downs = [message.ref for message in got if isinstance(message, Down)]
    exits = [message.pid for message in got if isinstance(message, ExitMessage)]
    assert len(set(downs)) == len(downs)
    assert set(downs) <= set(started)
    assert len(set(exits)) == len(exits)
    assert set(exits) <= set(started.values())
    assert not world.asker.links
    assert not world.asker.monitors


@given(messages)
@settings(
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_whatever_comes_is_answered_once_or_closes_the_connection(
    packets: list[tuple[tuple[Any, ...], Any]],
) -> None:
    trio.run(carry_out, packets)
