"""A bare distribution client: a correct handshake, then whatever bytes a test likes.

It shares no code with the implementation that it is pointed at.
"""

from __future__ import annotations

import hashlib
import struct

import trio

# What an OTP 26 node offers, less FRAGMENTS and DIST_HDR_ATOM_CACHE: pass-through.
FLAGS = 0xD_07DF_7FBD & ~0x80_2000
WITH_HEADERS = 0xD_07DF_7FBD


async def send(stream: trio.SocketStream, body: bytes) -> None:
    await stream.send_all(struct.pack(">H", len(body)) + body)


async def exactly(stream: trio.SocketStream, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = await stream.receive_some(count - len(data))
        assert more, "closed during the handshake"
        data += more
    return data


async def receive(stream: trio.SocketStream) -> bytes:
    return await exactly(stream, struct.unpack(">H", await exactly(stream, 2))[0])


async def connect(
    port: int, name: str, cookie: str, flags: int = FLAGS
) -> trio.SocketStream:
    """Connect to a node's distribution port as *name* and finish the handshake."""
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    try:
        await shake_hands(stream, name, cookie, flags)
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return stream


async def shake_hands(
    stream: trio.SocketStream, name: str, cookie: str, flags: int
) -> None:
    ours = 0x01020304
    hello = struct.pack(">cQIH", b"N", flags, 7, len(name)) + name.encode()
    await send(stream, hello)
    assert await receive(stream) == b"sok"
    challenge = await receive(stream)
    theirs = struct.unpack(">I", challenge[9:13])[0]
    digest = hashlib.md5(f"{cookie}{theirs}".encode()).digest()
    await send(stream, struct.pack(">cI", b"r", ours) + digest)
    expected = b"a" + hashlib.md5(f"{cookie}{ours}".encode()).digest()
    assert await receive(stream) == expected


def packet(body: bytes) -> bytes:
    """Frame *body* as a packet of the established link."""
    return struct.pack(">I", len(body)) + body


async def until_closed(stream: trio.SocketStream) -> None:
    """Read and forget whatever comes until the other side closes."""
    with trio.fail_after(5):
        try:
            while await stream.receive_some(65536):
                pass
        except trio.BrokenResourceError:
            return
