"""Open the prompt of another node, in this terminal; Erlang is not needed here.

  ergopy shell iex@127.0.0.1
  ergopy shell a@127.0.0.1 --erl
  ergopy shell a@127.0.0.1 -c 'length(nodes()).'
  ergopy shell a@127.0.0.1 < lines.txt

IEx where the node has it, else Erlang's shell, or the Python prompt of an ergopy node
with shell=True. What is typed runs over there: q() and halt() end that node. Ctrl-D
leaves the shell, and nothing else. Ctrl-C interrupts what runs; a second one asks
whether to leave.

Line editing, history and completion need prompt_toolkit: pip install 'ergopy[shell]'.

Status 1: the node has no such prompt; 3: the node went away; whatever the prompt says
to what was typed makes no difference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..common import add_node_arguments, client

if TYPE_CHECKING:
    import argparse

HISTORY = "~/.ergopy_history"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    add_node_arguments(parser)
    language = parser.add_mutually_exclusive_group()
    language.add_argument(
        "--iex",
        dest="language",
        action="store_const",
        const="elixir",
        help="Elixir's prompt; by default where the node has it",
    )
    language.add_argument(
        "--erl",
        dest="language",
        action="store_const",
        const="erlang",
        help="Erlang's prompt, also where there is Elixir",
    )
    parser.add_argument(
        "-c", dest="code", metavar="CODE", help="run this, print what it says, and end"
    )
    parser.add_argument(
        "--no-history",
        action="store_true",
        help=f"do not keep what is typed in {HISTORY}",
    )
    parser.add_argument(
        "--plain", action="store_true", help="no line editing, even if it is possible"
    )


async def run(args: argparse.Namespace) -> int:
    """Run the command."""
    # It takes Trio with it, which --help has no need of.
    from .prompt import Prompt

    async with client(args) as node:
        await node.connect(args.node)
        return await Prompt(args).run(node)
