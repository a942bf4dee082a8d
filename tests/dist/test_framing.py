"""Cutting a stream into packets, and which codec a link gets."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import etf
from ergopy.dist import frames
from ergopy.dist.framing import LinkEncoder, PacketReader
from ergopy.errors import RemoteProtocolError


def cut(reader: PacketReader, data: bytes, step: int) -> list[bytes]:
    return [
        packet
        for start in range(0, len(data), step)
        for packet in reader.cut(memoryview(data)[start : start + step])
    ]


@given(st.lists(st.binary(max_size=20)), st.integers(1, 30), st.binary(max_size=3))
def test_any_chunking_gives_the_same_packets(
    bodies: list[bytes], step: int, tail: bytes
) -> None:
    wire = b"".join(len(body).to_bytes(4, "big") + body for body in bodies)
    reader = PacketReader(20)
    assert cut(reader, wire + tail, step) == [body for body in bodies if body]
    assert reader.ticks == bodies.count(b"")


@given(st.binary(max_size=200), st.integers(1, 50))
def test_garbage_only_raises_remote_errors(data: bytes, step: int) -> None:
    reader = PacketReader(64)
    try:
        packets = cut(reader, data, step)
    except RemoteProtocolError:
        return
    assert all(0 < len(packet) <= 64 for packet in packets)


def test_a_frame_beyond_the_length_field_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(frames, "_MAX_FRAME", 20)
    encoder = LinkEncoder(header=False)
    assert len(encoder.control((1, b"123456789"))) == 24
    with pytest.raises(etf.EncodeError, match="21 bytes"):
        encoder.control((1, b"1234567890"))


def test_the_pure_codec_can_be_asked_for() -> None:
    command = "from ergopy.dist import link; print(link.compiled, link.LinkDecoder)"
    answer = subprocess.run(
        [sys.executable, "-c", command],
        env=dict(os.environ, ERGOPY_PURE="1", PYTHONPATH=os.pathsep.join(sys.path)),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert answer == "False <class 'ergopy.dist.framing.LinkDecoder'>\n"
