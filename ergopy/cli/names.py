"""List the nodes that the EPMD of a host knows, with their ports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._text import printable
from .common import complain

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.add_argument("host", nargs="?", default="127.0.0.1", metavar="HOST")
    parser.add_argument("--epmd-port", type=int, help="default: ERL_EPMD_PORT, or 4369")
    parser.add_argument("--json", action="store_true", help="print JSON")


async def run(args: argparse.Namespace) -> int:
    """Run the command."""
    import json

    import epmd

    entries = await epmd.names(args.host, args.epmd_port)
    if args.json:
        rows = [{"name": e.name, "port": e.port} for e in entries]
        print(json.dumps(rows))
    else:
        if not entries:
            complain(f"EPMD runs on {args.host}, and no node is registered there")
        width = max((len(e.name) for e in entries), default=0)
        for entry in entries:
            print(f"{printable(entry.name):{width}}  {entry.port}")
    return 0
