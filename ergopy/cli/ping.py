"""Ask whether a node is there and lets us in; prints pong or pang (status 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .common import add_node_arguments, client, complain

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    add_node_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


async def run(args: argparse.Namespace) -> int:
    """Run the command."""
    import json

    from ergopy import ConnectError

    async with client(args) as node:
        try:
            await node.connect(args.node)
            answer = await node.ping(args.node, args.timeout)
            problem = "" if answer else "connected, but net_kernel did not say yes"
        except ConnectError as error:
            answer, problem = False, error.problem
    if args.json:
        print(json.dumps({"node": args.node, "pong": answer, "problem": problem}))
    else:
        print("pong" if answer else "pang")
        if problem:
            complain(f"{args.node}: {problem}")
            complain(f"'ergopy doctor {args.node}' looks for the cause")
    return 0 if answer else 1
