"""Make certificates for a cluster that talks over TLS, and look at them.

  ergopy certs init                        an authority, once for a cluster
  ergopy certs node py@10.0.0.5            a key and a certificate for each node
  ergopy certs beam iex@10.0.0.5           what erl and iex need besides
  ergopy certs check iex@10.0.0.5 --tls certs/py@10.0.0.5
  ergopy certs check --files certs/py@10.0.0.5

Everything is in the folder certs, or in --folder. Nothing is overwritten without
--force. Status of check: 1 something is wrong, 3 nobody answers.
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from .common import complain
from .tls import add_tls_arguments

if TYPE_CHECKING:
    from ergopy.certs import Kind


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    parsers = parser.add_subparsers(dest="task", required=True, metavar="TASK")
    init = parsers.add_parser("init", help="make an authority")
    init.add_argument("--title", default="Erlang cluster", help="what to call it")
    _add_making_arguments(init, days=3650)
    node = parsers.add_parser("node", help="make a key and a certificate for a node")
    node.add_argument("node", metavar="NODE", help="its full name, like py@10.0.0.5")
    node.add_argument(
        "--host",
        action="append",
        default=[],
        dest="hosts",
        help="another host name or address that it is good for; may be repeated",
    )
    _add_making_arguments(node, days=365)
    beam = parsers.add_parser("beam", help="write the options file of a BEAM node")
    beam.add_argument("node", metavar="NODE", help="its full name, like iex@10.0.0.5")
    beam.add_argument(
        "--at",
        metavar="DIR",
        help="where the folder of the node will be on the machine of the BEAM",
    )
    _add_folder_arguments(beam)
    check = parsers.add_parser("check", help="look at certificates, here or over there")
    check.add_argument("target", nargs="?", metavar="NODE|HOST:PORT")
    check.add_argument(
        "--files", metavar="DIR", help="look at the files of a node here"
    )
    add_tls_arguments(check)
    check.add_argument("--timeout", type=float, default=5.0, help="seconds (default 5)")
    check.add_argument("--epmd-port", type=int, help="default: ERL_EPMD_PORT, or 4369")
    check.add_argument("--json", action="store_true", help="print JSON")


def _add_folder_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--folder", default="certs", metavar="DIR", help="default: certs"
    )
    parser.add_argument("--force", action="store_true", help="overwrite what is there")


def _add_making_arguments(parser: argparse.ArgumentParser, *, days: float) -> None:
    parser.add_argument(
        "--days", type=_days, default=days, help=f"how long it is valid ({days})"
    )
    parser.add_argument("--rsa", action="store_true", help="RSA, no elliptic key")
    _add_folder_arguments(parser)


def _days(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 36500:
        raise argparse.ArgumentTypeError(f"not a number of days: {text!r}")
    return value


async def run(args: argparse.Namespace) -> int:
    """Run the command."""
    match args.task:
        case "init":
            return _init(args)
        case "node":
            return _node(args)
        case "beam":
            return _beam(args)
        case _:
            return await _check(args)


def _init(args: argparse.Namespace) -> int:
    from ergopy.certs import Authority

    folder = Path(args.folder)
    authority = Authority.create(args.title, days=args.days, kind=_kind(args))
    authority.save(folder, force=args.force)
    end = authority.certificate.not_valid_after_utc
    print(f"{folder}/ca.pem  the authority {args.title!r}, good until {end:%Y-%m-%d}")
    print(f"{folder}/ca.key  its key: keep it secret, off the machines that run nodes")
    print(f"next: ergopy certs node py@127.0.0.1{_folder_option(args)}")
    return 0


def _node(args: argparse.Namespace) -> int:
    from ergopy.certs import Authority, load, looks

    own = Authority.load(args.folder).equip(
        args.node,
        args.folder,
        hosts=args.hosts,
        days=args.days,
        kind=_kind(args),
        force=args.force,
    )
    made = looks(load(own / "cert.pem")[0])
    print(
        f"{own}/cert.pem  good for {', '.join(made.hosts)} until {made.ends:%Y-%m-%d}"
    )
    print(f"{own}/key.pem   its key: secret")
    print(f"{own}/ca.pem    the authority")
    print(
        f"Python: ergopy.Node({args.node!r}, tls=ergopy.Tls.from_folder({str(own)!r}))"
    )
    print(f"BEAM:   ergopy certs beam {args.node}{_folder_option(args)}")
    return 0


def _beam(args: argparse.Namespace) -> int:
    from ergopy.certs import flags, write_options

    own = Path(args.folder) / args.node
    at = args.at or own.resolve()
    path = write_options(own, at, force=args.force)
    arguments = flags(at)
    name = "--name" if "." in args.node.partition("@")[2] else "--sname"
    print(f"{path}")
    print(f"erl {name[1:]} {args.node} {arguments}")
    print(f"iex {name} {args.node} --erl {shlex.quote(arguments)}")
    print(f"a release, in rel/vm.args.eex: {arguments}")
    return 0


async def _check(args: argparse.Namespace) -> int:
    from .certs_check import check_files, check_target

    if args.files is not None and args.target is None:
        return check_files(args)
    if args.target is None or args.files is not None:
        complain("certs check: give a NODE, a HOST:PORT, or --files DIR")
        return 2
    return await check_target(args)


def _kind(args: argparse.Namespace) -> Kind:
    return "rsa" if args.rsa else "ec"


def _folder_option(args: argparse.Namespace) -> str:
    return "" if args.folder == "certs" else f" --folder {shlex.quote(args.folder)}"
