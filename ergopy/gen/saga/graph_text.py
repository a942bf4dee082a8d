"""Sagas and transactions as text: a tree, one line for each saga, step and job."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING

from ..._text import duration, printable, tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .graph import JobInfo, SagaGraph, SagaInfo, StepInfo, TransactionInfo

_WAITS = {
    "voting": "waits for the votes of",
    "prepared": "in doubt, asks",
    "committed": "waits for the confirmation of",
}
_DIGITS = 3
_MAX_NAMED = 5


def saga(info: SagaInfo) -> Iterator[str]:
    """Draw a saga with its transactions."""
    numbers, listed = info.statistics, info.transactions
    head = [_who(info.name, info.saga), info.behaviour, f"{numbers.open} open"]
    if info.max_transactions is not None:
        head[-1] += f" of {info.max_transactions}"
    for word in ("in_doubt", "committing", "compensating", "done", "canceled"):
        if count := getattr(numbers, word):
            head.append(f"{count} {word.replace('_', ' ')}")
    more = _more(numbers.open - len(listed), "is open", "are open")
    told = chain(listed, info.ended)
    return tree(_line(head), chain(map(_at_top, told), more))


def graph(info: SagaGraph) -> Iterator[str]:
    """Draw a whole graph; what is not connected comes one after the other."""
    if not info.roots:
        yield f"{info.label}  nobody knows it, or not any more"
    for root in info.roots:
        yield from transaction(root, at_top=True)
    for node, why in info.silent.items():
        yield printable(f"{node}: {why}")


def transaction(info: TransactionInfo, *, at_top: bool = False) -> Iterator[str]:
    """Draw a transaction at one saga, and what is below it.

    At the top it says which transaction it is, and when it began.
    """
    head = [_who(info.name, info.saga), *_condition(info)]
    if at_top:
        head = [info.label, *head, *_moment(info.started)]
    below = chain(
        map(_step, info.steps),
        _more(info.more_steps, "step", "steps"),
        map(_job, info.jobs),
        _more(info.more_jobs, "job", "jobs"),
    )
    return tree(_line(head), below)


def _at_top(info: TransactionInfo) -> Iterator[str]:
    return transaction(info, at_top=True)


def _condition(info: TransactionInfo) -> Iterator[str]:
    """Say how a transaction goes, and what holds it up."""
    if info.over:
        yield f"{info.state} after {duration(info.seconds, _DIGITS)}"
    else:
        yield f"{info.state} for {duration(info.since, _DIGITS)}"
    if info.left is not None:
        yield f"{duration(info.left, _DIGITS)} left"
    if info.reason is not None:
        yield f"because: {info.reason}"
    if info.waits_for:
        yield f"{_WAITS.get(info.state, 'waits for')} {_some(info.waits_for)}"
    if info.tries:
        yield f"tries: {info.tries}"
    if info.undoing is not None:
        yield f"compensates {info.undoing}, {info.undo_left} left"
    if info.undo_tries:
        yield f"failed: {info.undo_tries}, last with {info.trouble}"


def _step(info: StepInfo) -> Iterator[str]:
    head = [f"{info.label} to {info.saga}", *_progress(info)]
    if info.trap_cancel:
        head.append("may fail")
    if info.unseen is not None:
        head.append(f"not seen: {info.unseen}")
    below = () if info.below is None else (transaction(info.below),)
    return tree(_line(head), below)


def _job(info: JobInfo) -> Iterator[str]:
    head = [f"{info.label} {info.work}".rstrip(), *_progress(info)]
    if info.worker is not None:
        head.insert(1, str(info.worker))
    return tree(_line(head), ())


def _progress(info: StepInfo | JobInfo) -> Iterator[str]:
    how = "for" if info.state == "sent" else "after"
    yield f"{info.state} {how} {duration(info.seconds, _DIGITS)}"
    if info.timeout is not None and info.state == "sent":
        yield f"at most {duration(info.timeout, _DIGITS)}"
    if info.reason is not None:
        yield f"because: {info.reason}"
    if info.compensate is not None:
        yield f"undone by {info.compensate}"


def _who(name: str | None, pid: object) -> str:
    return f"{pid}" if name is None else f"{name} {pid}"


def _some(names: list[str]) -> str:
    more = len(names) - _MAX_NAMED
    listed = ", ".join(names[:_MAX_NAMED])
    return f"{listed} and {more} more" if more > 0 else listed


def _more(count: int, one: str, many: str) -> Iterator[list[str]]:
    if count > 0:
        yield [f"and {count} more {one if count == 1 else many}"]


def _moment(seconds: float) -> Iterator[str]:
    """Write a time of day; it may be a peer's idea of one."""
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OSError, OverflowError, ValueError):
        return
    yield f"began {moment:%Y-%m-%d %H:%M:%S}Z"


def _line(parts: Iterable[str]) -> str:
    return printable("  ".join(filter(None, parts)))
