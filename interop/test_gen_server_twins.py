"""The same scripts for a gen_server of Erlang and for its twin in Python.

Each message says what the callback is to return. What callers are answered, what the
callbacks saw in what order, and why each ended, have to be the same.
"""

from __future__ import annotations

import random
from itertools import pairwise

from ergopy import NOREPLY, Atom, Exit, GenServer, NoReply, Reply, Stop

SCRIPTS = 60
IDLE, SLEEP = 400, 1200
"""Milliseconds: of an idle timeout, and of a pause that lets it come."""
ANSWERED, UNANSWERED = 5000, 60


class Twin(GenServer):
    """Does what its messages say; see ``ergopy_twin``."""

    async def init(self, plan):
        self.observer, self.log = None, []
        self.note((Atom("init"), plan))
        return self.returns(NOREPLY if plan == "ok" else (Atom("noreply"), plan[1]))

    async def handle_call(self, request, from_):
        self.note((Atom("call"), request))
        match request:
            case ("aside", value):
                self.start_soon(self.aside, from_, value)
                return NOREPLY
        return self.returns(request)

    async def aside(self, from_, value):
        await self.reply(from_, value)
        await self.reply(from_, Atom("twice"))

    async def handle_cast(self, request):
        self.note((Atom("cast"), request))
        return self.returns(request)

    async def handle_info(self, message):
        match message:
            case ("observer", pid):
                self.observer = pid
                for entry in self.log:
                    self.note(entry)
                return None
            case "timeout":
                self.note(message)
                return None
        self.note((Atom("info"), message))
        return self.returns(message)

    async def handle_continue(self, value):
        self.note((Atom("continue"), value))
        return self.returns(value)

    async def terminate(self, reason):
        self.note((Atom("terminate"), class_of(reason)))

    def note(self, entry):
        if self.observer is None:
            self.log.append(entry)
        else:
            self.send_nowait(self.observer, (Atom("log"), entry))

    def returns(self, plan):
        match plan:
            case NoReply():
                return plan
            case ("reply", value):
                return Reply(value)
            case ("reply", value, more):
                return Reply(value, **option(more))
            case "noreply":
                return NOREPLY
            case ("noreply", more):
                return NoReply(**option(more))
            case ("stop", reason):
                return Stop(reason)
            case ("stop", reason, value):
                return Stop(reason, reply=value)
            case ("exit", reason):
                raise Exit(reason)
        raise ValueError("wanted")


def option(more):
    match more:
        case int(milliseconds):
            return {"timeout": milliseconds / 1000}
        case ("continue", plan):
            return {"then": plan}
    # Hibernation is nothing here.
    return {}


def class_of(reason):
    """A crash is one, whatever the language says of it."""
    match reason:
        case (Atom("python" | "wanted" | "bad_return_value"), *_):
            return Atom("crash")
    return reason


class Writer:
    """Writes scripts."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.value = 0
        self.may_idle = False

    def new(self):
        self.value += 1
        return self.value

    def more(self, depth):
        kind = self.random.choice(["idle", "hibernate", "continue", "continue"])
        if kind == "continue" and depth < 3:
            return (Atom("continue"), self.plan(depth + 1))
        idle = kind == "idle" and self.may_idle
        return IDLE if idle else Atom("hibernate")

    def reason(self):
        reasons = ["normal", "shutdown", ("shutdown", 1), "because"]
        reason = self.random.choice(reasons)
        if isinstance(reason, tuple):
            return (Atom("shutdown"), self.new())
        return Atom(reason)

    def plan(self, depth=0, *, call=False):
        kinds = ["noreply"] * 4 + ["more"] * 4 + ["stop", "exit", "crash"]
        kinds = kinds[:8] if self.random.random() < 0.7 else kinds
        kind = self.random.choice(kinds)
        if call and kind in ("noreply", "more") and self.random.random() < 0.7:
            answer = (Atom("reply"), self.new())
            return answer if kind == "noreply" else (*answer, self.more(depth))
        match kind:
            case "more":
                return (Atom("noreply"), self.more(depth))
            case "stop" if call and self.random.random() < 0.5:
                return (Atom("stop"), self.reason(), self.new())
            case "stop" | "exit":
                return (Atom(kind), self.reason())
        return Atom(kind)

    def step(self):
        kind = self.random.choice(["call", "call", "cast", "info", "aside", "sleep"])
        match kind:
            case "sleep":
                return (Atom("sleep"), SLEEP)
            case "aside":
                plan = (Atom("aside"), self.new())
                return (Atom("call"), plan, ANSWERED)
            case "call":
                plan = self.plan(call=True)
                waits = plan[0] == "noreply" or plan == "noreply"
                return (Atom("call"), plan, UNANSWERED if waits else ANSWERED)
        return (Atom(kind), self.plan())

    def script(self):
        begin = Atom("ok")
        if self.random.random() < 0.4:
            # Nobody knows how long after that the script begins.
            begin = (Atom("ok"), self.more(1))
        self.may_idle = True
        return begin, [self.step() for _ in range(self.random.randint(1, 8))]


def normal(played, steps):
    """What has to be the same in both."""
    answers, log, reason = played
    shown = [
        (answer[0], class_of(answer[1])) if isinstance(answer, tuple) else answer
        for answer in answers
    ]
    for number, (before, step) in enumerate(pairwise(steps), 1):
        # Who calls right behind what ends it finds it ending, or gone.
        behind = (before[0], step[0]) in [("cast", "call"), ("info", "call")]
        if behind and shown[number] == ("exit", "noproc"):
            shown[number] = ("exit", class_of(reason))
    return shown, log, class_of(reason)


async def test_twins_do_the_same(beam, node):
    scripts = [Writer(seed).script() for seed in range(SCRIPTS)]
    twins = [await node.start(Twin, plan) for plan, _ in scripts]
    both = [
        [
            (who, plan, steps)
            for who, (plan, steps) in zip(players, scripts, strict=True)
        ]
        for players in ([Atom("erlang")] * SCRIPTS, twins)
    ]
    source = "ergopy_twin:play(Scripts)"
    theirs = await beam.run(source, 60, Scripts=both[0])
    ours = await beam.run(source, 60, Scripts=both[1])
    for script, one, other in zip(scripts, theirs, ours, strict=True):
        assert normal(one, script[1]) == normal(other, script[1]), script
    logs = [entry for _, log, _ in theirs for entry in log]
    seen = {entry if isinstance(entry, Atom) else entry[0] for entry in logs}
    kinds = {"init", "call", "cast", "info", "continue", "timeout", "terminate"}
    assert seen == kinds
