"""EPMD messages: both directions, any chunking, any garbage."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epmd import EpmdError, EpmdProtocolError, EpmdValueError, NodeInfo
from epmd._messages import (
    AliveReply,
    AliveRequest,
    DumpRequest,
    KillRequest,
    NamesRequest,
    PortRequest,
    RejectedAlive,
    Request,
    StopRequest,
    encode_port_reply,
    parse_port_reply,
    parse_request,
    read_alive_reply,
    read_request,
)

SNAKE = NodeInfo("snake", 9999, high=6, low=6)
FOUND = "7700270f4d00000600060005736e616b650000"

# Bytes that OTP 25's EPMD or a BEAM sent or took.
REQUESTS = [
    (AliveRequest(SNAKE), "001278270f4d00000600060005736e616b650000"),
    (AliveRequest(NodeInfo("al", 42713)), "000f78a6d94d00000600050002616c0000"),
    (
        AliveRequest(NodeInfo("hid", 9997, 72, extra=b"EXTRA")),
        "001578270d480000060005000368696400054558545241",
    ),
    (PortRequest("snake"), "00067a736e616b65"),
    (PortRequest("smörgås"), "000a7a736dc3b67267c3a573"),
    (NamesRequest(), "00016e"),
    (DumpRequest(), "000164"),
    (KillRequest(), "00016b"),
    (StopRequest("nobody"), "0007736e6f626f6479"),
]
ALIVE_REPLIES = [
    (AliveReply(0, 0x6B016C10), "76006b016c10"),
    (AliveReply(1, 99), "760100000063"),
    (AliveReply(0, 1, wide=False), "79000001"),
    (AliveReply(1, 99, wide=False), "79010063"),
]
PORT_REPLIES = [
    (SNAKE, FOUND),
    (
        NodeInfo("hid", 9997, 72, high=6, low=6, extra=b"EXTRA"),
        "7700270d4800000600060003686964 00054558545241",
    ),
    (None, "7701"),
]


def alive(name: bytes, extra: bytes = b"", high: int = 6) -> bytes:
    head = bytes.fromhex("7800014d00") + high.to_bytes(2, "big") + b"\0\5"
    sizes = len(name).to_bytes(2, "big"), len(extra).to_bytes(2, "big")
    return head + sizes[0] + name + sizes[1] + extra


names = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=255
)
u8, u16 = st.integers(0, 0xFF), st.integers(0, 0xFFFF)
nodes = st.builds(NodeInfo, names, u16, u8, u8, u16, u16, st.binary(max_size=1020))
requests = st.one_of(
    nodes.map(AliveRequest),
    names.map(PortRequest),
    names.map(StopRequest),
    st.sampled_from([NamesRequest(), DumpRequest(), KillRequest()]),
)


@pytest.mark.parametrize(("request_", "wire"), REQUESTS)
def test_request_has_the_bytes_of_a_beam(request_: AliveRequest, wire: str) -> None:
    assert request_.encode().hex() == wire


@pytest.mark.parametrize(("request_", "wire"), REQUESTS)
def test_request_is_read_byte_by_byte_and_never_in_part(
    request_: Request, wire: str
) -> None:
    data = bytes.fromhex(wire)
    buffer = bytearray()
    for byte in data[:-1]:
        buffer.append(byte)
        assert read_request(buffer) is None
    assert bytes(buffer) == data[:-1]
    buffer.append(data[-1])
    assert read_request(buffer) == request_
    assert not buffer


@pytest.mark.parametrize(("request_", "wire"), REQUESTS)
def test_bytes_behind_a_request_are_an_error(request_: Request, wire: str) -> None:
    with pytest.raises(EpmdProtocolError, match="behind"):
        read_request(bytearray.fromhex(wire + "7a"))


@given(requests)
def test_any_request_survives_the_wire(request_: AliveRequest) -> None:
    assert read_request(bytearray(request_.encode())) == request_


@pytest.mark.parametrize("size", [0, 3058, 65535])
def test_request_of_a_bad_size_is_refused_from_its_first_two_bytes(size: int) -> None:
    with pytest.raises(EpmdProtocolError, match=str(size)):
        read_request(bytearray(size.to_bytes(2, "big")))


def test_request_of_the_largest_size_is_read() -> None:
    body = b"n" + bytes(3056)
    assert read_request(bytearray((3057).to_bytes(2, "big") + body)) == NamesRequest()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"q",
        b"a\x12\x34abc",
        b"x",
        alive(b""),
        alive(b"a\0b"),
        alive(b"cut")[:-1],
        alive(b"cut")[:-3],
        alive(b"cut", b"extra")[:-1],
        b"z",
        b"z\0",
        b"z\xff",
        b"z" + b"a" * 256,
        b"zsn\0ke",
        b"znew\nline",
        b"s",
    ],
)
def test_malformed_body_is_a_protocol_error(body: bytes) -> None:
    with pytest.raises(EpmdProtocolError):
        parse_request(body)


@pytest.mark.parametrize("high", [5, 6])
@pytest.mark.parametrize(
    ("name", "extra"),
    [
        (b"\xff\xfe", b""),
        (b"caf\xe9", b""),
        (b"a" * 256, b""),
        (b"new\nline", b""),
        (b"bell\x07", b""),
        (b"fine", b"e" * 1021),
    ],
)
def test_alive_with_an_impossible_name_or_extra_is_rejected_and_not_an_error(
    name: bytes, extra: bytes, high: int
) -> None:
    request = parse_request(alive(name, extra, high))
    assert isinstance(request, RejectedAlive)
    assert request.high == high


def test_bytes_behind_the_last_field_of_a_request_are_ignored_as_otp_does() -> None:
    assert parse_request(alive(b"snake") + b"zz") == parse_request(alive(b"snake"))
    assert parse_request(b"nxx") == NamesRequest()


def test_one_nul_behind_a_looked_up_name_is_ignored_as_otp_does() -> None:
    assert parse_request(b"zsnake\0") == PortRequest("snake")


@given(st.binary(max_size=60), st.sampled_from([b"", b"x", b"z", b"s"]))
def test_any_body_is_a_request_or_a_protocol_error(data: bytes, kind: bytes) -> None:
    with contextlib.suppress(EpmdProtocolError):
        parse_request(kind + data)


@pytest.mark.parametrize(("reply", "wire"), ALIVE_REPLIES)
def test_alive_reply_has_the_bytes_of_epmd(reply: AliveReply, wire: str) -> None:
    assert reply.encode().hex() == wire


@pytest.mark.parametrize(("reply", "wire"), ALIVE_REPLIES)
def test_alive_reply_is_read_whole_and_leaves_what_follows(
    reply: AliveReply, wire: str
) -> None:
    data = bytes.fromhex(wire)
    buffer = bytearray()
    for byte in data:
        assert read_alive_reply(buffer) is None
        buffer.append(byte)
    buffer += b"tail"
    assert read_alive_reply(buffer) == reply
    assert buffer == b"tail"


def test_something_else_than_an_alive_reply_is_refused_at_once() -> None:
    with pytest.raises(EpmdProtocolError) as info:
        read_alive_reply(bytearray(b"HTTP/1.1 400"))
    assert info.value.data == b"HTTP/1.1 400"


@pytest.mark.parametrize(("node", "wire"), PORT_REPLIES)
def test_port_reply_has_the_bytes_of_epmd(node: NodeInfo | None, wire: str) -> None:
    assert encode_port_reply(node) == bytes.fromhex(wire)
    assert parse_port_reply(bytes.fromhex(wire)) == node


def test_port_reply_with_an_impossible_name_is_a_protocol_error() -> None:
    with pytest.raises(EpmdProtocolError, match="cannot be"):
        parse_port_reply(bytes.fromhex("7700270f4d000006000600020a0a0000"))


@given(nodes)
def test_any_node_survives_a_port_reply(node: NodeInfo) -> None:
    assert parse_port_reply(encode_port_reply(node)) == node


def test_port_reply_cut_anywhere_is_a_protocol_error() -> None:
    for end in range(len(bytes.fromhex(FOUND))):
        with pytest.raises(EpmdProtocolError):
            parse_port_reply(bytes.fromhex(FOUND)[:end])


@given(st.binary(max_size=60))
def test_any_port_reply_is_a_node_or_none_or_a_protocol_error(data: bytes) -> None:
    for prefix in (b"", b"w\0"):
        with contextlib.suppress(EpmdProtocolError):
            parse_port_reply(prefix + data)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "1..255"),
        ("a" * 256, "1..255"),
        ("a\0b", "control"),
        ("a\nb", "control"),
        ("\udc80", "Unicode"),
    ],
)
def test_name_that_epmd_cannot_carry_is_never_sent(name: str, problem: str) -> None:
    with pytest.raises(EpmdValueError, match=problem) as info:
        PortRequest(name).encode()
    assert info.value.field == "name"
    with pytest.raises(EpmdValueError, match=problem):
        NodeInfo(name, 1)


def test_the_longest_name_and_extra_fit_into_a_request() -> None:
    node = NodeInfo("\N{GRINNING FACE}" * 255, 1, extra=bytes(1020))
    assert read_request(bytearray(AliveRequest(node).encode())) == AliveRequest(node)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("port", -1),
        ("port", 65536),
        ("node_type", 256),
        ("protocol", -1),
        ("high", 65536),
        ("low", -1),
        ("extra", bytes(1021)),
    ],
)
def test_field_out_of_range_is_named_in_the_error(field: str, value: object) -> None:
    fields: dict[str, object] = {"name": "snake", "port": 1, field: value}
    with pytest.raises(EpmdValueError, match=field) as info:
        NodeInfo(**fields)  # type: ignore[arg-type]
    assert (info.value.field, info.value.value) == (field, value)
    assert isinstance(info.value, (EpmdError, ValueError))
