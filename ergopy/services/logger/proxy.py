"""``logger_proxy``: what BEAM processes log whose group leader is on this node.

Their own node sends it here as well (protocol 6.9). It becomes a record of the logger
``ergopy.beam``, with the attributes ``node``, ``pid``, ``beam_level``, ``domain``, and
of a report ``otp``: the term. Funs that would format it do not run here.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

import etf
from etf import Atom, Pid

from ...errors.text import MAX_MESSAGE, MAX_PARTS, parts, shown
from ...process.limits import MailboxLimit
from ..io.chars import text as characters
from ..io.formatting import render
from .levels import level_number

if TYPE_CHECKING:
    from ...process.process import Process

INCOMING: Final = "ergopy.beam"
"""The logger of what other nodes have logged."""

logger = logging.getLogger(INCOMING)

LIMIT: Final = MailboxLimit(1000, "drop_new")
"""Events that wait, as many as where a BEAM's ``logger_proxy`` begins to drop them."""

MAX_TEXT: Final = 16_384
"""Characters of one event; the rest is cut off."""


async def logger_proxy(process: Process) -> None:
    """Log what arrives; drop everything that is no event."""
    told = 0
    while True:
        message = await process.receive()
        try:
            log(message)
        except Exception:
            # A handler or filter of the program; nobody here is to blame.
            logger.exception("an event of another node could not be logged")
        if process.dropped > told:
            count, told = process.dropped - told, process.dropped
            logger.warning("%d events of other nodes were dropped: too many", count)


def log(message: Any) -> None:
    """Log one event, if *message* is one and anybody wants to hear of it."""
    arguments: list[Any] | None = None
    match message:
        case (Atom("log"), Atom() as level, form, list(arguments), dict(meta)):
            pass
        case (Atom("log"), Atom() as level, (form, list(arguments)), dict(meta)):
            pass
        case (Atom("log"), Atom() as level, form, dict(meta)):
            pass
        case _:
            return
    number = level_number(level)
    if not logger.isEnabledFor(number):
        return
    report = form if arguments is None and isinstance(form, dict | list) else None
    extra = {"beam_level": str(level), "otp": report, **_about(meta)}
    told = _reported(form) if arguments is None else _formatted(form, arguments)
    logger.log(number, "%s", told, extra=extra)


def _about(meta: dict[Any, Any]) -> dict[str, Any]:
    pid = meta.get("pid")
    domain = meta.get("domain")
    return {
        "node": str(pid.node) if isinstance(pid, Pid) else None,
        "pid": str(pid) if isinstance(pid, Pid) else None,
        "domain": list(map(str, domain)) if isinstance(domain, list) else [],
    }


def _formatted(form: Any, arguments: list[Any]) -> str:
    small = parts((form, arguments), MAX_PARTS) <= MAX_PARTS
    made = render(form, arguments, limit=MAX_TEXT) if small else None
    return _clean(f"{shown(form)} {shown(arguments)}" if made is None else made)


def _reported(report: Any) -> str:
    """Return the text of a report, one line for each part; or a text as it is."""
    match report:
        case {"format": form, "args": list(arguments)}:
            # What error_logger makes of its calls.
            return _formatted(form, arguments)
        case {"label": (who, what), "report": told}:
            head, parts = [f"{_term(who)}: {_term(what)}"], told
        case {"label": label, **rest}:
            head, parts = [_term(label)], list(rest.items())
        case dict():
            head, parts = [], list(report.items())
        case _:
            string = characters(report)
            if string is not None:
                return _clean(string)
            head, parts = [], report
    return _clean("\n".join([*head, *_lines(parts, MAX_TEXT)]))


def _lines(parts: Any, room: int, nested: bool = True) -> list[str]:
    """Return a line for each of the parts, until there are *room* characters."""
    if not isinstance(parts, list):
        return [_term(parts)]
    lines: list[str] = []
    for part in parts:
        if room <= 0:
            break
        if isinstance(part, list) and nested:
            more = _lines(part, room, nested=False)
        elif isinstance(part, tuple) and len(part) == 2 and isinstance(part[0], Atom):
            more = [f"    {_term(part[0])}: {_term(part[1])}"]
        else:
            more = [f"    {_term(part)}"]
        lines += more
        room -= sum(map(len, more)) + 1
    return lines


def _term(term: Any) -> str:
    try:
        small = parts(term, MAX_PARTS) <= MAX_PARTS
        told = etf.format(term) if small else shown(term)
    except Exception:
        told = shown(term)
    if len(told) > MAX_MESSAGE:
        told = f"{told[:MAX_MESSAGE]}... ({len(told)} characters)"
    return _clean(told)


def _clean(told: str) -> str:
    """Return a text that is no longer than it may be, without control characters."""
    if len(told) > MAX_TEXT:
        told = f"{told[:MAX_TEXT]}... ({len(told)} characters)"
    told = told.strip("\r\n")
    if told.isprintable():
        return told
    return "".join(c if c.isprintable() or c in "\n\t" else "?" for c in told)
