"""The functions of OTP that start others: what they are here, and how they fail.

The reasons of the table are those that OTP 25 and 28 gave for the same calls, without
the files and lines in their stack traces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

import etf
from ergopy import IGNORE, Exit, GenServer, MailboxLimit, Stop
from ergopy.node.exports import Exports
from ergopy.node.programs import choose
from ergopy.process.atoms import ANCESTORS, INITIAL_CALL
from etf import Atom, Fun, Pid
from tests.runtimes import Ends, mail, settle, sleeper

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime

FUN = Fun("m", 0, b"u" * 16, 1, 2, 3, Pid("b@h", 1, 0, 1))
OK = Atom("ok")


class Server(GenServer):
    """Its ``init`` does as it is told, and remembers."""

    seen: Any = None

    async def init(self, *args: Any) -> Any:
        type(self).seen = args
        match args:
            case ("stop", *_):
                return Stop(Atom("no"))
            case ("ignore", *_):
                return IGNORE
            case ("raise", *_):
                raise ValueError("bad")
        return None


class Bare(GenServer):
    """A server whose ``init`` takes nothing."""

    async def init(self) -> None: ...


class World:
    """Programs, a process that waits for starts, and whatever is started."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.exports = Exports()
        self.exports.provide("server", Server, None)
        self.exports.provide("bare", Bare, None)
        self.exports.provide("worker", self.worker, "run")
        self.exports.provide("pair", self.pair)
        self.starter = sleeper(runtime, trap=True)
        self.ran: list[Any] = []

    async def worker(self, process: Process, *args: Any) -> None:
        self.ran.append((args, dict(process.dictionary)))
        if args == (Atom("ack"),):
            await process.init_ack((OK, process.pid))
        if args == (Atom("fail"),):
            await process.init_fail((Atom("error"), Atom("no")), Atom("why"))

    async def pair(self, process: Process, one: Any, two: Any) -> None:
        self.ran.append((one, two))

    def term(self, text: str) -> Any:
        """Return the term; ``self`` in it is the starter, ``'FUN'`` a fun."""
        return self._fill(etf.parse(text, "erlang"))

    def _fill(self, term: Any) -> Any:
        if term == Atom("SELF"):
            return self.starter.pid
        if term == Atom("FUN"):
            return FUN
        if isinstance(term, tuple | list):
            return type(term)(map(self._fill, term))
        return term

    async def start(self, call: str) -> tuple[Process, Ends]:
        """Start what ``{M, F, A}`` in Erlang's syntax says, and let it run."""
        program, args, settings = choose(self.exports, *self.term(call))
        process = self.runtime.create(program, label="it", **settings)
        process.parent = self.starter.pid
        ends = Ends(process)
        self.runtime.begin(process, program, args)
        await settle()
        return process, ends


@pytest.fixture
async def world(runtime: Runtime) -> World:
    return World(runtime)


@pytest.mark.parametrize(
    "call",
    [
        "{worker, run, [1, 2]}",
        "{erlang, apply, [worker, run, [1, 2]]}",
        "{erlang, apply, [erlang, apply, [worker, run, [1, 2]]]}",
        "{erlang, apply, [fun worker:run/2, [1, 2]]}",
        "{proc_lib, init_p, ['SELF', [], worker, run, [1, 2]]}",
        "{proc_lib, init_p, ['SELF', [], erlang, apply, [fun worker:run/2, [1, 2]]]}",
    ],
)
async def test_a_program_runs_however_it_is_wrapped(world: World, call: str) -> None:
    _, ends = await world.start(call)
    assert [args for args, _ in world.ran] == [(1, 2)]
    assert ends.reasons == ["normal"]


FAILING = [
    ("{os, cmd, []}", "{undef, [{os, cmd, [], []}]}"),
    ("{worker, stop, [1]}", "{undef, [{worker, stop, [1], []}]}"),
    ("{bare, go, [1, 2]}", "{undef, [{bare, go, [1, 2], []}]}"),
    ("{pair, go, [1]}", "{undef, [{pair, go, [1], []}]}"),
    ("{worker, run, x}", "{badarg, [{erlang, apply, [worker, run, x], []}]}"),
    ("{worker, run, [1|2]}", "{badarg, [{erlang, apply, [worker, run, [1|2]], []}]}"),
    ("{erlang, apply, [m, f, [1]]}", "{undef, [{m, f, [1], []}]}"),
    ("{erlang, apply, [1]}", "{undef, [{erlang, apply, [1], []}]}"),
    ("{erlang, apply, [m, f, x]}", "{badarg, [{erlang, apply, [m, f, x], []}]}"),
    ("{erlang, apply, [[], f, []]}", "{badarg, [{erlang, apply, [[], f, []], []}]}"),
    ("{erlang, apply, ['FUN', []]}", "{undef, [{'FUN', [], []}]}"),
    ("{erlang, apply, ['FUN', x]}", "{badarg, [{erlang, apply, ['FUN', x], []}]}"),
    ("{erlang, apply, [x, [a]]}", "{{badfun, x}, [{erlang, apply, 2, []}]}"),
    (
        "{erlang, apply, [fun worker:run/1, []]}",
        "{{badarity, {fun worker:run/1, []}}, [{erlang, apply, 2, []}]}",
    ),
    ("{erlang, apply, [fun m:f/0, []]}", "{undef, [{m, f, [], []}]}"),
    (
        "{proc_lib, init_p, ['SELF', [], m, f, [1]]}",
        "{undef, [{m, f, [1], []}, {proc_lib, init_p_do_apply, 3, []}]}",
    ),
    (
        "{proc_lib, init_p, ['SELF', [], m, f, x]}",
        "{function_clause, [{proc_lib, init_p, ['SELF', [], m, f, x], []}]}",
    ),
    (
        "{proc_lib, init_p, ['SELF', [], 'FUN']}",
        "{undef, [{'FUN', [], []}, {proc_lib, init_p, 3, []}]}",
    ),
    (
        "{proc_lib, init_p, ['SELF', [], x]}",
        "{function_clause, [{proc_lib, init_p, ['SELF', [], x], []}]}",
    ),
    ("{proc_lib, init_p, [1, 2]}", "{undef, [{proc_lib, init_p, [1, 2], []}]}"),
    (
        "{gen, init_it, [gen_server, 'SELF', 'SELF', nobody, x, []]}",
        "{undef, [{nobody, init, [x], []}]}",
    ),
    (
        "{gen, init_it, [gen_server, 'SELF', 'SELF', {x, y}, server, x, []]}",
        "{function_clause, [{gen, register_name, [{x, y}], []}]}",
    ),
    (
        "{gen, init_it, [gen_server, 'SELF', 'SELF', server, x]}",
        "{undef, [{gen, init_it, [gen_server, 'SELF', 'SELF', server, x], []}]}",
    ),
]


@pytest.mark.parametrize(("call", "reason"), FAILING)
async def test_a_call_fails_as_on_a_beam(world: World, call: str, reason: str) -> None:
    process, ends = await world.start(call)
    (got,) = ends.reasons
    assert etf.same(got, world.term(reason))
    assert not world.ran
    assert process.pid.id not in world.runtime.processes


async def test_an_unknown_kind_of_behaviour_is_undef(world: World) -> None:
    call = "{gen, init_it, [nogen, 'SELF', 'SELF', server, x, []]}"
    process, ends = await world.start(call)
    ((why, [(module, function, args, _)]),) = ends.reasons
    me = world.starter.pid
    assert (why, module, function) == ("undef", "nogen", "init_it")
    assert args == [me, me, process.pid, "server", "x", []]


async def test_a_deeply_wrapped_call_ends_one_process_only(world: World) -> None:
    arguments: list[Any] = [Atom("worker"), Atom("run"), []]
    for _ in range(20_000):
        arguments = [Atom("erlang"), Atom("apply"), arguments]
    program, args, _ = choose(world.exports, Atom("erlang"), Atom("apply"), arguments)
    world.runtime.spawn(program, args)
    await settle()
    assert [args for args, _ in world.ran] == [()]


async def test_proc_lib_fills_in_the_dictionary(world: World) -> None:
    await world.start("{proc_lib, init_p, [shop, [sup], worker, run, [1]]}")
    _, dictionary = world.ran[0]
    assert dictionary[ANCESTORS] == ["shop", "sup"]
    assert dictionary[INITIAL_CALL] == ("worker", "run", 1)


async def test_a_behaviour_tells_who_spawned_it_through_proc_lib(world: World) -> None:
    process, _ = await world.start("{proc_lib, init_p, [shop, [], server, go, [1]]}")
    assert mail(world.starter) == [("ack", process.pid, ("ok", process.pid))]
    assert Server.seen == (1,)
    assert process.dictionary[INITIAL_CALL] == ("server", "go", 1)


async def test_a_behaviour_that_was_plainly_spawned_tells_nobody(world: World) -> None:
    await world.start("{server, go, [1]}")
    await world.start("{erlang, apply, [server, go, [1]]}")
    assert not mail(world.starter)


@pytest.mark.parametrize(
    ("call", "seen"),
    [
        ("[gen_server, 'SELF', 'SELF', server, [1, 2], []]", ([1, 2],)),
        ("[gen_statem, 'SELF', self, server, x, [{debug, []}]]", ("x",)),
        ("[gen_server, 'SELF', self, supervisor, {self, server, x}, []]", ("x",)),
    ],
)
async def test_init_of_a_gen_start_gets_one_term(
    world: World, call: str, seen: Any
) -> None:
    process, _ = await world.start(f"{{gen, init_it, {call}}}")
    assert Server.seen == seen
    assert mail(world.starter) == [("ack", process.pid, ("ok", process.pid))]
    assert process.dictionary[INITIAL_CALL] == ("server", "init", 1)
    linked = "'SELF', 'SELF'" in call
    assert process.parent == (world.starter if linked else process).pid


async def test_no_arguments_are_an_empty_list_for_an_init_without_any(
    world: World,
) -> None:
    call = "{gen, init_it, [gen_server, 'SELF', 'SELF', bare, [], []]}"
    process, _ = await world.start(call)
    assert process.alive
    _, ends = await world.start(call.replace("bare, []", "bare, [1]"))
    assert ends.reasons == [("undef", [("bare", "init", [[1]], [])])]


NAMED = "{gen, init_it, [gen_server, 'SELF', 'SELF', {local, desk}, server, ARG, []]}"


async def test_a_gen_start_with_a_name_holds_it(world: World) -> None:
    process, _ = await world.start(NAMED.replace("ARG", "x"))
    assert world.runtime.whereis("desk") == process.pid
    other, ends = await world.start(NAMED.replace("ARG", "x"))
    assert ends.reasons == ["normal"]
    assert mail(world.starter)[1:] == [
        ("nack", other.pid, ("error", ("already_started", process.pid)))
    ]
    assert world.runtime.whereis("desk") == process.pid


async def test_the_name_undefined_is_always_taken(world: World) -> None:
    call = NAMED.replace("desk", "undefined").replace("ARG", "x")
    process, ends = await world.start(call)
    answer = ("error", ("already_started", "undefined"))
    assert mail(world.starter) == [("nack", process.pid, answer)]
    assert ends.reasons == ["normal"]


@pytest.mark.parametrize(
    ("how", "messages", "reason"),
    [
        ("stop", [], "no"),
        ("ignore", [("nack", "ignore")], "normal"),
        ("raise", [], ("python", b"builtins.ValueError", b"bad")),
    ],
)
async def test_an_init_that_comes_to_nothing_gives_the_name_back(
    world: World, how: str, messages: Any, reason: Any
) -> None:
    _, ends = await world.start(NAMED.replace("ARG", how))
    (got,) = ends.reasons
    assert (got[:3] if how == "raise" else got) == reason
    assert [(kind, value) for kind, _, value in mail(world.starter)] == messages
    assert world.runtime.whereis("desk") is None


async def test_a_node_of_otp_25_gets_an_ack_for_what_comes_to_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    sent: list[Any] = []

    async def release_of(node: str) -> int:
        asked.append(node)
        return 25

    class Way:
        def send(self, *signal: Any) -> None:
            sent.append(signal)

    far = Pid(Atom("old@h"), 1, 0, 1)
    monkeypatch.setattr(world.runtime, "release_of", release_of)
    monkeypatch.setattr(world.runtime, "_remote_node", lambda _: Way())
    call = world.term(NAMED.replace("ARG", "ignore"))
    call[2][1] = far
    program, args, _ = choose(world.exports, *call)
    process = world.runtime.spawn(program, args)
    await settle()
    assert asked == ["old@h"]
    assert sent == [(process.pid, far, ("ack", process.pid, "ignore"))]


async def test_a_starter_that_cannot_be_sent_to_is_a_crash(world: World) -> None:
    call = "{gen, init_it, [gen_server, x, 'SELF', server, x, []]}"
    process, ends = await world.start(call)
    ((why, [(_, function, [to, message], _)]),) = ends.reasons
    assert (why, function, to) == ("badarg", "send", "x")
    assert message == ("ack", process.pid, ("ok", process.pid))


@pytest.mark.parametrize(
    ("word", "told", "reason"),
    [
        ("ack", ("ack", ("ok", "PID")), "normal"),
        ("fail", ("nack", ("error", "no")), "why"),
    ],
)
async def test_a_program_says_itself_how_its_start_went(
    world: World, word: str, told: Any, reason: str
) -> None:
    call = f"{{proc_lib, init_p, ['SELF', [], worker, run, [{word}]]}}"
    process, ends = await world.start(call)
    kind, (what, value) = told
    expected = (kind, process.pid, (what, process.pid if value == "PID" else value))
    assert mail(world.starter) == [expected]
    assert ends.reasons == [reason]


@pytest.mark.parametrize(("word", "reason"), [("ack", "normal"), ("fail", "why")])
async def test_nobody_is_told_after_a_plain_spawn(
    world: World, word: str, reason: str
) -> None:
    _, ends = await world.start(f"{{worker, run, [{word}]}}")
    assert not mail(world.starter)
    assert ends.reasons == [reason]


async def test_a_program_with_a_name_is_one_at_a_time(world: World) -> None:
    world.exports.provide("only", Server, None, name="only")
    first, _ = await world.start("{only, start, []}")
    assert world.runtime.whereis("only") == first.pid
    _, ends = await world.start("{only, start, []}")
    assert ends.reasons == [("already_started", first.pid)]
    other, ends = await world.start("{proc_lib, init_p, ['SELF', [], only, go, []]}")
    answer = ("error", ("already_started", first.pid))
    assert mail(world.starter) == [("nack", other.pid, answer)]
    assert ends.reasons == ["normal"]
    world.exports.provide("only", Server, "twin")
    twin, _ = await world.start("{only, twin, []}")
    assert twin.alive


def test_what_is_no_program_is_refused() -> None:
    exports = Exports()

    async def named(process: Process, *, option: Any) -> None: ...

    for program in (int, 7, None, named):
        with pytest.raises(TypeError):
            exports.provide("m", program, None)


async def test_an_exit_of_a_program_is_its_reason(world: World) -> None:
    async def leave(process: Process) -> None:
        raise Exit(("shutdown", 1))

    world.exports.provide("leaver", leave, None)
    _, ends = await world.start("{proc_lib, init_p, ['SELF', [], leaver, go, []]}")
    assert ends.reasons == [("shutdown", 1)]


@pytest.mark.parametrize("wrap", ["{M}", "{proc_lib, init_p, ['SELF', [], {M}]}"])
async def test_a_limit_of_the_mailbox_is_that_of_the_program(
    world: World, wrap: str
) -> None:
    async def idle(process: Process) -> None:
        await trio.sleep_forever()

    world.exports.provide("small", idle, mailbox=MailboxLimit(2))
    call = wrap.replace("{M}", "small, run, []")
    process, _ = await world.start(call if "proc_lib" in call else f"{{{call}}}")
    for number in range(4):
        process.deliver(number)
    assert mail(process) == [0, 1]
    assert process.dropped == 2
