"""Show the supervision trees of a node.

  ergopy tree py@127.0.0.1
  ergopy tree py@127.0.0.1 shop --json
  ergopy tree iex@127.0.0.1

A Python node shows them with restart counts, times and limits, unless it has
answers="none". Of a BEAM node it is the tree of each application. With the name of one
supervisor, on either, that one is asked for its children and so on.

Status 1: nobody has that name, or the node does not show its trees.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import ergopy

from .common import add_node_arguments, client, complain

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    add_node_arguments(parser)
    parser.add_argument(
        "supervisor", metavar="NAME", nargs="?", help="only this one, by its name"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


async def run(args: argparse.Namespace) -> int:
    """Run the command."""
    async with client(args) as node:
        await node.connect(args.node)
        trees = await _trees(node, args)
    if trees is None:
        complain(
            f'{args.node} does not show its trees: it has answers="none"; '
            "name one of its supervisors"
        )
        return 1
    if args.json:
        print(json.dumps([tree.as_json() for tree in trees], indent=2))
    else:
        print(*trees, sep="\n")
    return 0


async def _trees(
    node: ergopy.Node, args: argparse.Namespace
) -> list[ergopy.TreeNode] | None:
    """Return the trees of the node that was asked for, or None if it has no say."""
    if args.supervisor is not None:
        return [await _ask(node, (args.supervisor, args.node), args)]
    try:
        told = await node.rpc(args.node, "ergopy", "supervision_tree", [], args.timeout)
    except ergopy.RpcError as error:
        if not error.is_undefined:
            raise
        return await _applications(node, args)
    return [ergopy.TreeNode.from_term(tree) for tree in told]


async def _applications(
    node: ergopy.Node, args: argparse.Namespace
) -> list[ergopy.TreeNode] | None:
    """Return the tree of each application that runs on a BEAM."""

    async def ask(module: str, function: str, *about: Any) -> Any:
        return await node.rpc(args.node, module, function, list(about), args.timeout)

    trees = []
    try:
        for name, *_ in await ask("application", "which_applications"):
            master = await ask("application_controller", "get_master", name)
            if not isinstance(master, ergopy.Pid):
                # It is a library.
                continue
            top, _ = await ask("application_master", "get_child", master)
            trees.append(await _ask(node, top, args, name))
    except ergopy.RpcError as error:
        if not error.is_undefined:
            raise
        return None
    return trees


async def _ask(
    node: ergopy.Node, dest: Any, args: argparse.Namespace, name: Any = None
) -> ergopy.TreeNode:
    return await ergopy.supervisor.ask_tree(
        dest, id=name, timeout=args.timeout, caller=node
    )
