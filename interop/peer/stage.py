"""One stage of a pipeline under a supervisor, as a program for chapters that kill it.

    python stage.py NAME COOKIE ROLE FIRST UPSTREAM

ROLE is ``producer`` (which counts from FIRST), ``middle`` or ``sink``; UPSTREAM is the
node whose ``stage`` it subscribes to. A call ``got`` is answered with the runs of
integers that it has handled, ``left`` with the last one that it had sent each time that
it lost a consumer. It says ``ready`` and lives until its standard input ends.
"""

import sys

import trio

import ergopy
from ergopy import Atom, Backoff, CallError, ChildSpec, ConnectError, stage


class Record:
    """What outlives a stage that its supervisor starts again."""

    def __init__(self):
        self.runs = []
        self.left = []
        self.witness = None

    def add(self, events):
        for event in events:
            if self.runs and event == self.runs[-1][1] + 1:
                self.runs[-1] = (self.runs[-1][0], event)
            else:
                self.runs.append((event, event))


async def answers(producer):
    """Wait until *producer* is there.

    One that a monitor has not found may be there when the subscription comes right
    behind that, and would give its first events to nobody.
    """
    while True:
        try:
            await stage.estimate_buffered_count(producer)
        except (CallError, ConnectError):
            await trio.sleep(0.05)
        else:
            return


class Watched:
    """Tells what it has done, and whom it is to tell of each batch."""

    async def handle_call(self, request, from_):
        match request:
            case "got":
                return self.record.runs
            case "left":
                return self.record.left
            case ("witness", pid):
                self.record.witness = pid
                return Atom("ok")

    async def handled(self, events):
        self.record.add(events)
        if self.record.witness is not None:
            note = (Atom("handled"), events[0], events[-1])
            await self.send(self.record.witness, note)


class Source(Watched, ergopy.Producer):
    async def init(self, record, first, upstream):
        self.record, self.next = record, first

    async def handle_demand(self, demand):
        first, self.next = self.next, self.next + demand
        return list(range(first, self.next))

    async def handle_cancel(self, subscription, reason):
        self.record.left.append(self.next - 1)


class Middle(Watched, ergopy.ProducerConsumer):
    """Stays when its producer goes, and subscribes again."""

    async def init(self, record, first, upstream):
        self.record = record
        self.upstream = (Atom("stage"), upstream)
        self.subscribe_to = [(self.upstream, {"cancel": "temporary"})]

    async def handle_events(self, events, subscription):
        await self.handled(events)
        return events

    async def handle_cancel(self, subscription, reason):
        self.record.left.append(self.record.runs[-1][1] - self.buffered)

    async def handle_canceled(self, subscription, reason):
        self.send_after(0.05, self.pid, Atom("again"))

    async def handle_info(self, message):
        await answers(self.upstream)
        await self.subscribe(self.upstream, cancel="temporary")


class Sink(Watched, ergopy.Consumer):
    """Ends with its producer; its supervisor starts another one."""

    async def init(self, record, first, upstream):
        self.record = record
        self.subscribe_to = [(Atom("stage"), upstream)]
        await answers(*self.subscribe_to)

    async def handle_events(self, events, subscription):
        await self.handled(events)


ROLES = {"producer": Source, "middle": Middle, "sink": Sink}


async def main(name, cookie, role, first, upstream):
    async with ergopy.Node(name, cookie=cookie) as node:
        args = (Record(), int(first), Atom(upstream))
        child = ChildSpec(ROLES[role], *args, name="stage")
        backoff = Backoff(first=0.05, factor=1, most=0.05)
        await node.start(
            ergopy.Supervisor, [child], intensity=1000, period=1, backoff=backoff
        )
        print("ready", flush=True)
        stdin = trio.lowlevel.FdStream(sys.stdin.fileno())
        while await stdin.receive_some():
            pass


ergopy.run(main, *sys.argv[1:])
