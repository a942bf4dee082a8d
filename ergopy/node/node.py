"""The node: its options. Its life is in ``life``, what it can be asked in ``verbs``."""

from __future__ import annotations

import logging
import os
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Literal

import trio

import epmd as epmd_
from etf import Atom

from ..dist.coding import Coding
from ..dist.limits import LinkLimits
from ..dist.transport import HIGH_WATER
from ..errors import ErgopyError
from ..process import environment as environments
from ..process.configured import ProcessConfig, copiers
from ..process.runtime import MAX_PROCESSES
from . import listening, naming, resolvers
from .allowed import AllowList
from .cookies import Cookies, read_cookie
from .dialling import Dialling
from .exports import Exports
from .from_thread import FromThread
from .life import Life
from .membership import check_above_zero, check_one_of
from .questions import Answers

if TYPE_CHECKING:
    from collections.abc import (
        Awaitable,
        Callable,
        Collection,
        Iterable,
        Mapping,
        Sequence,
    )

    from etf import DecodeOptions, EncodeOptions

    from ..abc import Address
    from ..dist.network import Network
    from ..dist.tls import Tls
    from ..process.configured import CopyPolicy
    from .questions import Question
    from .resolvers import Sources

    Service = Callable[[Any], Awaitable[object]]

logger = logging.getLogger("ergopy.node")


GLOBAL = ("full", "observe")
ANSWERS = ("read", "all", "none")


class Node(Life):
    """A node of an Erlang cluster; ``async with Node(...) as node``.

    On entry it listens and is registered at EPMD, or an exception says why not. On
    exit its processes are told to shut down and have ``grace`` seconds for it, its
    connections are closed, and its name is free again; nothing keeps running. After
    that it can be entered again, as another incarnation with the same exports.

    Args:
        name: ``local@host`` in ASCII; a host with a dot is a "long" name. For
            ``undefined@host`` see *named_by*.
        named_by: The name of a running node, or several to try in order. The first
            that lets us in invents a name for this one, as for ``erl -name undefined``.
            The node is hidden then, listens nowhere and is unknown to EPMD. Its name is
            good for as long as that connection: with it all others end, ``wait_closed``
            returns, and nobody can be connected to until the node is entered again.
        cookie: The cluster's secret. None reads ``ERGOPY_COOKIE`` or the file that
            ``erl`` uses.
        hidden: Stay out of ``nodes()`` and ``global``, as ``erl -hidden``.
        global_: ``"full"`` takes part in ``global``, as a visible BEAM does: connects
            to all nodes of the cluster, keeps their names, answers for locks. With
            ``"observe"`` the node is visible but stays out of it, as a hidden one
            always does; see :class:`ergopy.Globals`.
        answers: What is answered of the standard questions that tools ask a node:
            ``"read"`` answers those that change nothing, ``"all"`` also those that act
            (``init:stop``, ``erlang:register``), ``"none"`` none.
        shell: Let whoever has the cookie open a Python prompt in this node, with
            ``erl -remsh`` and ``iex --remsh``. None is whether ``ERGOPY_SHELL`` is 1.
        epmd: ``"auto"`` uses a running EPMD or else is one itself; ``"client"`` only
            uses, ``"embedded"`` only serves, ``"off"`` does without.
        epmd_port: The port of EPMD; None is ``ERL_EPMD_PORT`` or 4369.
        listen: The port to listen on, or ``range(first, last + 1)`` or ``(first,
            last)``, of which the first is taken that is free; 0 is any.
        listen_host: The address to listen on, or several. None is the loopback for a
            loopback node name, and otherwise all, of IPv4 and of IPv6.
        tls: Certificates and rules, an :class:`ergopy.Tls`: every connection is over
            TLS then, as with ``-proto_dist inet_tls``. None is plain TCP.
        cookies: Other cookies for some peers, by name; see :meth:`set_cookie`.
        allow: The only nodes that may connect, and that we connect to; None is all.
            An entry is a node name, a host alone for all nodes there, or ``"name@"``
            for those of any host. A node that asks for a name is allowed by its host.
        routes: ``(host, port)`` of nodes by name. They go before everything else.
        resolver: Finds the other nodes, instead of EPMD: an object with ``resolve``
            (see :class:`ergopy.abc.Resolver`), such as :class:`ergopy.DnsResolver` and
            :class:`ergopy.EpmdResolver`, or a function of the node name, ``async`` or
            not, that returns ``(host, port)`` or None; or a list of these to ask in
            order.
        network: Makes connections instead of TCP (see ``ergopy.testing``).
        net_ticktime: Seconds without a sign of life after which a peer is down, 3/4
            to 5/4 of that as on a BEAM.
        setup_time: Seconds that each step of a handshake may take.
        grace: Seconds that processes have to shut down on exit; of what is left of
            them one second at most is for bytes that are still to be sent.
        high_water: Bytes queued for a peer above which senders wait.
        limits: What one connection may claim, whatever its peer sends.
        decode: What arriving messages become, an :class:`etf.DecodeOptions`:
            ``strings``, ``structs``, ``records`` and ``converters`` count.
        encode: How messages leave, an :class:`etf.EncodeOptions` without compression.
        watchdog: Seconds that one process may hold the event loop before it is logged,
            with its stack; None does not watch.
        max_processes: How many processes there may be, its own ones included; past that
            a start raises SystemLimit, and a peer's is refused with ``system_limit``.
        copy: How messages are handed over between processes of the node: ``"none"``
            hands over the object, ``"deep"`` a copy, ``"etf"`` what the wire would.
        environment: What the processes of this node begin with; see ``Process.env``.
        services: Started with the node, in order; see ``ergopy.services``.
        applications: Loaded and started when the node is up, with what they depend on;
            see :class:`ergopy.Application`. On exit they are stopped, the youngest
            first, before anything else is.
    """

    services: Sequence[Service] = ()
    questions: Iterable[Question] = ()
    """The standard questions that there are."""

    def __init__(
        self,
        name: str,
        *,
        named_by: str | Iterable[str] | None = None,
        cookie: str | None = None,
        hidden: bool = False,
        global_: Literal["full", "observe"] = "full",
        answers: Literal["read", "all", "none"] = "read",
        shell: bool | None = None,
        epmd: epmd_.Mode = "auto",
        epmd_port: int | None = None,
        listen: int | range | tuple[int, int] = 0,
        listen_host: str | Iterable[str] | None = None,
        tls: Tls | None = None,
        cookies: Mapping[str, str] | None = None,
        allow: Collection[str] | None = None,
        routes: Mapping[str, Address] | None = None,
        resolver: Sources | None = None,
        network: Network | None = None,
        net_ticktime: float = 60.0,
        setup_time: float = 7.0,
        grace: float = 5.0,
        high_water: int = HIGH_WATER,
        limits: LinkLimits | None = None,
        decode: DecodeOptions | None = None,
        encode: EncodeOptions | None = None,
        watchdog: float | None = 1.0,
        max_processes: int = MAX_PROCESSES,
        copy: CopyPolicy = "none",
        environment: Mapping[str, Any] | None = None,
        services: Sequence[Service] | None = None,
        applications: Iterable[Any] = (),
    ) -> None:
        _, self._host = naming.split(name)
        self._namers = naming.namers(name, named_by)
        self._first_name = Atom(naming.NONODE if self._namers else name)
        self._name = self._first_name
        self._cookies = Cookies(read_cookie() if cookie is None else cookie, cookies)
        self._allowed = AllowList(allow)
        check_above_zero(
            net_ticktime=net_ticktime, setup_time=setup_time, high_water=high_water
        )
        if watchdog is not None:
            check_above_zero(watchdog=watchdog)
        if not grace >= 0:
            raise ValueError(f"grace= is a number of seconds, not {grace!r}")
        self.hidden = hidden = hidden or bool(self._namers)
        check_one_of(global_=(global_, GLOBAL), answers=(answers, ANSWERS))
        self.takes_part = global_ == "full" and not hidden
        """Whether the node is one of those that keep the global names."""
        self.answers = answers
        """Which standard questions of other nodes are answered."""
        self.shell = os.environ.get("ERGOPY_SHELL") == "1" if shell is None else shell
        """Whether other nodes get a Python prompt."""
        self._ports = listening.ports(listen)
        self._hosts = listening.addresses(listen_host, self._host)
        self.grace = grace
        """Seconds that processes have to shut down on exit."""
        self._watchdog = watchdog
        check_above_zero(max_processes=max_processes)
        config = ProcessConfig(copy=copy)
        self._of_runtime: dict[str, Any] = {
            "config": None if copy == "none" else config,
            "max_processes": max_processes,
            "copiers": copiers(decode, encode),
        }
        self._environment = environments.checked(environment or {})
        self._setup_time = setup_time
        self._mapper = epmd_.PortMapper(
            # Who registers nothing needs no EPMD of its own.
            "client" if self._namers and epmd == "auto" else epmd,
            port=epmd_port,
            # An EPMD of ours is as far to be seen as the node is.
            address=self._host if listening.is_loopback(self._host) else None,
            host="::1" if ":" in self._host else "127.0.0.1",
        )
        self._services = self.services if services is None else services
        self._applications = tuple(applications)
        self.exports = Exports(Answers(self.questions, answers, self))
        self.from_thread = FromThread(self)
        """The verbs for other threads, which block there."""
        limits = limits or LinkLimits()
        self._options: dict[str, Any] = {
            "hidden": hidden,
            "limits": limits,
            "coding": Coding(decode, encode, limits.terms.max_depth),
            "high_water": high_water,
        }
        self._net_ticktime = net_ticktime
        self._tls = tls
        self._network = listening.network(tls, network)
        self._dialling = Dialling(
            self._network,
            resolvers.standard(self._mapper, routes or {}, resolver),
            self._cookies,
            self._allowed,
            setup_time,
        )
        self._stack = AsyncExitStack()
        self._closed = trio.Event()
        self._entered = False
        self._failure: Exception | None = None
        self.port = 0
        """The port that the node listens on."""

    def __repr__(self) -> str:
        state = "down" if self._runtime is None else "up"
        return f"<Node {self._name} {state}>"

    @property
    def epmd_port(self) -> int:
        """The port of the EPMD that this node uses, or is."""
        return self._mapper.port

    @property
    def epmd_mode(self) -> epmd_.Mode:
        """How this node uses EPMD, as it was told."""
        return self._mapper.mode

    def reload_tls(self) -> None:
        """Read the files of ``tls=`` again now; changed ones are read anyway.

        Connections that are up stay as they are.

        Raises:
            TlsFileError: They do not work; what was read before goes on.
            ErgopyError: The node does without TLS.
        """
        if self._tls is None:
            raise ErgopyError(f"{self!r} has no tls=")
        self._tls.reload()
