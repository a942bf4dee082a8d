"""Makes ``otp25.json`` and ``otp28.json``: what stages on a BEAM said to a Python one.

Run it from the root with ``python -m tests.data.stages.capture``, which needs OTP 25,
OTP 28 and Elixir. The stages are those of ``interop/stages``, plain Elixir. A few lines
here play the other side on a bare link, without cache and fragments, as a node called
`PYTHON` whose only process is `PID`.

Each exchange is a list of steps in the order in which they were seen: ``received`` has
the two terms of a packet from the BEAM, as bytes of the wire in hexadecimal, ``sent``
the message that was our side's, likewise.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import trio

import etf
from etf import Atom, Pid, Reference
from interop import raw
from interop.beam import Beam, Epmd, compile_peer
from interop.staged import Stages, compile_stages

HERE = Path(__file__).parent
COOKIE = "capture"
PYTHON = "py@127.0.0.1"
CREATION = 7
PID = Pid(Atom(PYTHON), 77, 0, CREATION)
TAG = Reference(Atom(PYTHON), CREATION, (1, 2, 3))

HIDDEN = raw.FLAGS & ~1
"""Not one of the cluster, or ``global`` would have its say."""

SEND, DEMONITOR = 2, 20
OPTIONS = {"max_demand": 4, "min_demand": 2, "cancel": "temporary"}

TO_CONSUMER, TO_PRODUCER = Atom("$gen_consumer"), Atom("$gen_producer")
ASK, CANCEL, SUBSCRIBE = Atom("ask"), Atom("cancel"), Atom("subscribe")


class Link:
    """Our side of a link to a BEAM, which keeps what goes over it."""

    def __init__(self, stream: trio.SocketStream, beam: Beam) -> None:
        self._stream = stream
        self.steps: list[list[str]] = []
        self.stages: Any = None
        self.beam = beam

    async def take(self, count: int = 1) -> list[Any]:
        """The next *count* messages; other signals are kept as well."""
        messages: list[Any] = []
        while len(messages) < count:
            message = await self._signal()
            if message:
                messages.append(etf.decode(message))
        return messages

    async def _signal(self) -> bytes:
        body = await self._packet()
        assert body[:1] == b"p"
        _, used = etf.decode_prefix(body[1:])
        message = body[1 + used :]
        self.steps.append(["received", body[1 : 1 + used].hex(), message.hex()])
        return message

    async def until_forgotten(self) -> None:
        """Take what comes until the BEAM no longer monitors our process."""
        while etf.decode(bytes.fromhex(self.steps[-1][1]))[0] != DEMONITOR:
            await self._signal()

    async def _packet(self) -> bytes:
        while True:
            size = int.from_bytes(await raw.exactly(self._stream, 4), "big")
            if size:
                return await raw.exactly(self._stream, size)

    async def send(self, dest: Any, message: Any) -> None:
        data = etf.encode(message)
        self.steps.append(["sent", data.hex()])
        control = etf.encode((SEND, Atom(""), dest))
        await self._stream.send_all(raw.packet(b"p" + control + data))


async def consumer(link: Link) -> None:
    """A consumer that is given what it asks for, up to eight, and then cancels."""
    stage = await link.stages.consumer(PID, **OPTIONS)
    subscribe, _ = await link.take(2)
    to = subscribe[1]
    await link.send(stage.pid, events(to, 1, 2, 3, 4))
    await link.take(2)
    await link.send(stage.pid, events(to, 5, 6))
    await link.send(stage.pid, events(to, 7, 8))
    await link.take(2)
    await stage.call(("cancel", to[1], ("shutdown", b"enough")))
    (request,) = await link.take()
    await link.send(stage.pid, (TO_CONSUMER, (PID, to[1]), request[2]))


async def producer(link: Link) -> None:
    """A producer that is asked for eight, more than a byte each as of the third."""
    stage = await link.stages.producer(first=254, last=261)
    pid, sender = stage.pid, (PID, TAG)
    await link.send(pid, (TO_PRODUCER, sender, (SUBSCRIBE, None, keywords())))
    await link.send(pid, (TO_PRODUCER, sender, (ASK, 4)))
    await link.take()
    await link.send(pid, (TO_PRODUCER, sender, (ASK, 2)))
    await link.send(pid, (TO_PRODUCER, sender, (ASK, 2)))
    await link.take(2)
    await link.send(pid, (TO_PRODUCER, sender, (ASK, 2)))
    await link.send(pid, (TO_PRODUCER, sender, (ASK, 2)))
    await link.send(pid, (TO_PRODUCER, sender, (CANCEL, Atom("normal"))))
    await link.take()


async def small(link: Link) -> None:
    """A producer whose events are bytes, which come as a string of them."""
    stage = await link.stages.producer(last=4)
    pid, sender = stage.pid, (PID, TAG)
    await link.send(pid, (TO_PRODUCER, sender, (SUBSCRIBE, None, keywords())))
    await link.send(pid, (TO_PRODUCER, sender, (ASK, 4)))
    await link.take()
    await link.send(pid, (TO_PRODUCER, sender, (ASK, 2)))
    await link.send(pid, (TO_PRODUCER, sender, (ASK, 2)))
    await link.send(pid, (TO_PRODUCER, sender, (CANCEL, Atom("normal"))))
    await link.take()


async def stream(link: Link) -> None:
    """A process that takes four without a stage, under a tag of two references."""
    taken: list[Any] = []
    async with trio.open_nursery() as nursery:

        async def take() -> None:
            taken.append(await link.stages.stream(PID, 4, max_demand=2, min_demand=0))

        nursery.start_soon(take)
        subscribe, _ = await link.take(2)
        to = subscribe[1]
        for n in (1, 3):
            await link.send(to[0], events(to, n, n + 1))
            await link.take()
        (request,) = await link.take()
        await link.send(to[0], events(to, 5, 6))
        await link.send(to[0], (TO_CONSUMER, (PID, to[1]), request[2]))
    assert taken == [[1, 2, 3, 4]]


def events(to: tuple[Any, Any], *given: int) -> Any:
    return TO_CONSUMER, (PID, to[1]), list(given)


def keywords() -> list[tuple[Atom, Any]]:
    pairs = OPTIONS | {"cancel": Atom(OPTIONS["cancel"])}
    return [(Atom(key), value) for key, value in pairs.items()]


EXCHANGES = (consumer, producer, small, stream)


async def capture(kind: str, folder: Path, epmd: Epmd) -> None:
    beam = Beam(
        kind,
        code=compile_peer(folder),
        folder=folder,
        epmd_port=epmd.port,
        cookie=COOKIE,
        name=f"{kind}@127.0.0.1",
    )
    try:
        find = "{port, P, _} = erl_epmd:port_please(Name, {127,0,0,1}), P"
        port = beam.eval(find, Name=etf.Charlist(kind))
        stream = await raw.connect(port, PYTHON, COOKIE, HIDDEN)
        async with stream:
            exchanges = {}
            for exchange in EXCHANGES:
                link = Link(stream, beam)
                link.stages = Stages(beam, folder)
                await exchange(link)
                await link.until_forgotten()
                exchanges[exchange.__name__] = link.steps
        about = {"beam": beam.name, "creation": beam.creation, "exchanges": exchanges}
        text = json.dumps(about, indent=1) + "\n"
        (HERE / f"{kind}.json").write_text(text)
    finally:
        beam.stop()


def main() -> None:
    epmd = Epmd()
    try:
        with tempfile.TemporaryDirectory() as folder:
            compile_stages(Path(folder))
            for kind in ("otp25", "otp28"):
                trio.run(capture, kind, Path(folder), epmd)
    finally:
        epmd.stop()


if __name__ == "__main__":
    main()
