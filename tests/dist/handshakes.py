"""One handshake as captured, and both of our roles in it."""

from __future__ import annotations

from typing import Any

import pytest

from ergopy.dist.flags import Flag
from ergopy.dist.handshake import Acceptor, Connector, Event, Handshake, Identity

COOKIE = "ergocookie"
OTP_25 = Flag(0xD07DF7FBD)
CREATION = 0x6B016B56

# One handshake between two OTP 25 nodes, as captured.
A_NAME = bytes.fromhex("001c4e0000000d07df7fbd6b016b56000d613235403132372e302e302e31")
B_STATUS = b"\0\3sok"
B_CHALLENGE = bytes.fromhex(
    "00204e0000000d07df7fbd67bd48476b016b56000d623235403132372e302e302e31"
)
A_REPLY = bytes.fromhex("0015720fba2c88b8094dc14c0a546f51852cfe20229391")
B_ACK = bytes.fromhex("001161cfd6a88ecb0fcafce40e62fe2f70f34f")

A25 = Identity("a25@127.0.0.1", CREATION, OTP_25)
B25 = Identity("b25@127.0.0.1", CREATION, OTP_25)
CHALLENGE_A, CHALLENGE_B = 0x0FBA2C88, 0x67BD4847


def connector(me: Identity = A25, **options: Any) -> Connector:
    options = {"cookie": COOKIE, "challenge": CHALLENGE_A, **options}
    return Connector(me, B25.name, **options)


def acceptor(me: Identity = B25, **options: Any) -> Acceptor:
    return Acceptor(me, **({"challenge": CHALLENGE_B} | options))


def feed(machine: Handshake, data: bytes, step: int) -> list[Event]:
    """Feed *data* in pieces; the last piece of the last message included."""
    return [
        event
        for start in range(0, len(data), step)
        for event in machine.receive_data(data[start : start + step])
    ]


def at_confirmation(**options: Any) -> Acceptor:
    machine = acceptor(**options)
    machine.receive_data(A_NAME)
    machine.accept(cookie=COOKIE)
    machine.receive_data(A_REPLY)
    return machine


STEPS = pytest.mark.parametrize("step", [1, 2, 3, 7, 4096])
