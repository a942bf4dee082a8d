"""Makes ``otp25.json`` and ``otp28.json``: what sagas on a BEAM said to a Python one.

Run it from the root with ``python -m tests.data.sagas.capture``, which needs OTP 25 and
OTP 28. The sagas are those of ``interop/sagas``, which speak as ergo's; the other side
is played by hand.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import trio

from ergopy.gen.saga import wire
from etf import Atom, Reference
from interop.beam import Epmd
from interop.saga_places import VALUE, beam_place, compile_sagas, load
from tests.data.link import CREATION, PID, PYTHON, Link, capture

HERE = Path(__file__).parent
TX = Reference(Atom(PYTHON), CREATION, (1, 2, 3))
STEP = Reference(Atom(PYTHON), CREATION, (4, 5, 6))


async def taking_part(link: Link) -> None:
    """A saga of the BEAM starts a transaction, and commits it."""
    script = {
        "new": [("next", PID, VALUE)],
        "result": [("result", VALUE)],
        "done": [("final", b"final")],
    }
    root = await beam_place(link.beam, script)
    await root.start(5, hop_limit=12, lifespan=300, two_phase_commit=True)
    ((_, _, (id, ref, *_)),) = await link.take()
    await link.send(root.pid, wire.interim_message(PID, id, ref, 6))
    await link.send(root.pid, wire.result_message(PID, id, ref, 7))
    await link.take()


async def taking_part_in_vain(link: Link) -> None:
    """A saga of the BEAM starts a transaction, and cancels it."""
    root = await beam_place(link.beam, {"new": [("next", PID, VALUE)]})
    await root.start(5, lifespan=30)
    await link.take()
    await root.do("cancel", "no room")
    await link.take()


async def starting(link: Link) -> None:
    """A saga of the BEAM has something to tell, and its result."""
    leaf = await beam_place(link.beam, {"new": [("interim", 6), ("result", VALUE)]})
    said = wire.next_message(PID, TX, STEP, 5, [PID], 65534, 60, True, True)
    await link.send(leaf.pid, said)
    await link.take(2)
    await link.send(leaf.pid, wire.commit_message(PID, TX, STEP, 5))


async def starting_in_vain(link: Link) -> None:
    """A saga of the BEAM cancels."""
    leaf = await beam_place(link.beam, {"new": [("cancel", "no room")]})
    said = wire.next_message(PID, TX, STEP, 5, [PID], 65534, 60, False, False)
    await link.send(leaf.pid, said)
    await link.take()


EXCHANGES = (taking_part, taking_part_in_vain, starting, starting_in_vain)


def main() -> None:
    epmd = Epmd()
    try:
        with tempfile.TemporaryDirectory() as folder:
            code = compile_sagas(Path(folder))
            find = partial(load, code=code)
            for kind in ("otp25", "otp28"):
                made = trio.run(capture, kind, code, epmd, EXCHANGES, find)
                (HERE / f"{kind}.json").write_text(made)
    finally:
        epmd.stop()


if __name__ == "__main__":
    main()
