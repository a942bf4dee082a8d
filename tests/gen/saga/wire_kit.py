"""Messages of sagas for tests of their wire form."""

from __future__ import annotations

from typing import Any

import etf
from ergopy.gen.saga import wire
from etf import Atom, Pid, Reference

ME = Pid("a@h", 1, 2, 3)
ABOVE = Pid("b@h", 4, 5, 6)
TX = Reference("a@h", 3, (7, 8, 9))
REF = Reference("a@h", 3, (10, 11, 12))

ME_BYTES = '58 77 03 "a@h" 00000001 00000002 00000003'
ABOVE_BYTES = '58 77 03 "b@h" 00000004 00000005 00000006'
TX_BYTES = '5a 0003 77 03 "a@h" 00000003 00000007 00000008 00000009'
REF_BYTES = '5a 0003 77 03 "a@h" 00000003 0000000a 0000000b 0000000c'
HOP_LIMIT = '6b 0008 "HopLimit"'
LIFESPAN = '6b 0008 "Lifespan"'
TWO_PHASE_COMMIT = '6b 000e "TwoPhaseCommit"'
ERGOPY_COMMIT = '6b 000c "ErgopyCommit"'


def hexed(text: str) -> bytes:
    """Bytes from hex digits and quoted text."""
    parts = enumerate(text.split('"'))
    return b"".join(p.encode() if n % 2 else bytes.fromhex(p) for n, p in parts)


def assert_bytes(message: Any, text: str) -> None:
    assert etf.encode(message).hex() == (b"\x83" + hexed(text)).hex()


def next_message(**changes: Any) -> Any:
    given = {
        "value": Atom("v"),
        "parents": [ME],
        "hop_limit": 65535,
        "lifespan": 60,
        "two_phase_commit": False,
        "capable": False,
    }
    return wire.next_message(ME, TX, REF, **(given | changes))


def with_options(options: Any, parents: Any = (ABOVE,)) -> Any:
    return (Atom("$saga_next"), ME, (TX, REF, 5, list(parents), options))


def sent(message: Any, options: etf.DecodeOptions | None = None) -> Any:
    """*message* as it comes to another node."""
    return etf.decode(etf.encode(message), options or etf.DecodeOptions())


MADE = [
    next_message(),
    wire.result_message(ME, TX, REF, 5),
    wire.interim_message(ME, TX, REF, 5),
    wire.cancel_message(ME, TX, REF, "why"),
    wire.commit_message(ME, TX, REF, 5),
    wire.joined(ME, TX, REF, ME),
    wire.prepare(ME, TX, REF, (Atom("saga"), Atom("a@h"))),
    wire.vote(ME, TX, REF),
    wire.decide(ME, TX, REF, 5),
    wire.ack(ME, TX, REF),
    wire.ask(ME, TX, REF, ME),
    wire.job_start(ME, REF, TX, "key", 5, True),
    wire.job_cancel(ME, REF, "why"),
    wire.job_commit(ME, REF, 5),
    wire.job_result(ME, REF, 5),
    wire.job_interim(ME, REF, 5),
]
