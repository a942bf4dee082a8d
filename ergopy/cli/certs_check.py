"""``ergopy certs check``: certificates in files, or those that a node shows."""

from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING

from .chart import Chart
from .tls import REMEDIES, remedy, tls

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from ergopy.certs import Looks
    from ergopy.dist.tls.sockets import TlsSocket

_PATIENCE = 0.5
"""Seconds for a node to say that it does not like our certificate (TLS 1.3)."""


def check_files(args: argparse.Namespace) -> int:
    """Look at the folder of a node."""
    from ergopy.certs import examine

    chart = Chart(args.json)
    for finding in examine(args.files):
        if finding.fine:
            chart.good(finding.what, finding.text)
        else:
            chart.bad(finding.what, finding.text, "ergopy certs node NAME --force")
    return _done(args, chart, args.files)


class Missing(Exception):
    """There is nothing to look at."""


async def check_target(args: argparse.Namespace) -> int:
    """Look at what a node shows, and whether we and it would get along."""
    import ergopy

    chart = Chart(args.json)
    status = 0
    try:
        host, port = await _where(args, chart)
        await _look(args, chart, host, port)
        await _try(args, chart, host, port)
    except Missing:
        status = 3
    except ergopy.TlsError as error:
        step = "ours" if getattr(error, "ours", False) else "trust"
        chart.bad(step, f"{error.problem} [{error.reason}]", remedy(error))
    except (OSError, ergopy.HandshakeTimeout) as error:
        chart.bad("connect", f"{error}", "is it running, with TLS? Or a firewall?")
        status = 3
    return _done(args, chart, args.target, status)


async def _look(args: argparse.Namespace, chart: Chart, host: str, port: int) -> None:
    """See what is there, whether or not it is to be believed."""
    from ergopy.certs import looks

    seeing = tls(args, verify_peer=False)
    context = seeing.client_context if seeing else _credulous
    sock = await _connect(args, host, port, context, check_names=False)
    session = sock.tls
    sock.close()
    cipher = (session.cipher() or ("no cipher",))[0]
    chart.good("tls", f"{session.version()} with {cipher}")
    der = session.getpeercert(binary_form=True)
    if der is not None:
        _describe(looks(der), chart)


async def _try(args: argparse.Namespace, chart: Chart, host: str, port: int) -> None:
    """Verify it, and let it verify us."""
    mine = tls(args)
    if mine is None:
        chart.good(
            "trust", "not looked at: that takes a certificate of ours, --tls DIR"
        )
        return
    sock = await _connect(
        args, host, port, mine.client_context, check_names=mine.check_names
    )
    chart.good("trust", "an authority of ours has signed it, and it has the right name")
    await _listen(sock)
    chart.good("ours", "it does not refuse our certificate")


async def _where(args: argparse.Namespace, chart: Chart) -> tuple[str, int]:
    import epmd

    local, at, host = args.target.rpartition("@")
    if not at:
        host, colon, port = args.target.rpartition(":")
        if not colon or not port.isdigit():
            raise ValueError(f"{args.target!r} is neither NODE nor HOST:PORT")
        return host.strip("[]"), int(port)
    try:
        info = await epmd.lookup(local, host, args.epmd_port or epmd.default_port())
    except epmd.EpmdError as error:
        chart.bad("epmd", str(error), "'ergopy names' shows what EPMD knows")
        raise Missing from None
    if info is None:
        chart.bad("epmd", f"it does not know {local!r}", "start the node")
        raise Missing
    chart.good("epmd", f"{local} is at {host}:{info.port}")
    return host, info.port


async def _connect(
    args: argparse.Namespace,
    host: str,
    port: int,
    context: Callable[[], ssl.SSLContext],
    *,
    check_names: bool,
) -> TlsSocket:
    import trio

    from ergopy import HandshakeTimeout
    from ergopy.dist.network import TcpNetwork
    from ergopy.dist.tls.network import secured

    peer = args.target if "@" in args.target else host
    try:
        with trio.fail_after(args.timeout):
            tcp = await TcpNetwork().connect(peer, host, port)
            return await secured(tcp, context, peer, check_names=check_names)
    except trio.TooSlowError:
        raise HandshakeTimeout(peer, args.timeout) from None


async def _listen(sock: TlsSocket) -> None:
    """In TLS 1.3 a certificate is refused after the handshake."""
    import trio

    from ergopy.dist.network import receive_some

    try:
        with trio.move_on_after(_PATIENCE):
            await receive_some(sock)
    finally:
        sock.close()


def _credulous() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _describe(theirs: Looks, chart: Chart) -> None:
    chart.good("who", f"{theirs.name}, {theirs.key}, signed by {theirs.issuer}")
    chart.good("hosts", ", ".join(theirs.hosts) or "none")
    days = theirs.days_left()
    text = f"until {theirs.ends:%Y-%m-%d}, {days} days from now"
    if days < 30:
        chart.bad("dates", text, REMEDIES["expired"])
    else:
        chart.good("dates", text)
    chart.good("sha256", theirs.fingerprint)


def _done(args: argparse.Namespace, chart: Chart, target: str, status: int = 0) -> int:
    if args.json:
        print(json.dumps({"target": target, "steps": chart.rows}))
    return status if status or chart.healthy() else 1
