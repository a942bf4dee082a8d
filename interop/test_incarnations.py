"""What a BEAM keeps of an earlier start of a Python node leads nowhere."""

from __future__ import annotations

from ergopy import Atom, ExitMessage, Node

from .servers import until


class Kept:
    """A process that traps exits and keeps what it gets."""

    def __init__(self) -> None:
        self.mail = []
        self.alias = None

    async def __call__(self, proc):
        proc.trap_exit = True
        self.alias = proc.alias()
        while True:
            message = await proc.receive()
            if isinstance(message, ExitMessage) and message.reason == "shutdown":
                return
            self.mail.append(message)


async def start(node):
    kept = Kept()
    pid = await node.spawn(kept)
    await until(lambda: kept.alias is not None)
    return pid, kept


async def test_every_signal_to_a_process_of_an_earlier_start_is_lost(
    beam, node_options
):
    async with Node(**node_options) as node:
        pid, kept = await start(node)
        old_alias, creation = kept.alias, node.creation
        assert await beam.run("net_adm:ping(Py)", Py=node.name) == "pong"
    source = "ergopy_peer:until(fun() -> not lists:member(Py, nodes(connected)) end)"
    await beam.run(source, Py=node_options["name"] and Atom(node_options["name"]))
    async with Node(**node_options) as node:
        assert node.creation != creation
        new, kept = await start(node)
        while new.id < pid.id:
            new, kept = await start(node)
        assert (new.id, new.serial) == (pid.id, pid.serial)
        source = """
            process_flag(trap_exit, true),
            pong = net_adm:ping(Py),
            Old ! lost, Alias ! lost,
            exit(Old, lost),
            group_leader(self(), Old),
            Ref = monitor(process, Old),
            Down = receive {'DOWN', Ref, process, Old, Why} -> Why end,
            link(Old),
            Exit = receive {'EXIT', Old, Reason} -> Reason end,
            demonitor(monitor(process, Old)),
            link(Old), unlink(Old),
            Call = try gen_server:call(Old, lost) catch exit:{W, _} -> W end,
            pong = net_adm:ping(Py),
            true = lists:member(Py, nodes()),
            {Down, Exit, Call, ergopy_peer:flush(20)}
        """
        bindings = {"Old": pid, "Alias": old_alias, "Py": node.name}
        answer = await beam.run(source, **bindings)
        noproc = Atom("noproc")
        assert answer == (noproc, noproc, noproc, [])
        assert kept.mail == []
        assert node.runtime.find(new).group_leader != pid
        if beam.release >= 28:
            late = "exit(Alias, lost), erlang:send(Alias, lost, [priority])"
            await beam.run(late + ", pong = net_adm:ping(Py)", **bindings)
            assert kept.mail == []
