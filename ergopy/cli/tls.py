"""What the commands know of TLS: their options, and what to try when it fails."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

    import ergopy
    from ergopy.dist.network import Network

REMEDIES = {
    "expired": "ergopy certs node NAME --force, and copy the folder there",
    "not_yet_valid": "compare the clocks of the two machines",
    "wrong_name": "ergopy certs node NAME makes a certificate for the name of the node",
    "unknown_authority": (
        "the nodes of a cluster need certificates of one authority, and its ca.pem"
    ),
    "self_signed": "ergopy certs node NAME makes a certificate that is signed",
    "missing": "a node shows a certificate with --tls DIR, tls=, or certfile",
    "plain": "start that node with -proto_dist inet_tls, or with tls=",
    "version": "the versions in its options and in versions= have none in common",
    "cipher": "give both the same ciphers, or none",
}
"""By the reason of a ``TlsError``."""


def add_tls_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the ways to say what to show over TLS."""
    parser.add_argument(
        "--tls",
        metavar="DIR",
        default=os.environ.get("ERGOPY_TLS"),
        help="talk over TLS, with the folder that 'ergopy certs node' made; "
        "default: ERGOPY_TLS",
    )
    parser.add_argument("--tls-cert", metavar="FILE", help="our certificate, instead")
    parser.add_argument("--tls-key", metavar="FILE", help="its key")
    parser.add_argument("--tls-ca", metavar="FILE", help="whom to believe")


def tls(args: argparse.Namespace, **rules: Any) -> ergopy.Tls | None:
    """Return what was asked for; None is plain TCP."""
    import ergopy

    if args.tls_cert is not None:
        return ergopy.Tls(args.tls_cert, args.tls_key, args.tls_ca or (), **rules)
    if args.tls_key is not None or args.tls_ca is not None:
        raise ValueError("--tls-key and --tls-ca go with --tls-cert")
    return ergopy.Tls.from_folder(args.tls, **rules) if args.tls else None


def network(args: argparse.Namespace) -> Network:
    """Return what connections are made by."""
    from ergopy.dist.network import TcpNetwork
    from ergopy.dist.tls import TlsNetwork

    mine = tls(args)
    return TcpNetwork() if mine is None else TlsNetwork(mine)


def hosts(args: argparse.Namespace) -> tuple[str, ...]:
    """Return the hosts for which our certificate is good, if there is one."""
    from ergopy.certs import CERTIFICATE, load, looks

    if args.tls_cert is not None:
        return looks(load(args.tls_cert)[0]).hosts
    return looks(load(Path(args.tls) / CERTIFICATE)[0]).hosts if args.tls else ()


def remedy(error: ergopy.TlsError) -> str:
    """Say what to try next."""
    if getattr(error, "ours", False) and error.reason == "unknown_authority":
        return "its cacertfile lacks the authority that signed our certificate"
    return REMEDIES.get(error.reason, "look into the log of that node: it says why")
