"""Run a program as a node, until it ends or is told to stop.

  ergopy run shop.models:Predictor --name py@127.0.0.1
  ergopy run shop.main:main --name py@127.0.0.1 --cookie-file ~/.erlang.cookie

  ergopy run shop:Shop --name py@127.0.0.1

OBJECT is an async function, called with the running node; a behaviour such as a
GenServer class, started under its name in lower case (or --as); or an application,
started with those that it depends on. If that ends, so does the node, unless the start
type of an application says otherwise; the exit status is 1 if it failed. SIGTERM and
Ctrl-C stop the applications, and then the other processes, in order; a second one ends
at once.
"""

from __future__ import annotations

import argparse
import inspect
import logging
from typing import Any

import ergopy

from .common import add_cookie_arguments, complain, cookie
from .tls import add_tls_arguments, tls

GLOBAL = ("full", "observe")
ANSWERS = ("read", "all", "none")
# As in the node, which would take Trio with it.

FAILED = 1
"""Exit status when an application did not start, or failed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.set_defaults(runs_user_code=True)
    parser.add_argument("object", metavar="MODULE:OBJECT")
    parser.add_argument("--name", required=True, help="the node's name, local@host")
    parser.add_argument(
        "--named-by",
        action="append",
        metavar="NODE",
        help="with --name undefined@host: who makes up a name for this node",
    )
    add_cookie_arguments(parser)
    add_tls_arguments(parser)
    parser.add_argument("--hidden", action="store_true", help="as erl -hidden")
    parser.add_argument(
        "--global",
        dest="global_",
        choices=GLOBAL,
        default="full",
        help="take part in the global names of the cluster (full), or not",
    )
    parser.add_argument(
        "--answers",
        choices=ANSWERS,
        default="read",
        help="questions of tools that are answered: those that read, all, none",
    )
    parser.add_argument(
        "--shell",
        action="store_true",
        default=None,
        help="let erl -remsh and iex --remsh open a Python prompt (or ERGOPY_SHELL=1)",
    )
    parser.add_argument(
        "--epmd",
        choices=("auto", "client", "embedded", "off"),
        default="auto",
        help="use a running EPMD, or be one (default: auto)",
    )
    parser.add_argument("--epmd-port", type=int, help="default: ERL_EPMD_PORT, or 4369")
    parser.add_argument(
        "--port",
        type=_ports,
        default=(0, 0),
        metavar="N[-M]",
        help="the port, or the range of ports, to listen on",
    )
    parser.add_argument(
        "--listen-host",
        action="append",
        metavar="ADDRESS",
        help="the address to listen on; may be given several times",
    )
    parser.add_argument(
        "--as",
        dest="registered",
        metavar="NAME",
        help="register a behaviour under this name",
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="log more")


def _ports(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    try:
        return int(first), int(last or first)
    except ValueError:
        raise argparse.ArgumentTypeError(f"not N or N-M: {text!r}") from None


async def run(args: argparse.Namespace) -> int:
    """Run the command."""
    # It takes Trio with it, which --help has no need of.
    from .._targets import find
    from ..errors.text import shown

    level = logging.DEBUG if args.verbose else logging.INFO
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(message)s")
    # As on a BEAM it is not worth a line that all goes well.
    logging.getLogger("ergopy.supervisor").setLevel(
        logging.DEBUG if args.verbose else logging.WARNING
    )
    try:
        target = find(args.object)
        if inspect.iscoroutinefunction(target):
            inspect.signature(target).bind(None)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        complain(f"cannot load {args.object}: {error}")
        return 2
    try:
        await _run(target, args)
    except ergopy.ApplicationTerminated as end:
        complain(str(end))
        return 0 if end.clean else FAILED
    except ergopy.ApplicationError as error:
        complain(str(error))
        return FAILED
    except ergopy.StartError as error:
        if not isinstance(target, type):
            raise
        complain(str(error))
        return FAILED
    except ergopy.Exit as end:
        if not isinstance(target, type):
            raise
        complain(f"{args.object} has ended: {shown(end.reason)}")
        return FAILED
    return 0


async def _run(target: Any, args: argparse.Namespace) -> None:
    from .._targets import serve

    async with ergopy.Node(
        args.name,
        named_by=args.named_by,
        cookie=cookie(args),
        tls=tls(args),
        hidden=args.hidden,
        global_=args.global_,
        answers=args.answers,
        shell=args.shell,
        epmd=args.epmd,
        epmd_port=args.epmd_port,
        listen=args.port,
        listen_host=args.listen_host,
    ) as node:

        async def up() -> None:
            print(f"{node.name} is up on port {node.port}", flush=True)

        await serve(node, target, name=args.registered, up=up)
