"""Make the captures in this folder again: ``python capture.py``, from the project root.

Starts its own port mapper and BEAM nodes on loopback, lets them talk to a few lines of
Python on a plain socket, and stores each direction as it was on the wire, with a
``.toml`` beside it that says what it is. ``ERGOPY_OTP`` names the root of another
OTP than the one on the path; the captures are named after the release.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path

import etf
from ergopy.dist.flags import Flag
from ergopy.dist.framing import LinkDecoder, LinkEncoder
from ergopy.dist.handshake import (
    Acceptor,
    AliveAsked,
    Connected,
    Connector,
    Identity,
    NameReceived,
    Verified,
)
from ergopy.testing.ports import free_port

HERE = Path(__file__).parent
COOKIE = "capture"
CHALLENGE = 0x0FBA2C88
HOST = "127.0.0.1"
FULL = Flag(0x2D07DF7FBC)
SIMPLE = Flag(0x0D075F5FBC)

DRIVER = """
register(driver, spawn(fun() -> receive {go, Pid, Alias} ->
  N = node(Pid),
  Pid ! {hello, [1,2,3], <<"bin">>, #{a => 1.5}},
  {py, N} ! to_name,
  Pid ! {hello, again, self()},
  link(Pid), unlink(Pid),
  M = monitor(process, Pid), demonitor(M),
  monitor(process, {py, N}),
  exit(Pid, {bad, reason}),
  group_leader(Pid, self()),
  erlang:group_leader(self(), Pid),
  Alias ! {late, reply},
  spawn_request(N, m, f, [a, 1], [monitor, link]),
  catch erlang:send(Pid, urgent, [priority]),
  seq_trace:set_token(label, 17), Pid ! traced, seq_trace:set_token([]),
  Pid ! list_to_atom(lists:duplicate(200, 16#20ac)),
  Pid ! binary:copy(<<7>>, 150000),
  Pid ! [list_to_atom("atom" ++ integer_to_list(I)) || I <- lists:seq(1, 300)],
  Pid ! done,
  link(Pid),
  receive stop -> exit({shutdown, [1, 2]}) end
end end)).
""".replace("\n", " ")

# More atoms than the cache has slots, names of all lengths, as many in one message as a
# header can name and more, and large messages of two senders at once.
BULK = """
register(driver, spawn(fun() -> receive {go, Pid, _} ->
  Atom = fun(I) -> list_to_atom("bulk" ++ integer_to_list(I)) end,
  [Pid ! {evicted, [Atom(I) || I <- lists:seq(From, From + 99)]}
   || From <- lists:seq(1, 4000, 100)],
  Pid ! {again, [Atom(I) || I <- lists:seq(1, 4000, 17)]},
  [Pid ! {many, [Atom(I) || I <- lists:seq(1, N)]}
   || N <- [0, 1, 2, 253, 254, 255, 300]],
  Pid ! {long, [list_to_atom(lists:duplicate(N, 16#20ac)) || N <- [1, 85, 86, 255]]},
  Host = self(),
  Workers = [spawn_link(fun() ->
     [Pid ! {big, W, N, binary:copy(<<W>>, 60000 + 10000 * N), Atom(N)}
      || N <- lists:seq(1, 2)],
     Host ! {ready, W} end) || W <- [1, 2]],
  [receive {ready, W} -> ok end || {W, _} <- lists:zip([1, 2], Workers)],
  Pid ! done,
  receive stop -> ok end
end end)).
""".replace("\n", " ")


class Recorder:
    """A socket that remembers what went over it."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        sock.settimeout(15)
        self.received = bytearray()
        self.sent = bytearray()

    def send(self, data: bytes) -> None:
        self.sent += data
        self.sock.sendall(data)

    def receive(self) -> bytes:
        data = self.sock.recv(65536)
        self.received += data
        return data


def shake(link: Recorder, machine: Connector | Acceptor) -> Connected:
    link.send(machine.data_to_send())
    while True:
        events = machine.receive_data(link.receive())
        for event in events:
            if isinstance(event, NameReceived) and isinstance(machine, Acceptor):
                if event.dynamic:
                    machine.give_name("GIVEN@" + HOST, 77, cookie=COOKIE)
                else:
                    machine.accept(cookie=COOKIE)
            elif isinstance(event, AliveAsked) and isinstance(machine, Connector):
                machine.answer_alive(True)
            elif isinstance(event, Verified) and isinstance(machine, Acceptor):
                (connected,) = machine.confirm()
                assert isinstance(connected, Connected)
                link.send(machine.data_to_send())
                return connected
            elif isinstance(event, Connected):
                return event
        link.send(machine.data_to_send())


def dial(port: int, me: Identity, peer: str) -> tuple[Recorder, Connected]:
    link = Recorder(socket.create_connection((HOST, port)))
    return link, shake(link, Connector(me, peer, COOKIE, challenge=CHALLENGE))


def store(title: str, data: bytes | bytearray, /, **about: object) -> None:
    (HERE / f"{title}.bin").write_bytes(data)
    lines = [f"{key} = {toml(value)}\n" for key, value in about.items()]
    (HERE / f"{title}.toml").write_text("".join(lines))


def store_handshake(
    title: str, link: Recorder, connected: Connected, about: dict[str, object]
) -> None:
    """Store both ways of one in which we dialled."""
    end = len(link.received) - len(connected.surplus)
    store(f"{title}_received", link.received[:end], direction="B to A", **about)
    store(f"{title}_sent", link.sent, direction="A to B", **about)


def toml(value: object) -> str:
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return '"' + str(value) + '"'


class Lab:
    """One OTP release, with its own port mapper."""

    def __init__(self, root: str | None) -> None:
        self.env = dict(os.environ, ERL_EPMD_PORT=str(free_port()))
        self.bin = ""
        if root:
            self.bin = root + "/bin/"
            self.env["ERL_ROOTDIR"] = root
        self.processes: list[subprocess.Popen[bytes]] = []
        self.registered: list[socket.socket] = []
        self.start([self.bin + "epmd", "-address", HOST])
        self.wait(int(self.env["ERL_EPMD_PORT"]))
        command = 'io:format("~s", [erlang:system_info(otp_release)]), halt().'
        self.release = subprocess.run(
            [self.bin + "erl", "-noshell", "-boot", "start_clean", "-eval", command],
            env=self.env,
            capture_output=True,
            check=True,
        ).stdout.decode()

    def start(self, command: list[str]) -> subprocess.Popen[bytes]:
        null = subprocess.DEVNULL
        process = subprocess.Popen(
            command, env=self.env, stdin=null, stdout=null, stderr=null
        )
        self.processes.append(process)
        return process

    def wait(self, port: int) -> None:
        for _ in range(200):
            try:
                socket.create_connection((HOST, port)).close()
            except ConnectionRefusedError:
                time.sleep(0.05)
            else:
                return
        raise SystemExit(f"nothing listens on {port}")

    def node(self, name: str, evaluate: str, *more: str) -> int:
        port = free_port()
        listen = ["inet_dist_listen_min", str(port), "inet_dist_listen_max", str(port)]
        erl = [self.bin + "erl", "-noshell", "-boot", "start_clean", "-name", name]
        kernel = ["-kernel", *listen, *more]
        code = ["-setcookie", COOKIE, "-eval", evaluate]
        self.start([*erl, *kernel, *code])
        return port

    def up(self, name: str, evaluate: str) -> int:
        """Start a node, and return its port when it has begun to evaluate."""
        port = self.node(name, evaluate)
        self.wait(port)
        time.sleep(1)  # it listens before that, and before it is a node
        return port

    def publish(self, name: str) -> socket.socket:
        """Listen, and register at the port mapper as a hidden node."""
        server = socket.create_server((HOST, 0))
        server.settimeout(15)
        port = server.getsockname()[1].to_bytes(2, "big")
        short = name.encode()
        fields = b"x" + port + bytes([72, 0, 0, 6, 0, 5]) + bytes([0, len(short)])
        body = fields + short + b"\0\0"
        epmd = socket.create_connection((HOST, int(self.env["ERL_EPMD_PORT"])))
        epmd.sendall(len(body).to_bytes(2, "big") + body)
        assert epmd.recv(20)[1] == 0
        self.registered.append(epmd)
        return server

    def close(self) -> None:
        for epmd in self.registered:
            epmd.close()
        for process in reversed(self.processes):
            process.kill()
            process.wait()

    def about(self, **more: object) -> dict[str, object]:
        return {"otp": int(self.release), "cookie": COOKIE, **more}


def capture_bulk(lab: Lab) -> None:
    """What the atom cache and fragments do under load."""
    me = Identity(f"py@{HOST}", 5, FULL)
    peer = f"bulk{lab.release}@{HOST}"
    link, connected = dial(lab.up(peer, BULK), me, peer)
    encoder, decoder = LinkEncoder(header=True), LinkDecoder(header=True)
    pid = etf.Pid(etf.Atom(me.name), 7, 0, 5)
    go = (etf.Atom("go"), pid, etf.Atom("none"))
    link.send(encoder.frame((6, pid, etf.Atom(""), etf.Atom("driver")), go))  # type: ignore[arg-type]
    start = len(link.received) - len(connected.surplus)
    operations = decoder.receive_data(connected.surplus)
    while all(message != "done" for _, message in operations):
        operations += decoder.receive_data(link.receive())
    data = bytes(link.received[start:])
    store(f"link_bulk_{lab.release}", data, direction="B to A", **lab.about(peer=peer))
    link.sock.close()


def capture_link(lab: Lab, style: str, flags: Flag) -> None:
    me = Identity(f"py@{HOST}", 5, flags)
    peer = f"{style}{lab.release}@{HOST}"
    link, connected = dial(lab.up(peer, DRIVER), me, peer)
    about = lab.about(peer=peer, name=me.name, flags=int(flags), challenge=CHALLENGE)
    if style == "full":
        title = f"handshake_dialled_{lab.release}"
        store_handshake(title, link, connected, about)
    header = style == "full"
    encoder, decoder = LinkEncoder(header=header), LinkDecoder(header=header)
    pid = etf.Pid(etf.Atom(me.name), 7, 0, 5)
    alias = etf.Reference(etf.Atom(me.name), 5, (1, 2, 3))
    driver = etf.Atom("driver")
    go = (etf.Atom("go"), pid, alias)
    link.send(encoder.control((19, pid, driver, alias)))
    link.send(encoder.frame((6, pid, etf.Atom(""), driver), go))
    start = len(link.received) - len(connected.surplus)
    operations = decoder.receive_data(connected.surplus)
    while all(message != "done" for _, message in operations):
        operations += decoder.receive_data(link.receive())
    link.send(encoder.frame((6, pid, etf.Atom(""), driver), etf.Atom("stop")))
    while all(control[0] != 28 for control, _ in operations):
        operations += decoder.receive_data(link.receive())
    assert decoder.error is None
    numbers: list[object] = [control[0] for control, _ in operations]
    title = f"link_{'header' if header else 'pass_through'}_{lab.release}"
    data = bytes(link.received[start:])
    shared = int(connected.flags)
    store(title, data, direction="B to A", **(about | {"flags": shared}), ops=numbers)
    link.sock.close()


def capture_unnamed(lab: Lab) -> None:
    """We dial without a name, twice: the second time the name is used again."""
    me = Identity(HOST, 0, FULL | Flag.NAME_ME)
    peer = f"giver{lab.release}@{HOST}"
    port = lab.up(peer, "ok.")
    for case in ("unnamed", "renamed"):
        link, connected = dial(port, me, peer)
        about = lab.about(
            peer=peer,
            name=connected.name,
            creation=connected.own_creation,
            flags=int(me.flags),
            challenge=CHALLENGE,
        )
        title = f"handshake_{case}_{lab.release}"
        store_handshake(title, link, connected, about)
        link.sock.close()
        time.sleep(1)  # it takes the name back


def capture_accept(lab: Lab) -> None:
    """A node with a name, and one without, dial us."""
    server = lab.publish("py")
    me = Identity(f"py@{HOST}", 5, FULL)
    connect = f"net_kernel:connect_node('{me.name}')."
    cases = {"accepted": f"a{lab.release}@{HOST}", "named": f"undefined@{HOST}"}
    for case, name in cases.items():
        lab.node(name, connect)
        link = Recorder(server.accept()[0])
        connected = shake(link, Acceptor(me, challenge=CHALLENGE))
        about = lab.about(
            name=me.name, flags=int(FULL), peer=connected.peer, challenge=CHALLENGE
        )
        end = len(link.received) - len(connected.surplus)
        title = f"handshake_{case}_{lab.release}"
        store(f"{title}_received", link.received[:end], direction="A to B", **about)
        store(f"{title}_sent", link.sent, direction="B to A", **about)
        link.sock.close()


def main() -> None:
    lab = Lab(os.environ.get("ERGOPY_OTP"))
    try:
        capture_link(lab, "full", FULL)
        capture_link(lab, "simple", SIMPLE)
        capture_accept(lab)
        capture_unnamed(lab)
        capture_bulk(lab)
    finally:
        lab.close()


if __name__ == "__main__":
    main()
