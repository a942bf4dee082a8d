"""Call a process on a node and print the answer; like gen_server:call/2.

  ergopy call iex@127.0.0.1 counter '{add, 3}'
  ergopy call iex@127.0.0.1 Elixir.MyApp.Cache '{:get, "key"}' --syntax elixir

Status 1: nobody there, or no answer in time; 4: it ended instead of answering.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .common import (
    add_node_arguments,
    add_output_arguments,
    client,
    print_term,
    read_term,
)

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    add_node_arguments(parser)
    parser.add_argument("process", metavar="NAME", help="its registered name")
    parser.add_argument("term", metavar="TERM", help="the request")
    add_output_arguments(parser)


async def run(args: argparse.Namespace) -> int:
    """Run the command."""
    request = read_term(args.term, args)
    async with client(args) as node:
        await node.connect(args.node)
        answer = await node.call((args.process, args.node), request, args.timeout)
    print_term(answer, args)
    return 0
