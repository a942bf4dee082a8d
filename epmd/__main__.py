"""``python -m epmd``: serve, and ask.

Exit status: 0 done, 1 the answer is no, 2 usage, 3 no EPMD reached or no port to
serve on. What peers chose, their names, is printed with control characters escaped.
"""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

import trio

import epmd

from ._registration import background

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

_Entry = TypeVar("_Entry", "epmd.NodeEntry", "epmd.DumpEntry")

OK, NO, USAGE, UNREACHABLE = range(4)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line *argv*; give the exit status."""
    args = _parser().parse_args(argv)
    run: Callable[[argparse.Namespace], Awaitable[int]] = args.run
    try:
        return trio.run(run, args)
    except (epmd.NotRegistered, epmd.EpmdRefused, epmd.NameTaken) as exc:
        return _fail(exc, NO)
    except epmd.EpmdValueError as exc:
        return _fail(exc, USAGE)
    except epmd.EpmdError as exc:
        return _fail(exc, UNREACHABLE)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m epmd",
        description="The port mapper of Erlang nodes: a server, and questions to one.",
        epilog="ERL_EPMD_PORT, ERL_EPMD_ADDRESS and ERL_EPMD_RELAXED_COMMAND_CHECK "
        "mean what they mean to the epmd of Erlang.",
    )
    commands = parser.add_subparsers(title="commands", required=True)
    serve = commands.add_parser("serve", help="be the EPMD of this machine")
    serve.add_argument("--port", type=_port, help="0 takes any that is free")
    serve.add_argument(
        "--address", help="listen on these, with commas, and on loopback; default: all"
    )
    serve.add_argument(
        "--relaxed", action="store_true", help="honour stop, and kill while in use"
    )
    serve.add_argument("--verbose", action="store_true", help="log registrations")
    serve.set_defaults(run=_serve)
    for name, run, text in (
        ("names", _names, "list the nodes"),
        ("lookup", _lookup, "show one node; status 1 when there is none"),
        ("dump", _dump, "list the nodes, and the remembered dead ones"),
        ("kill", _kill, "end the EPMD"),
        ("stop", _stop, "take one node off the list"),
    ):
        command = commands.add_parser(name, help=text)
        if name in ("lookup", "stop"):
            command.add_argument("name", help="the part before @, or name@host")
        command.add_argument("--host", help="where EPMD runs; default: here")
        command.add_argument("--port", type=_port)
        command.add_argument("--timeout", type=_seconds, default=5.0)
        command.set_defaults(run=run)
    for command in commands.choices.values():
        command.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:6]) <= 0xFFFF):
        raise argparse.ArgumentTypeError(f"{text!r} is no port number")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not seconds >= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return seconds


async def _serve(args: argparse.Namespace) -> int:
    level = logging.INFO if args.verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(asctime)s %(message)s")
    async with background() as nursery:
        nursery.start_soon(_until_signal, nursery.cancel_scope)
        server: epmd.Server = await nursery.start(_run_server, args)
        if args.json:
            _print_json({"port": server.port, "addresses": server.addresses})
        else:
            where = ", ".join(f"{host} port {port}" for host, port in server.addresses)
            print(f"epmd: listening on {where}", flush=True)
        await server.wait_shutdown()
    return OK


async def _run_server(
    args: argparse.Namespace, task_status: trio.TaskStatus[epmd.Server]
) -> None:
    relaxed = True if args.relaxed else None
    await epmd.serve(args.address, args.port, relaxed=relaxed, task_status=task_status)


async def _until_signal(scope: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            scope.cancel()


def _where(args: argparse.Namespace) -> dict[str, Any]:
    return {
        "host": args.host or "127.0.0.1",
        "port": args.port,
        "timeout": args.timeout,
    }


async def _names(args: argparse.Namespace) -> int:
    def line(node: epmd.NodeEntry) -> str:
        return f"name {_safe(node.name)} at port {node.port}"

    return _print_all(args, await epmd.names(**_where(args)), line)


async def _lookup(args: argparse.Namespace) -> int:
    name = _split_host(args)
    node = await epmd.lookup(name, **_where(args))
    if args.json:
        _print_json(None if node is None else _as_json(node))
    elif node is None:
        print(f"no node {_safe(name)}", file=sys.stderr)
    else:
        kind = {epmd.NORMAL: "normal", epmd.HIDDEN: "hidden"}.get(node.node_type)
        print(
            f"name {_safe(node.name)} at port {node.port}, "
            f"{kind or f'type {node.node_type}'}, versions {node.low}..{node.high}"
            + (f", extra {node.extra.hex()}" if node.extra else "")
        )
    return NO if node is None else OK


async def _dump(args: argparse.Namespace) -> int:
    def line(node: epmd.DumpEntry) -> str:
        state = "active" if node.active else "unused"
        return f"{state} {_safe(node.name)} at port {node.port}, fd {node.fd}"

    return _print_all(args, await epmd.dump(**_where(args)), line)


async def _kill(args: argparse.Namespace) -> int:
    await epmd.kill(**_where(args))
    _done(args, "killed")
    return OK


async def _stop(args: argparse.Namespace) -> int:
    name = _split_host(args)
    await epmd.stop(name, **_where(args))
    _done(args, "stopped")
    return OK


def _split_host(args: argparse.Namespace) -> str:
    """Take ``name@host`` apart; ``--host`` wins over the host in it."""
    name, _, host = str(args.name).partition("@")
    args.host = args.host or host
    return name


def _done(args: argparse.Namespace, what: str) -> None:
    if args.json:
        _print_json({"result": what})
    else:
        print(what)


def _print_all(
    args: argparse.Namespace, nodes: Sequence[_Entry], line: Callable[[_Entry], str]
) -> int:
    if args.json:
        _print_json([asdict(node) for node in nodes])
    else:
        for node in nodes:
            print(line(node))
    return OK


def _as_json(node: epmd.NodeInfo) -> dict[str, Any]:
    return asdict(node) | {"extra": node.extra.hex()}


def _print_json(value: object) -> None:
    print(json.dumps(value), flush=True)


def _safe(text: str) -> str:
    """Escape what could move the cursor, or worse."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in text
    )


def _fail(exc: Exception, status: int) -> int:
    print(f"epmd: {_safe(str(exc))}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
