"""Record what a real EPMD answers, for tests that have no Erlang.

    python interop/epmd/capture.py EPMD_PROGRAM LABEL

writes ``tests/data/epmd/LABEL.json``: two scripts of steps, one against an EPMD with
its defaults and one with ``-relaxed_command_check``. A step sends bytes over a named
connection, or closes one. Every step waits for EPMD, so that the order, and with it
the file descriptors in DUMP, is the same each time.
"""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from ergopy.testing.ports import free_port

DATA = Path(__file__).parents[2] / "tests" / "data" / "epmd"


def request(body: bytes) -> bytes:
    return struct.pack(">H", len(body)) + body


def alive(
    name: bytes,
    port: int,
    *,
    high: int = 6,
    low: int = 5,
    node_type: int = 77,
    extra: bytes = b"",
    tail: bytes = b"",
    name_size: int | None = None,
) -> bytes:
    size = len(name) if name_size is None else name_size
    head = struct.pack(">BHBBHHH", 120, port, node_type, 0, high, low, size)
    return request(head + name + struct.pack(">H", len(extra)) + extra + tail)


NAMES, DUMP, KILL = request(b"n"), request(b"d"), request(b"k")
FACE = "\N{GRINNING FACE}".encode()

# (connection, what is sent, or None to close it)
COMMON: list[tuple[str, bytes | None]] = [
    ("q", NAMES),
    ("q", DUMP),
    ("snake", alive(b"snake", 9999)),
    ("old", alive(b"old", 9998, high=5)),
    ("hid", alive(b"hid", 9997, node_type=72, extra=b"EXTRA")),
    ("utf8", alive("smörgås".encode(), 9996)),
    ("q", request(b"zsnake")),
    ("q", request(b"zhid")),
    ("q", request(b"zold")),
    ("q", request("zsmörgås".encode())),
    ("q", request(b"znobody")),
    ("q", request(b"zsnake\0")),
    ("q", request(b"zsn\0ke")),
    ("q", request(b"z")),
    ("q", request(b"z\xff")),
    ("q", request(b"z" + b"a" * 256)),
    ("q", NAMES),
    ("q", request(b"nxx")),
    ("q", DUMP),
    ("dup", alive(b"snake", 1234)),
    ("dup", None),
    ("dup", alive(b"snake", 1234, high=5)),
    ("dup", b"x"),
    ("snake", None),
    ("q", request(b"zsnake")),
    ("q", DUMP),
    ("snake", alive(b"snake", 9999)),
    ("q", DUMP),
    ("old", b"x"),
    ("q", NAMES),
    ("old", alive(b"old", 9998, high=5)),
    ("old", None),
    ("old", alive(b"old", 9998, high=5)),
    ("old", None),
    ("old", alive(b"old", 9998)),
    ("old", None),
    ("bad", alive(b"\xff\xfe", 1)),
    ("bad", None),
    ("bad", alive(b"a" * 256, 1)),
    ("bad", None),
    ("long", alive(b"a" * 255, 1)),
    ("face", alive(FACE * 255, 1)),
    ("long", None),
    ("face", None),
    ("q", alive(b"", 1)),
    ("q", alive(b"a\0b", 1)),
    ("extra", alive(b"extra", 1, extra=b"e" * 1020)),
    ("q", request(b"zextra")),
    ("extra", None),
    ("bad", alive(b"extra", 1, extra=b"e" * 1021)),
    ("bad", None),
    ("tail", alive(b"tail", 1, tail=b"zz")),
    ("tail", None),
    ("q", alive(b"cut", 1, name_size=4)),
    ("q", alive(b"cut", 1, name_size=99)),
    ("q", request(b"x")),
    ("q", request(alive(b"cut", 1)[2:-2])),
    ("q", request(b"z" + b"a" * 3056)),
    ("q", struct.pack(">H", 3058)),
    ("q", b"\0\0"),
    ("q", NAMES + b"z"),
    ("q", alive(b"more", 1) + b"z"),
    ("q", request(b"q")),
    ("q", request(b"a\x12\x34abc")),
    ("q", request(b"psnake")),
    ("q", DUMP),
]
STRICT: list[tuple[str, bytes | None]] = [
    ("q", KILL),
    ("q", request(b"snobody")),
    ("q", request(b"ssnake")),
    ("snake", None),
    ("hid", None),
    ("utf8", None),
    ("q", KILL),
]
RELAXED: list[tuple[str, bytes | None]] = [
    ("q", request(b"snobody")),
    ("q", request(b"shid")),
    ("q", DUMP),
    ("q", KILL),
]


def receive(conn: socket.socket) -> tuple[bytes, bool]:
    """Read until EPMD closes, or has nothing more to say."""
    got = b""
    conn.settimeout(0.1)
    try:
        while data := conn.recv(65536):
            got += data
    except TimeoutError:
        return got, False
    except ConnectionError:
        # It closed with bytes of ours unread.
        pass
    return got, True


def record(port: int, script: list[tuple[str, bytes | None]]) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    conns: dict[str, socket.socket] = {}
    for name, data in script:
        if data is None:
            conns.pop(name).close()
            time.sleep(0.05)
            steps.append({"conn": name, "close": True})
            continue
        if name not in conns:
            conns[name] = socket.create_connection(("127.0.0.1", port))
        conns[name].sendall(data)
        reply, closed = receive(conns[name])
        if closed:
            conns.pop(name).close()
        step = {"conn": name, "sent": data.hex(), "got": reply.hex(), "closed": closed}
        steps.append(step)
    for conn in conns.values():
        conn.close()
    return steps


def capture(program: str, *, relaxed: bool) -> dict[str, Any]:
    port = free_port()
    command = [program, "-port", str(port), "-address", "127.0.0.1"]
    if relaxed:
        command.append("-relaxed_command_check")
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.3)
        steps = record(port, COMMON + (RELAXED if relaxed else STRICT))
        return {"port": port, "relaxed": relaxed, "steps": steps}
    finally:
        process.kill()
        process.wait()


def main() -> None:
    program, label = sys.argv[1:]
    runs = [capture(program, relaxed=relaxed) for relaxed in (False, True)]
    path = DATA / f"{label}.json"
    path.write_text(json.dumps({"epmd": label, "runs": runs}, indent=1) + "\n")
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
