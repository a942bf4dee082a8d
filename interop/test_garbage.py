"""A peer that breaks the rules loses its own connection, and nobody else's."""

from __future__ import annotations

import contextlib
import random
import struct

import pytest
import trio

import etf
from ergopy import Atom

from . import raw
from .beam import unique_name
from .servers import until

VERSION = b"\x83"


def _pass_through(control: object, *message: object) -> bytes:
    return raw.packet(b"p" + b"".join(etf.encode(part) for part in (control, *message)))


SELF = etf.Pid(Atom("x@127.0.0.1"), 1, 0, 7)

GARBAGE = {
    "no pass-through marker": raw.packet(b"\0\1\2\3"),
    "marker alone": raw.packet(b"p"),
    "random bytes": raw.packet(random.Random(7).randbytes(500)),
    "text": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" + b"x" * 80,
    "packet of four gigabytes": struct.pack(">I", 0xFFFF_FFFF) + b"p" * 100,
    "cut term": raw.packet(b"p\x83h\x05a"),
    "no term version": raw.packet(b"ph\x02a\x05a\x06"),
    "control is no tuple": _pass_through([1, 2]),
    "empty control tuple": _pass_through(()),
    "operation is no integer": _pass_through((Atom("link"), SELF, SELF)),
    "unknown operation": _pass_through((99, SELF, SELF)),
    "wrong arity": _pass_through((1, SELF)),
    "link from an integer": _pass_through((1, 5, SELF)),
    "name is no atom": _pass_through((6, SELF, Atom(""), 17), 1),
    "node link": _pass_through((5,)),
    "missing message": _pass_through((6, SELF, Atom(""), Atom("desk"))),
    "compressed message": raw.packet(
        b"p" + etf.encode((6, SELF, Atom(""), Atom("desk"))) + b"\x83P\0\0\0\2abc"
    ),
    "nested a hundred thousand deep": raw.packet(
        b"p"
        + etf.encode((6, SELF, Atom(""), Atom("desk")))
        + VERSION
        + b"l\0\0\0\1" * 100_000
        + b"j" * 100_001
    ),
    "map with a repeated key": raw.packet(
        b"p"
        + etf.encode((6, SELF, Atom(""), Atom("desk")))
        + VERSION
        + b"t\0\0\0\2a\1a\1a\1a\2"
    ),
    "unlink with id zero": _pass_through((35, 0, SELF, SELF)),
}

WITH_HEADERS = {
    "fragment of no sequence": raw.packet(
        b"\x83F" + struct.pack(">QQ", 1, 5) + b"rest"
    ),
    "atom slot never set": raw.packet(b"\x83D\x01\x00\x05" + b"h\x02R\0R\0"),
    "unknown header": raw.packet(b"\x83Z\0\0\0"),
    "header cut short": raw.packet(b"\x83D\xff"),
}


async def _serves(beam, node):
    assert await beam.run("gen_server:call({desk, Py}, value)", Py=node.name) == 0


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
async def test_garbage_closes_only_its_own_connection(
    beam, node, desk, cookie, garbage
):
    await _serves(beam, node)
    stream = await raw.connect(node.port, unique_name("raw"), cookie)
    async with stream:
        await stream.send_all(garbage)
        await raw.until_closed(stream)
    await _serves(beam, node)
    assert node.nodes("connected") == [beam.name]


@pytest.mark.parametrize("garbage", WITH_HEADERS.values(), ids=WITH_HEADERS)
async def test_garbage_in_header_framing_closes_only_its_own_connection(
    beam, node, desk, cookie, garbage
):
    await _serves(beam, node)
    name = unique_name("raw")
    stream = await raw.connect(node.port, name, cookie, raw.WITH_HEADERS)
    async with stream:
        await stream.send_all(garbage)
        await raw.until_closed(stream)
    await _serves(beam, node)


@pytest.mark.parametrize(
    "bytes_",
    [
        b"\0\0",
        b"\0\1x",
        b"\xff\xff" + b"N" * 70_000,
        b"\0\x05Nabcd",
        b"GET / HTTP/1.1\r\n\r\n",
    ],
    ids=["empty", "unknown", "huge", "short", "http"],
)
async def test_garbage_instead_of_a_handshake_closes_the_socket(
    beam, node, desk, bytes_
):
    stream = await trio.open_tcp_stream("127.0.0.1", node.port)
    async with stream:
        with contextlib.suppress(trio.BrokenResourceError):
            await stream.send_all(bytes_)
        await raw.until_closed(stream)
    await _serves(beam, node)


async def test_wrong_digest_closes_the_socket_without_a_word(node, cookie):
    with pytest.raises(AssertionError, match="closed during the handshake"):
        await raw.connect(node.port, unique_name("raw"), cookie + "x")
    assert node.nodes("connected") == []


async def test_good_frames_before_the_garbage_still_count(beam, node, desk, cookie):
    stream = await raw.connect(node.port, unique_name("raw"), cookie)
    control = (6, SELF, Atom(""), Atom("desk"))
    cast = _pass_through(control, (Atom("$gen_cast"), (Atom("add"), 5)))
    async with stream:
        await stream.send_all(cast + raw.packet(b"p\xff"))
        await raw.until_closed(stream)
    assert await beam.run("gen_server:call({desk, Py}, value)", Py=node.name) == 5


async def test_python_node_never_makes_a_beam_complain(beam, node, desk):
    """What we send is never "corrupted" or "invalid" in the eyes of a BEAM."""
    source = """
        5 = gen_server:call({desk, Py}, {add, 5}),
        process_flag(trap_exit, true),
        link(Pid), unlink(Pid), link(Pid),
        Ref = monitor(process, Pid), demonitor(Ref),
        exit(Pid, shutdown),
        receive {'EXIT', Pid, shutdown} -> ok end
    """
    assert await beam.run(source, Py=node.name, Pid=desk) == "ok"
    node.disconnect(beam.name)
    await until(lambda: not node.nodes("connected"))
    output = beam.output().lower()
    assert "corrupted" not in output
    assert "invalid distribution" not in output
