"""Run a function on a node and print its value; like erpc:call/4.

  ergopy rpc iex@127.0.0.1 erlang system_info '[otp_release]'
  ergopy rpc iex@127.0.0.1 Elixir.String upcase '["abc"]' --syntax elixir

Status 4: the function raised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .common import (
    add_node_arguments,
    add_output_arguments,
    client,
    complain,
    print_term,
    read_term,
)

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    add_node_arguments(parser)
    parser.add_argument("module", metavar="M", help="the module")
    parser.add_argument("function", metavar="F", help="the function")
    parser.add_argument(
        "arguments",
        metavar="ARGS",
        nargs="?",
        default="[]",
        help="a list of terms; [] if left out",
    )
    add_output_arguments(parser)


async def run(args: argparse.Namespace) -> int:
    """Run the command."""
    arguments = read_term(args.arguments, args)
    if not isinstance(arguments, list):
        complain(f"ARGS is a list, as in [1, two]; not {args.arguments}")
        return 2
    async with client(args) as node:
        await node.connect(args.node)
        value = await node.rpc(
            args.node, args.module, args.function, arguments, args.timeout
        )
    print_term(value, args)
    return 0
