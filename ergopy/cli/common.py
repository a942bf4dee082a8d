"""What the commands share: their node, the cookie, terms in and out, and failure."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ergopy

from .tls import add_tls_arguments, hosts, tls

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def add_cookie_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the ways to give a cookie."""
    parser.add_argument(
        "--cookie-file",
        metavar="FILE",
        help="read the cookie there; else "
        "ERGOPY_COOKIE, cookie_file= in ergopy.toml, or the file that erl uses",
    )
    parser.add_argument(
        "--cookie", help="the cookie itself (others on this machine can see it)"
    )


def add_node_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what a command needs to talk to a node."""
    parser.add_argument("node", metavar="NODE", help="its full name, like a@127.0.0.1")
    add_cookie_arguments(parser)
    add_tls_arguments(parser)
    parser.add_argument("--name", help="our own node name; made up by default")
    parser.add_argument(
        "--timeout", type=_seconds, default=5.0, help="seconds to wait (default 5)"
    )
    parser.add_argument("--epmd-port", type=int, help="default: ERL_EPMD_PORT, or 4369")
    parser.add_argument(
        "--port", type=_port, help="where it listens; then no EPMD is asked"
    )


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    """Add how terms are read and printed."""
    parser.add_argument(
        "--syntax",
        choices=("erlang", "elixir"),
        default=None,
        help="of terms, read and printed; default: reads both, prints Erlang",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not value > 0:
        raise argparse.ArgumentTypeError(f"not a number of seconds above 0: {text!r}")
    return value


def _port(text: str) -> int:
    port = int(text) if text.isascii() and text.isdigit() else 0
    if not 0 < port <= 65535:
        raise argparse.ArgumentTypeError(f"not a port number: {text!r}")
    return port


def cookie(args: argparse.Namespace) -> str:
    """Return the cookie: option, environment, ergopy.toml, or the file of ``erl``."""
    from ergopy.node.cookies import read_cookie

    if args.cookie is not None:
        complain("--cookie can be seen by others on this machine; use --cookie-file")
        return str(args.cookie)
    if args.cookie_file is None and "ERGOPY_COOKIE" not in os.environ:
        config = Path("ergopy.toml")
        if config.exists():
            settings = tomllib.loads(config.read_text("utf-8"))
            if isinstance(file := settings.get("cookie_file"), str):
                return read_cookie(Path(file).expanduser())
    return read_cookie(args.cookie_file)


def client(args: argparse.Namespace) -> ergopy.Node:
    """Make the node of a command: hidden, not registered, gone when it is done."""
    import epmd
    from ergopy.node import naming

    host = naming.split(args.node)[1]
    mine = tls(args)
    own = args.name or f"ergopy-{secrets.token_hex(4)}@{_own_host(host, args)}"
    resolver: ergopy.EpmdResolver | ergopy.DnsResolver
    resolver = ergopy.EpmdResolver(args.epmd_port or epmd.default_port())
    if args.port is not None:
        resolver = ergopy.DnsResolver(args.port)
    return ergopy.Node(
        own,
        cookie=cookie(args),
        tls=mine,
        hidden=True,
        epmd="off",
        resolver=resolver,
        grace=0.2,
    )


def _own_host(peer_host: str, args: argparse.Namespace) -> str:
    import socket

    from ergopy.node import naming

    for host in hosts(args):
        # The node over there may want our name to be that of our certificate.
        if naming.is_long(host) == naming.is_long(peer_host):
            return host
    if not naming.is_long(peer_host):
        return socket.gethostname().partition(".")[0]
    own = "" if peer_host.startswith("127.") else socket.getfqdn()
    # Nobody has to find a hidden, unregistered node: any long name does.
    return own if naming.is_long(own) else "127.0.0.1"


def read_term(text: str, args: argparse.Namespace) -> Any:
    """Parse a term of the command line."""
    import etf

    return etf.parse(text, args.syntax)


def print_term(term: Any, args: argparse.Namespace) -> None:
    """Print a term as asked."""
    if args.json:
        print(json.dumps(jsonable(term)))
    else:
        print(in_syntax(term, args))


def in_syntax(term: Any, args: argparse.Namespace) -> str:
    """Write a term in the syntax that was asked for."""
    import etf

    return etf.format(term, getattr(args, "syntax", None) or "erlang")


def jsonable(term: Any) -> Any:
    """Return the nearest thing in JSON: text for atoms and UTF-8 binaries.

    Tuples become arrays, keys that are no text become their Erlang form, and what
    JSON lacks (pids, other binaries) becomes its Erlang form in a string.
    """
    import etf

    match term:
        case None | bool() | int() | float():
            return term
        case str():
            return str(term)
        case bytes():
            try:
                return term.decode()
            except UnicodeDecodeError:
                return etf.format(term)
        case list() | tuple():
            return [jsonable(item) for item in term]
        case dict() | etf.TermMap():
            return {_json_key(key): jsonable(item) for key, item in term.items()}
        case _:
            return etf.format(term)


def _json_key(key: Any) -> str:
    import etf

    plain = jsonable(key)
    return plain if isinstance(plain, str) else etf.format(key)


def complain(text: str) -> None:
    """Print to standard error."""
    print(f"ergopy: {text}", file=sys.stderr)


def report(
    run: Callable[[argparse.Namespace], Awaitable[int]], args: argparse.Namespace
) -> int:
    """Run a command; print what went wrong in a line, return the exit status."""
    import epmd

    from . import NO, RAISED, UNREACHABLE, USAGE

    try:
        status = ergopy.run(run, args)
    except (ergopy.NodeNameError, ergopy.CookieError) as error:
        complain(str(error))
        return USAGE
    except (ValueError, ergopy.LocalProtocolError) as error:
        if getattr(args, "runs_user_code", False):
            raise
        complain(str(error))
        return USAGE
    except (ergopy.ConnectError, epmd.EpmdError) as error:
        complain(str(error))
        if isinstance(error, ergopy.ConnectError):
            complain(f"'ergopy doctor {error.peer}' looks for the cause")
        return UNREACHABLE
    except ergopy.RpcError as error:
        complain(f"{error.kind}: {in_syntax(error.reason, args)}")
        return UNREACHABLE if error.reason == "noconnection" else RAISED
    except ergopy.CallExit as error:
        complain(f"the process ended: {in_syntax(error.reason, args)}")
        return RAISED
    except (ergopy.CallError, ergopy.ChildError, ergopy.NameTaken) as error:
        complain(str(error))
        return NO
    # None: a signal ended it, in order.
    return 0 if status is None else status
