"""What a hosted node does: it comes up, runs a program, and says when that is up."""

from __future__ import annotations

import etf

from .. import _main
from .._targets import find, serve
from ..dist.tls import Tls

HEADER = 4
"""Bytes of the length before the plan on the pipe, the most significant first."""


def frame(plan: bytes) -> bytes:
    """Return the plan as it goes over the pipe."""
    return len(plan).to_bytes(HEADER, "big") + plan


def check(target: str) -> None:
    """Refuse what cannot be ``module:object``.

    Raises:
        ValueError: It is not.
    """
    module, colon, name = target.partition(":")
    if not (module and colon and name):
        raise ValueError(f"write module:object, as in shop.main:main, not {target!r}")


async def run(encoded: bytes) -> None:
    """Be the hosted node of that plan, until its program ends or it is cancelled."""
    settings, args = etf.decode(encoded)
    plan = etf.decode(settings, etf.DecodeOptions(strings="str"))
    target = find(plan["target"])
    options = dict(plan["options"])
    if "tls_folder" in options:
        options["tls"] = Tls.from_folder(options.pop("tls_folder"))
    async with _main.Node(plan["name"], **options) as node:

        async def up() -> None:
            await node.send(plan["parent"], plan["up"])

        name = plan["register"]
        await serve(node, target, *etf.decode(args), name=name, up=up)
