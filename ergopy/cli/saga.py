"""Show the sagas of a node, or one transaction over all its sagas.

  ergopy saga show py@127.0.0.1
  ergopy saga show py@127.0.0.1 TX#83.124.5
  ergopy saga show py@127.0.0.1 TX#83.124.5 --json

Without a transaction these are the open ones of each saga, oldest first, and those that
were over last. With one it is drawn from the saga that has started it down, and all
nodes that it went through are asked. What is in doubt, waits for others, or fails to be
compensated is said so. Values and results are never shown.

What goes on at nodes of ergo, or at those with answers="none", is not seen, and they
are asked for nothing else.

Status 1: the node does not show its sagas, or none of them knows the transaction.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import ergopy

from .common import add_node_arguments, client, complain

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

LIMIT = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.add_argument("what", metavar="show", choices=("show",), help="the only way")
    add_node_arguments(parser)
    parser.add_argument(
        "transaction", metavar="TX", nargs="?", help="its id, as it is printed"
    )
    parser.add_argument(
        "--limit",
        type=int,
        default=LIMIT,
        help=f"how many transactions of each saga to list (default {LIMIT})",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


async def run(args: argparse.Namespace) -> int:
    """Run the command."""
    async with client(args) as node:
        await node.connect(args.node)
        try:
            shown = await _shown(node, args)
        except ergopy.RpcError as error:
            if not error.is_undefined:
                raise
            complain(
                f"{args.node} does not show its sagas: it is no node of ergopy, "
                'or has answers="none"'
            )
            return 1
    if args.transaction is not None and not shown:
        complain(f"no saga of {args.node} knows {args.transaction}, or not any more")
        return 1
    if args.json:
        print(json.dumps([part.as_json() for part in shown], indent=2))
    else:
        print(*shown or ("no sagas",), sep="\n")
    return 0


async def _shown(
    node: ergopy.Node, args: argparse.Namespace
) -> Sequence[ergopy.saga.SagaInfo | ergopy.saga.SagaGraph]:
    timeout = args.timeout
    if args.transaction is None:
        return await ergopy.saga.which(
            args.node, limit=args.limit, timeout=timeout, caller=node
        )
    return await ergopy.saga.graphs(
        args.node, args.transaction, timeout=timeout, caller=node
    )
