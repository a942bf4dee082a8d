"""The command line: ``ergopy``, which is ``python -m ergopy``.

One module per command, with ``add_arguments(parser)`` and ``run(args)``. Only the one
that is asked for is imported, and none imports Trio before it runs, so ``--help`` and
mistakes are answered at once.

Exit status: 0 done, 1 the answer is no, 2 usage, 3 cannot connect, 4 the far side
raised.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from .. import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

OK, NO, USAGE, UNREACHABLE, RAISED = range(5)

COMMANDS = {
    "run": "run a program's nodes: ergopy run MODULE:OBJECT",
    "ping": "ask whether a node is there and lets us in",
    "names": "list the nodes that EPMD knows",
    "call": "gen_server:call a process on a node",
    "rpc": "run a function on a node",
    "shell": "open the prompt of a node: Erlang, Elixir or Python",
    "tree": "show the supervision trees of a node",
    "saga": "show the sagas of a node, and their transactions",
    "doctor": "find out why a node cannot be reached, or that it can",
    "certs": "make certificates for TLS, and look at them",
    "demo": "show calls from a BEAM node to Python, and back",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = _parser()
    name = next((word for word in arguments if not word.startswith("-")), None)
    if not arguments:
        parser.print_help(sys.stderr)
        return USAGE
    if name not in COMMANDS:
        parser.parse_args(arguments)
        parser.print_help(sys.stderr)
        return USAGE
    command = import_module(f".{name}", __name__)
    place = arguments.index(name)
    parser.parse_args([*arguments[:place], name])
    own = argparse.ArgumentParser(
        prog=f"ergopy {name}",
        description=command.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_arguments(own)
    args = own.parse_args(arguments[place + 1 :])
    from .common import report

    return report(command.run, args)


def _parser() -> argparse.ArgumentParser:
    commands = "\n".join(f"  {name:8} {text}" for name, text in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="ergopy",
        description="A Python process as a full member of an Erlang cluster.",
        epilog=f"commands:\n{commands}\n\n'ergopy COMMAND --help' says more.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="ergopy [--help] [--version] COMMAND ...",
    )
    parser.add_argument("--version", action="version", version=f"ergopy {__version__}")
    parser.add_argument(
        "command", choices=COMMANDS, metavar="COMMAND", help=argparse.SUPPRESS
    )
    return parser
