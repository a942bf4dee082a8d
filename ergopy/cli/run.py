"""Run a program as a node, until it ends or is told to stop.

  ergopy run shop.models:Predictor --name py@127.0.0.1
  ergopy run shop.main:main --name py@127.0.0.1 --cookie-file ~/.erlang.cookie

OBJECT is an async function, called with the running node, or a behaviour such as a
GenServer class, started under its name in lower case (or --as). SIGTERM and Ctrl-C
shut the processes down in order; a second one ends at once.
"""

from __future__ import annotations

import argparse
import inspect
import logging
import sys
from importlib import import_module
from typing import Any

import ergopy

from .common import add_cookie_arguments, complain, cookie
from .tls import add_tls_arguments, tls


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
    import ergopy

    level = logging.DEBUG if args.verbose else logging.INFO
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(message)s")
    try:
        target = find(args.object)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        complain(f"cannot load {args.object}: {error}")
        return 2
    async with ergopy.Node(
        args.name,
        named_by=args.named_by,
        cookie=cookie(args),
        tls=tls(args),
        hidden=args.hidden,
        epmd=args.epmd,
        epmd_port=args.epmd_port,
        listen=args.port,
        listen_host=args.listen_host,
    ) as node:
        print(f"{node.name} is up on port {node.port}", flush=True)
        if isinstance(target, type):
            name = args.registered or target.__name__.lower()
            await node.start(target, name=name)
            await node.wait_closed()
        else:
            await target(node)
    return 0


def find(path: str) -> Any:
    """Import ``MODULE:OBJECT``, also from the current folder."""
    module, colon, name = path.partition(":")
    if not colon or not name:
        raise ValueError("write MODULE:OBJECT, as in shop.main:main")
    sys.path.insert(0, "")
    target: Any = import_module(module)
    for part in name.split("."):
        target = getattr(target, part)
    if isinstance(target, type):
        if not issubclass(target, ergopy.Behaviour):
            raise ValueError(f"the class {name} is no behaviour, such as a GenServer")
    elif not inspect.iscoroutinefunction(target):
        raise ValueError(f"{name} is no 'async def' and no behaviour")
    else:
        inspect.signature(target).bind(None)
    return target
