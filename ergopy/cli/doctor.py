"""Find out why a node cannot be reached, step by step, or that it can.

  ergopy doctor iex@127.0.0.1

Each step says what was found. The first that fails ends with what to try next.
Status 1: something is wrong with the node; 3: it cannot be reached at all.
"""

from __future__ import annotations

import json
import platform
import time
from typing import TYPE_CHECKING

from .chart import Chart
from .common import add_node_arguments, client
from .tls import network
from .tls import remedy as tls_remedy

if TYPE_CHECKING:
    import argparse

    import ergopy
    from epmd import NodeInfo
    from ergopy.dist.handshake import Connector


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    add_node_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


class Sick(Exception):
    """A step failed; the examination ends."""


async def run(args: argparse.Namespace) -> int:
    """Run the command."""
    chart = Chart(args.json)
    status = 0
    try:
        status = await examine(args, chart)
    except Sick:
        status = 3
    if args.json:
        print(json.dumps({"node": args.node, "steps": chart.rows}))
    return status if status or chart.healthy() else 1


async def examine(args: argparse.Namespace, chart: Chart) -> int:
    """Take all the steps."""
    import ergopy
    import etf

    codec = "compiled codec" if etf.__compiled__ else "pure Python codec (slow)"
    python = platform.python_version()
    chart.good("ergopy", f"{ergopy.__version__} on Python {python}, {codec}")
    try:
        node = client(args)
    except ergopy.CookieError as error:
        chart.bad("cookie", str(error), "give it with --cookie-file")
        raise Sick from None
    _names(node, args.node, chart)
    async with node:
        info = await _find(args, chart)
        if await _handshake(node, args, info, chart):
            await _talk(node, args, chart)
    return 0


def _names(node: ergopy.Node, peer: str, chart: Chart) -> None:
    from ergopy import NodeNameError
    from ergopy.node import naming

    try:
        naming.check_peer(node.name, peer)
    except NodeNameError as error:
        chart.bad("names", str(error), "choose our name with --name")
        raise Sick from None
    kind = "long" if naming.is_long(naming.split(peer)[1]) else "short"
    chart.good("names", f"{peer} and {node.name}, both {kind}")


async def _find(args: argparse.Namespace, chart: Chart) -> NodeInfo:
    import epmd
    from ergopy.node import naming

    local, host = naming.split(args.node)
    if args.port is not None:
        chart.good("port", f"{host}:{args.port}, as you say; no EPMD is asked")
        return epmd.NodeInfo(local, args.port)
    port = args.epmd_port or epmd.default_port()
    try:
        info = await epmd.lookup(local, host, port)
        others = ", ".join(e.name for e in await epmd.names(host, port)) or "nobody"
    except epmd.EpmdError as error:
        chart.bad(
            "epmd",
            str(error),
            f"is {host} right, is a node running there, and does its firewall let "
            f"port {port} through? 'epmd -names' on that machine shows its nodes",
        )
        raise Sick from None
    if info is None:
        chart.bad(
            "epmd",
            f"the EPMD of {host} does not know {local!r}; it knows {others}",
            "start the node, or correct the name; a node that was started without "
            "-name or -sname is not registered",
        )
        raise Sick
    if not info.low <= 6 <= info.high:
        chart.bad(
            "epmd",
            f"{local} speaks distribution {info.low} to {info.high}",
            "run OTP 25 or newer there",
        )
        raise Sick
    chart.good("epmd", f"{local} is at {host}:{info.port} (EPMD knows {others})")
    return info


async def _handshake(
    node: ergopy.Node, args: argparse.Namespace, info: NodeInfo, chart: Chart
) -> bool:
    import secrets

    import ergopy
    from ergopy.dist.connect import dial
    from ergopy.dist.handshake import Connector
    from ergopy.node import naming

    from .common import cookie

    args.cookie, secret = None, cookie(args) if args.cookie is None else args.cookie
    carrier = network(args)
    connector = Connector(
        node.connections.identity,
        args.node,
        secret,
        challenge=secrets.randbits(32),
        prefix=carrier.prefix,
    )
    host = naming.split(args.node)[1]
    try:
        sock, link = await dial(
            carrier, host, info.port, connector, setup_time=max(args.timeout, 1.0)
        )
    except ergopy.ConnectError as error:
        _flags(connector, chart)
        chart.bad("handshake", error.problem, remedy(error, args.node))
        raise Sick from None
    _flags(connector, chart)
    chart.good("handshake", f"the cookies are the same; its creation {link.creation}")
    node.connections.established(sock, link)
    return True


def _flags(connector: Connector, chart: Chart) -> None:
    from ergopy.dist import flags

    theirs = connector.peer_flags
    if not theirs:
        return
    for release, needed in flags.MANDATORY.items():
        if lacking := flags.missing(theirs, needed):
            chart.bad(
                "flags",
                f"it lacks what OTP {release} demands: {', '.join(lacking)}",
                "run a newer release of whatever node that is",
            )
    ours = connector.offer
    only_ours = flags.names(ours & ~theirs)
    chart.good("flags", f"both: {' '.join(flags.names(ours & theirs))}")
    if only_ours:
        chart.good("flags", f"only ours: {' '.join(only_ours)}")


def remedy(error: ergopy.ConnectError, node: str) -> str:
    """Say what to try next."""
    import ergopy

    match error:
        case ergopy.CookieMismatch():
            return (
                "compare the cookies: erlang:get_cookie() there, and the file or "
                "option used here (mind spaces and the end of the line)"
            )
        case ergopy.MissingFlags():
            return "run a newer release of that node; ours offers all that OTP 28 does"
        case ergopy.WrongNode():
            return f"ergopy doctor {error.name}"
        case ergopy.NotAllowed():
            return (
                "net_kernel:allow/1 there may leave us out (choose our name with "
                "--name), or it is a release that wants flags we do not have"
            )
        case ergopy.AlreadyConnected():
            return "another program has our name: choose one with --name"
        case ergopy.TlsError():
            return tls_remedy(error)
        case ergopy.HandshakeTimeout():
            return (
                "is the node frozen, or is one of the two over TLS (--tls here, "
                "-proto_dist inet_tls there) and the other not?"
            )
        case ergopy.NotDistribution() if "speaks TLS" in error.problem:
            return "show it a certificate, with --tls DIR; see 'ergopy certs'"
        case ergopy.NotDistribution():
            return "EPMD may be out of date: restart the node, or look who has the port"
        case ergopy.NodeNotFound():
            return (
                f"the node is registered but does not listen: is {node} dying, or a "
                "firewall in between? Fix its ports with inet_dist_listen_min/max"
            )
        case _:
            return "look into the log of that node: it says why it closed"


async def _talk(node: ergopy.Node, args: argparse.Namespace, chart: Chart) -> None:
    import ergopy
    from etf import Atom

    peer = args.node
    started = time.perf_counter()
    if not await node.ping(peer, args.timeout):
        chart.bad(
            "ping",
            "net_kernel does not answer",
            "is the node overloaded, or no Erlang node? Try --timeout",
        )
        return
    took = (time.perf_counter() - started) * 1000
    chart.good("ping", f"pong after {took:.1f} ms")
    try:
        release = await node.rpc(peer, "erlang", "system_info", [Atom("otp_release")])
        theirs = await node.rpc(peer, "erlang", "system_time", [Atom("millisecond")])
        ticktime = await node.rpc(peer, "net_kernel", "get_net_ticktime", [])
    except ergopy.RpcError as error:
        chart.good("rpc", f"refused ({error}); an ergopy node runs exports only")
        return
    apart = theirs - time.time() * 1000
    chart.good("release", f"OTP {''.join(map(chr, release))}")
    chart.good("clock", f"{apart:+.0f} ms apart")
    here = node.net_ticktime
    chart.good("ticks", f"net_ticktime {ticktime} s there, {here:g} s by default here")
