"""Makes ``otp25.json`` and ``otp28.json``: what stages on a BEAM said to a Python one.

Run it from the root with ``python -m tests.data.stages.capture``, which needs OTP 25,
OTP 28 and Elixir. The stages are those of ``interop/stages``, plain Elixir; the other
side is played by hand.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import trio

from etf import Atom, Reference
from interop.beam import Epmd
from interop.staged import Stages, compile_stages
from tests.data.link import CREATION, PID, PYTHON, Link, capture

HERE = Path(__file__).parent
TAG = Reference(Atom(PYTHON), CREATION, (1, 2, 3))

OPTIONS = {"max_demand": 4, "min_demand": 2, "cancel": "temporary"}

TO_CONSUMER, TO_PRODUCER = Atom("$gen_consumer"), Atom("$gen_producer")
ASK, CANCEL, SUBSCRIBE = Atom("ask"), Atom("cancel"), Atom("subscribe")


async def consumer(link: Link) -> None:
    """A consumer that is given what it asks for, up to eight, and then cancels."""
    stage = await link.peer.consumer(PID, **OPTIONS)
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
    stage = await link.peer.producer(first=254, last=261)
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
    stage = await link.peer.producer(last=4)
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
            taken.append(await link.peer.stream(PID, 4, max_demand=2, min_demand=0))

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


def main() -> None:
    epmd = Epmd()
    try:
        with tempfile.TemporaryDirectory() as folder:
            compile_stages(Path(folder))
            stages = partial(Stages, code=Path(folder))
            for kind in ("otp25", "otp28"):
                made = trio.run(capture, kind, Path(folder), epmd, EXCHANGES, stages)
                (HERE / f"{kind}.json").write_text(made)
    finally:
        epmd.stop()


if __name__ == "__main__":
    main()
