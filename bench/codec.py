"""One codec of ours as a child process, and the eight fixed terms.

``python -m bench.codec etf`` times the public ``etf.encode`` and ``etf.decode``
(pure with ``ERGOPY_PURE=1``), ``python -m bench.codec msgspec`` MessagePack of
the same data. It reads ``TERM OP MILLISECONDS`` lines, answers ``ok us=NUMBER``.
"""

import struct
import sys
import time
from collections.abc import Callable
from itertools import repeat
from typing import Any

NODE, CREATION = "drv@127.0.0.1", 0x65432101
WORDS = (1001, 0x8ABC0001, 0x1234ABCD)
BLOB = bytes(range(256)) * 4096

SIZES = {
    "a": 24,
    "b": 107,
    "c": 4_239,
    "d": 1_603,
    "e": 48_369,
    "f": 1_048_582,
    "g": 9_007,
    "h": 10_007,
}
"""Bytes of each term as ``term_to_binary/2`` of OTP 25 writes it."""


def etf_terms() -> dict[str, bytes]:
    """The bytes of the eight terms, built here without any codec."""
    pid = b"X" + _atom(NODE) + struct.pack(">III", 100, 0, CREATION)
    ref = b"Z\0\3" + _atom(NODE) + struct.pack(">IIII", CREATION, *WORDS)
    tag = b"l\0\0\0\1" + _atom("alias") + ref
    get = _tuple(_atom("get"), _binary(b"key"), _integer(42))
    keys = b"".join(_binary(b"key%03d" % i) + _integer(i * 1000) for i in range(100))
    bodies = {
        "a": _tuple(_atom("$gen_cast"), _tuple(_atom("ping"), _integer(1))),
        "b": _tuple(_atom("$gen_call"), _tuple(pid, tag), get),
        "c": _list([_integer(i) for i in range(1000)]),
        "d": b"t" + struct.pack(">I", 100) + keys,
        "e": _tree_bytes(11, 1),
        "f": _binary(BLOB),
        "g": _list([b"F" + struct.pack(">d", i * 1.1) for i in range(1000)]),
        "h": _list([_atom(f"atom_{i % 100:03d}") for i in range(1000)]),
    }
    terms = {name: b"\x83" + body for name, body in bodies.items()}
    assert {name: len(data) for name, data in terms.items()} == SIZES
    return terms


def plain_terms() -> dict[str, Any]:
    """The same data for a serialiser that knows neither atoms nor pids."""
    tag = ["alias", (NODE, CREATION, WORDS)]
    return {
        "a": ("$gen_cast", ("ping", 1)),
        "b": ("$gen_call", ((NODE, 100, 0, CREATION), tag), ("get", b"key", 42)),
        "c": list(range(1000)),
        "d": {f"key{i:03d}": i * 1000 for i in range(100)},
        "e": _tree(11, 1),
        "f": BLOB,
        "g": [i * 1.1 for i in range(1000)],
        "h": [f"atom_{i % 100:03d}" for i in range(1000)],
    }


Job = tuple[Callable[[Any], object], Any]


def jobs(codec: str) -> dict[tuple[str, str], Job]:
    """The function and its argument for each term and operation."""
    if codec == "msgspec":
        from msgspec import msgpack

        encode: Callable[[Any], bytes] = msgpack.Encoder().encode
        decode: Callable[[bytes], Any] = msgpack.Decoder().decode
        blobs = {name: encode(value) for name, value in plain_terms().items()}
    else:
        import etf

        encode, decode = etf.encode, etf.decode
        blobs = etf_terms()
    result: dict[tuple[str, str], Job] = {}
    for name, blob in blobs.items():
        value = decode(blob)
        if encode(value) != blob and decode(encode(value)) != value:
            raise ValueError(f"{codec} does not round-trip term {name}")
        result[name, "encode"] = encode, value
        result[name, "decode"] = decode, blob
    return result


def time_per_call(
    function: Callable[[Any], object], value: Any, milliseconds: float
) -> float:
    """Microseconds per call, from one loop of at least *milliseconds*."""
    count, limit = 1, milliseconds / 1e3
    while True:
        start = time.perf_counter()
        for _ in repeat(None, count):
            function(value)
        elapsed = time.perf_counter() - start
        if elapsed >= limit:
            return elapsed / count * 1e6
        grow = 8.0 if elapsed * 16 < limit else limit * 1.1 / elapsed
        count = int(count * grow) + 1


def _atom(name: str) -> bytes:
    return b"w" + bytes([len(name)]) + name.encode()


def _integer(value: int) -> bytes:
    return bytes([97, value]) if value < 256 else b"b" + struct.pack(">i", value)


def _binary(data: bytes) -> bytes:
    return b"m" + struct.pack(">I", len(data)) + data


def _tuple(*items: bytes) -> bytes:
    return bytes([104, len(items)]) + b"".join(items)


def _list(items: list[bytes]) -> bytes:
    return b"l" + struct.pack(">I", len(items)) + b"".join(items) + b"j"


def _tree(depth: int, key: int) -> Any:
    if depth == 0:
        return key
    return ("node", key, [_tree(depth - 1, 2 * key), _tree(depth - 1, 2 * key + 1)])


def _tree_bytes(depth: int, key: int) -> bytes:
    if depth == 0:
        return _integer(key)
    below = [_tree_bytes(depth - 1, 2 * key), _tree_bytes(depth - 1, 2 * key + 1)]
    return _tuple(_atom("node"), _integer(key), _list(below))


def main(codec: str) -> None:
    todo = jobs(codec)
    for line in sys.stdin:
        if line == "hello\n":
            print(f"ok compiled={_compiled(codec):d}", flush=True)
            continue
        name, operation, milliseconds = line.split()
        took = time_per_call(*todo[name, operation], float(milliseconds))
        print(f"ok us={took:.6f}", flush=True)


def _compiled(codec: str) -> bool:
    if codec != "etf":
        return True
    import etf

    return etf.__compiled__


if __name__ == "__main__":
    main(sys.argv[1])
