"""What captures are made with: our side of a bare link to a BEAM, played by hand.

The link has neither cache nor fragments. Our node is called `PYTHON`, its only process
is `PID`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import etf
from etf import Atom, Pid
from interop import raw
from interop.beam import Beam, compile_peer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from pathlib import Path

    import trio

    from interop.beam import Epmd

    Exchange = Callable[["Link"], Awaitable[None]]

COOKIE = "capture"
PYTHON = "py@127.0.0.1"
CREATION = 7
PID = Pid(Atom(PYTHON), 77, 0, CREATION)

HIDDEN = raw.FLAGS & ~1
"""Not one of the cluster, or ``global`` would have its say."""

SEND, DEMONITOR = 2, 20


class Link:
    """Our side of a link to a BEAM, which keeps what goes over it."""

    def __init__(self, stream: trio.SocketStream, beam: Beam) -> None:
        self._stream = stream
        self.steps: list[list[str]] = []
        self.peer: Any = None
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


async def capture(
    kind: str,
    folder: Path,
    epmd: Epmd,
    exchanges: Iterable[Exchange],
    prepare: Callable[[Beam], Any],
) -> str:
    """Have exchanges with a BEAM; return them as JSON.

    Each is a list of steps in the order in which they were seen: ``received`` has the
    two terms of a packet from the BEAM, as bytes of the wire in hexadecimal, ``sent``
    the message that was our side's, likewise. *prepare* gives the ``peer`` of the link.
    """
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
            captured = {}
            for exchange in exchanges:
                link = Link(stream, beam)
                link.peer = prepare(beam)
                await exchange(link)
                await link.until_forgotten()
                captured[exchange.__name__] = link.steps
        about = {"beam": beam.name, "creation": beam.creation, "exchanges": captured}
        return json.dumps(about, indent=1) + "\n"
    finally:
        beam.stop()
