"""What a node demands of its peers: the table of flags against real nodes.

A node that lacks one of the flags is told ``not_allowed`` and nothing else.
"""

from __future__ import annotations

import struct

import pytest
import trio

from epmd import lookup
from ergopy.dist.flags import MANDATORY, Flag, mandatory

from . import raw
from .beam import unique_name
from .servers import until

# The digest stands for others, and would hide that they are not there.
ALL = raw.WITH_HEADERS & ~Flag.MANDATORY_25_DIGEST


async def status(port: int, flags: int) -> bytes:
    """Say hello with these flags; return the answer."""
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    async with stream:
        name = unique_name("lacks").encode()
        hello = struct.pack(">cQIH", b"N", flags, 7, len(name)) + name
        await raw.send(stream, hello)
        return await raw.receive(stream)


async def demanded(port: int) -> Flag:
    """Ask a node without each flag in turn; return those that it cannot do without."""
    assert await status(port, ALL) == b"sok"
    answers = {flag: await status(port, ALL & ~flag) for flag in Flag if flag & ALL}
    assert set(answers.values()) == {b"sok", b"snot_allowed"}
    found = Flag(0)
    for flag, answer in answers.items():
        if answer == b"snot_allowed":
            found |= flag
    return found


async def test_a_beam_demands_what_the_table_says(beam, epmd):
    node = await lookup(beam.name.partition("@")[0], port=epmd.port)
    assert await demanded(node.port) == mandatory(beam.release)


async def test_python_demands_of_everybody_what_a_beam_does(node):
    assert await demanded(node.port) == MANDATORY[28]


async def test_python_says_which_flags_are_missing(node, caplog):
    lacking = ALL & ~Flag.UNLINK_ID & ~Flag.BIG_CREATION
    assert await status(node.port, lacking) == b"snot_allowed"
    await until(lambda: "UNLINK_ID" in caplog.text)
    assert "BIG_CREATION" in caplog.text
    assert node.nodes("known") == [node.name]


@pytest.mark.parametrize("digest", [True, False])
async def test_the_digest_counts_for_what_it_stands_for(beam, epmd, digest):
    """From OTP 25 on a node may send the one bit instead of all of the others."""
    port = (await lookup(beam.name.partition("@")[0], port=epmd.port)).port
    flags = ALL & ~MANDATORY[25] | Flag.UNLINK_ID | Flag.V4_NC | Flag.HANDSHAKE_23
    if digest:
        flags |= Flag.MANDATORY_25_DIGEST
    assert await status(port, flags) == (b"sok" if digest else b"snot_allowed")
