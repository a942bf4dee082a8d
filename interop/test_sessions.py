"""Session protocols whose other side is played by a BEAM, with plain messages."""

from __future__ import annotations

import pytest
import trio

from ergopy import Atom, SessionClosed, session
from ergopy.gen.session import Again, Choose, End, Offer, Rec, Recv, Send

from .servers import inside, until

SUM = Send(int) >> Send(int) >> Recv(int) >> End
TALK = Rec("on", Choose(say=Send(str) >> Recv(str) >> Again("on"), bye=End))

# The opening side: asks, is accepted, says that it is ready.
OPEN = """
    Ref = monitor(process, Py, [{alias, explicit_unalias}]),
    Py ! {'$session', {open, self(), Ref, Protocol}},
    {Peer, To} = receive {'$session', Ref, {accept, P, T}} -> {P, T}
                 after 5000 -> none end,
    Say = fun(What) -> To ! {'$session', To, What} end,
    Next = fun() -> receive {'$session', Ref, Said} -> Said;
                            {'DOWN', Ref, _, _, Why} -> {down, Why}
                    after 5000 -> nothing end end,
    Say(ready),
"""

# The accepting side, as a process; it tells Test what it hears.
ACCEPT = """
    Test = self(),
    Pid = spawn(fun() ->
        receive {'$session', {open, From, To, Protocol}} ->
            Ref = monitor(process, From, [{alias, explicit_unalias}]),
            To ! {'$session', To, {accept, self(), Ref}},
            Say = fun(What) -> To ! {'$session', To, What} end,
            Next = fun() -> receive {'$session', Ref, Said} -> Said;
                                    {'DOWN', Ref, _, _, Why} -> {down, Why} end end,
            ready = Next(),
            Test ! {heard, Protocol},
"""

# A process that has ended.
GONE = """
    {Pid, Ref} = spawn_monitor(fun() -> ok end),
    receive {'DOWN', Ref, _, _, _} -> Pid end
"""


def accepting(protocol, log):
    async def body(proc):
        try:
            async with session.accept(protocol) as channel:
                await steps(channel, log)
        except SessionClosed as error:
            log.append(error.reason)
        log.append("over")
        await trio.sleep_forever()

    return body


async def steps(channel, log):
    """Do whatever comes next, as the side that mostly listens."""
    while not channel.at_end:
        if channel.expected.startswith("Recv"):
            log.append(await channel.recv())
        elif channel.expected.startswith("Offer"):
            log.append(await channel.offer())
        elif channel.expected == "Send(str)":
            await channel.send(log[-1].upper())
        else:
            await channel.send(sum(log))


async def test_a_beam_opens_a_session_and_both_come_to_the_end(beam, node):
    log = []
    pid = await node.spawn(accepting(SUM.dual, log))
    source = f"""{OPEN}
        Say({{value, 40}}), Say({{value, 2}}),
        {{value, Total}} = Next(),
        Say(done), done = Next(),
        demonitor(Ref, [flush]), unalias(Ref),
        {{Total, Peer}}
    """
    protocol = str(SUM.dual).encode()
    assert await beam.run(source, Py=pid, Protocol=protocol) == (42, pid)
    await until(lambda: log == [40, 2, "over"])


async def test_choices_text_and_recursion_with_a_beam(beam, node):
    log = []
    pid = await node.spawn(accepting(TALK.dual, log))
    source = f"""{OPEN}
        Talk = fun(Word) -> Say({{choose, say}}), Say({{value, Word}}), Next() end,
        Answers = [Talk(W) || W <- [<<"one"/utf8>>, <<"kettő"/utf8>>]],
        Say({{choose, bye}}), Say(done), done = Next(),
        Answers
    """
    answers = await beam.run(source, Py=pid, Protocol=Atom("any"))
    assert answers == [("value", b"ONE"), ("value", "KETTŐ".encode())]
    await until(lambda: log == ["say", "one", "say", "kettő", "bye", "over"])


async def test_a_beam_that_follows_another_protocol_is_refused(beam, node):
    pid = await node.spawn(accepting(SUM.dual, []))
    source = """
        Ref = monitor(process, Py, [{alias, explicit_unalias}]),
        Py ! {'$session', {open, self(), Ref, <<"Recv(int) >> End">>}},
        receive {'$session', Ref, Said} -> Said after 5000 -> nothing end
    """
    expected = (Atom("refuse"), str(SUM).encode())
    assert await beam.run(source, Py=pid) == expected


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ('{value, <<"text">>}', b"expected an integer"),
        ("{value, 1.0}", b"expected an integer"),
        ("{choose, on}", b"the message"),
        ("done", b"the message"),
        ("[1|2]", b"the message"),
    ],
)
async def test_a_beam_that_breaks_the_protocol_is_told(beam, node, said, problem):
    log = []
    pid = await node.spawn(accepting(SUM.dual, log))
    source = f"{OPEN} Say({said}), Next()"
    told = await beam.run(source, Py=pid, Protocol=Atom("any"))
    assert told[0] == "leave"
    kind, text = told[1]
    assert kind == "broken"
    assert problem in text
    await until(lambda: log[-1:] == ["over"])
    assert log[0] == ("broken", text)


async def test_a_beam_that_leaves_or_ends_is_noticed(beam, node):
    for source, reason in (
        (f"{OPEN} Say({{leave, bored}}), timer:sleep(500)", ("left", "bored")),
        (f"{OPEN} exit(enough)", "enough"),
    ):
        log = []
        pid = await node.spawn(accepting(SUM.dual, log))
        wrapped = f"element(1, spawn_monitor(fun() -> {source} end)), ok"
        await beam.run(wrapped, Py=pid, Protocol=Atom("any"))
        await until(lambda log=log: log[-1:] == ["over"])
        assert log[0] == reason


async def test_the_end_of_a_python_side_is_a_down_for_the_beam(beam, node):
    pid = await node.spawn(accepting(SUM.dual, []))
    source = f"{OPEN} exit(Py, kill), Next()"
    assert await beam.run(source, Py=pid, Protocol=Atom("any")) == ("down", "killed")


async def test_python_opens_a_session_with_a_beam(beam, node):
    source = f"""{ACCEPT}
            {{value, A}} = Next(), {{value, B}} = Next(),
            Say({{value, A + B}}), Say(done),
            Test ! {{heard, Next()}}
        end
    end),
    Opened = Py ! {{go, Pid}},
    [receive {{heard, X}} -> X after 5000 -> nothing end || _ <- [1, 2]]
    """
    results = []

    async def opener(proc):
        _, pid = await proc.receive()
        async with session.open(pid, SUM) as channel:
            await channel.send(20)
            await channel.send(22)
            results.append(await channel.recv())
        results.append((proc.messages(), proc.monitors))

    pid = await node.spawn(opener)
    heard = await beam.run(source, Py=pid)
    assert heard == [str(SUM.dual).encode(), Atom("done")]
    await until(lambda: results == [42, ([], {})])


async def test_a_beam_hears_that_python_left_early(beam, node):
    source = f"""{ACCEPT}
            Test ! {{heard, Next()}}
        end
    end),
    Py ! {{go, Pid}},
    [receive {{heard, X}} -> X after 5000 -> nothing end || _ <- [1, 2]]
    """

    async def opener(proc):
        _, pid = await proc.receive()
        async with session.open(pid, Offer(a=End)):
            raise SystemError("something else")

    pid = await node.spawn(opener)
    protocol, (kind, why) = await beam.run(source, Py=pid)
    assert protocol == b"Choose(a=End)"
    assert kind == "leave"
    assert why[:2] == ("python", b"builtins.SystemError")


async def test_a_session_with_nobody_on_a_beam_is_refused_at_once(beam, node):
    async def body(proc):
        reasons = []
        gone = await beam.run(GONE)
        for dest in (gone, ("nobody", beam.name)):
            with pytest.raises(SessionClosed) as caught:
                async with session.open(dest, SUM):
                    pass
            reasons.append(caught.value.reason)
        return reasons

    assert await inside(node, body) == ["noproc", "noproc"]
