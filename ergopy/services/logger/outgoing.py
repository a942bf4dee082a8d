"""A record of Python's ``logging`` as an event of a BEAM's ``logger``.

It is ``{log, Level, Report, Meta}``, or a text instead of a report, for the process
``logger_proxy`` over there. It names no group leader: a BEAM passes an event on to the
node of that, so one of ours would send it back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from etf import Atom, Charlist, Export, Pid

from ...gen.portable import portable
from .levels import level_name

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

PROXY: Final = Atom("logger_proxy")
LOG: Final = Atom("log")

MAX_TEXT: Final = 16_384
"""Characters of one text; the rest is cut off."""

_SASL = [Atom("otp"), Atom("sasl")]
# What a BEAM shows without being asked to, Elixir included. Its own crashes come with
# another report that it shows; ours have but this one.
_OTP = [Atom("otp")]


def event(
    record: logging.LogRecord, made: Callable[[logging.LogRecord], str], sender: Pid
) -> tuple[Any, ...]:
    """Return the event for *record*; *made* is what makes its text, if it is one."""
    level = level_name(record.levelno)
    meta = _meta(record, sender)
    report = getattr(record, "otp", None)
    if isinstance(report, dict):
        meta |= _formatting(report, level)
        return LOG, level, portable(report), meta
    text = made(record)
    if len(text) > MAX_TEXT:
        text = f"{text[:MAX_TEXT]}... ({len(text)} characters)"
    return LOG, level, text.encode("utf-8", "replace"), meta


def _meta(record: logging.LogRecord, sender: Pid) -> dict[Atom, Any]:
    pid = getattr(record, "otp_pid", None)
    return {
        Atom("time"): int(record.created * 1_000_000),
        Atom("pid"): pid if isinstance(pid, Pid) else sender,
        Atom("node"): Atom(sender.node),
        Atom("logger"): Atom(record.name[:255]),
        Atom("domain"): _OTP,
        Atom("mfa"): (Atom(record.module[:255]), Atom(str(record.funcName)[:255]), 0),
        Atom("file"): Charlist(record.pathname),
        Atom("line"): record.lineno,
    }


_CALLBACKS = {
    "application_controller": Export("application_controller", "format_log", 2),
    "proc_lib": Export("proc_lib", "report_cb", 2),
    "supervisor": Export("supervisor", "format_log", 2),
}
"""What formats a report over there, by who makes such reports."""


def _formatting(report: dict[Any, Any], level: str) -> dict[Atom, Any]:
    """Return the metadata that OTP gives to such a report."""
    match report.get("label"):
        case (str() as who, str() as what) if who in _CALLBACKS:
            pass
        case _:
            return {}
    formatting: dict[Atom, Any] = {Atom("report_cb"): _CALLBACKS[who]}
    if who == "proc_lib":
        formatting[Atom("logger_formatter")] = _title("CRASH REPORT")
        kind = "crash_report"
    else:
        formatting[Atom("domain")] = _SASL
        kind = "progress" if what == "progress" else "supervisor_report"
        if who == "application_controller":
            kind = what
        else:
            words = kind.replace("_report", "").upper()
            formatting[Atom("logger_formatter")] = _title(f"{words} REPORT")
    tag = Atom("error_report" if level == "error" else "info_report")
    formatting[Atom("error_logger")] = {Atom("tag"): tag, Atom("type"): Atom(kind)}
    return formatting


def _title(text: str) -> dict[Atom, Any]:
    return {Atom("title"): Charlist(text)}
