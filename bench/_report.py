"""Print what was measured: aligned columns, or JSON for a machine."""

import os
import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ._codecs import KINDS, OPERATIONS, TARGET, CodecTimes
from ._locals import KINDS as LOCAL_KINDS
from ._locals import LINES, Line, LocalTimes
from ._measure import Session
from ._plan import ROWS, Row
from ._world import Setup
from .codec import SIZES

_NAMES = {"beam2": "BEAM(2)", "ergopy": "ergopy", "beam": "BEAM"}


def heading(setup: Setup, *, rounds: int) -> str:
    """One line that says under which conditions the numbers hold."""
    peer = "BEAM" if setup.itself else f"CPython {platform.python_version()}"
    if setup.pure:
        peer += ", pure Python"
    mode = "pinned" if setup.pinned else "free"
    load = os.getloadavg()[0]
    return (
        f"OTP {setup.otp}, {peer}, {mode}, {rounds} rounds, medians; "
        f"{os.cpu_count()} CPUs, load {load:.1f}"
    )


def node_table(session: Session, kinds: Sequence[str]) -> str:
    """The lines of the node tests that were run."""
    names = [_NAMES[kind] for kind in kinds]
    head = ["", *names, f"{names[0]} / {names[1]}", "goal", "met", ""]
    lines = [head]
    measured = {sample.test for sample in session.samples}
    for row in ROWS:
        if row.test in measured:
            lines.append(_node_line(session, row, kinds))
    text = _columns(lines)
    for failure in session.failures:
        text += f"\n{failure.test} failed on {_NAMES[failure.kind]}: {failure.reason}"
    return text


def codec_table(times: CodecTimes) -> str:
    """Microseconds per operation of every codec, and the ratios that matter."""
    head = ["", *(f"{kind} us" for kind in KINDS)]
    head += ["compiled / msgspec", "goal", "met", "compiled / BEAM", "pure / compiled"]
    lines = [head]
    for operation in OPERATIONS:
        for term in SIZES:
            lines.append(_codec_line(times, term, operation))
    return _columns(lines) + _missing(times.missing)


def local_table(times: LocalTimes) -> str:
    """Microseconds per operation within a node, and the ratios."""
    head = ["within a node", *(f"{kind} us" for kind in LOCAL_KINDS)]
    lines = [[*head, "ergopy / BEAM", "ergopy / triotp", "goal", "met"]]
    lines += [_local_line(times, line) for line in LINES]
    return _columns(lines) + _missing(times.missing)


def as_json(
    setup: Setup,
    session: Session,
    times: CodecTimes | None,
    local: LocalTimes | None,
    kinds: Sequence[str],
) -> dict[str, Any]:
    """Every sample, and the medians of every line."""
    rows = {}
    measured = {sample.test for sample in session.samples}
    for row in (row for row in ROWS if row.test in measured):
        medians = [_median(session.values(row.test, row.metric, k)) for k in kinds]
        ratio = _ratio(*medians)
        rows[row.label] = {"values": medians, "ratio": ratio, "goal": row.goal}
    codec = times.samples if times else {}
    within = local.samples if local else {}
    return {
        "otp": setup.otp,
        "python": platform.python_version(),
        "pinned": setup.pinned,
        "kinds": list(kinds),
        "rows": rows,
        "samples": [vars(sample) for sample in session.samples],
        "failures": [vars(failure) for failure in session.failures],
        "codec": {" ".join(key): values for key, values in codec.items()},
        "local": {" ".join(key): values for key, values in within.items()},
    }


def _node_line(session: Session, row: Row, kinds: Sequence[str]) -> list[str]:
    subject, beam = (_median(session.values(row.test, row.metric, k)) for k in kinds)
    ratio = _ratio(subject, beam)
    met = None
    if subject is not None and (ratio is not None or row.limit is not None):
        met = row.met(subject, ratio or 0.0)
    note = "noisy" if session.noisy(row.test) else ""
    return [
        row.label,
        _number(subject),
        _number(beam),
        "" if ratio is None else f"{ratio:.2f}",
        row.goal,
        _verdict(met),
        note,
    ]


def _codec_line(times: CodecTimes, term: str, operation: str) -> list[str]:
    medians = {kind: times.median(kind, term, operation) for kind in KINDS}
    compiled = medians["compiled"]
    ratio = _ratio(compiled, medians["msgspec"])
    return [
        f"{operation} {term}",
        *(_number(medians[kind]) for kind in KINDS),
        "" if ratio is None else f"{ratio:.2f}",
        f"<= {TARGET}x",
        _verdict(None if ratio is None else ratio <= TARGET),
        _ratio_text(compiled, medians["beam"]),
        _ratio_text(medians["pure"], compiled),
    ]


def _local_line(times: LocalTimes, line: Line) -> list[str]:
    medians = [times.median(kind, line.name) for kind in LOCAL_KINDS]
    ours, *others = medians
    limit = line.limit
    met = None if limit is None or ours is None else ours <= limit
    return [
        line.label,
        *map(_number, medians),
        *(_ratio_text(ours, other) for other in others),
        "" if limit is None else f"<= {limit:g}",
        _verdict(met),
    ]


def _ratio(value: float | None, reference: float | None) -> float | None:
    return None if value is None or not reference else value / reference


def _ratio_text(value: float | None, reference: float | None) -> str:
    ratio = _ratio(value, reference)
    return "" if ratio is None else f"{ratio:.2f}"


def _verdict(met: bool | None) -> str:
    return {None: "", True: "yes", False: "no"}[met]


def _median(values: Iterable[float]) -> float | None:
    known = list(values)
    return statistics.median(known) if known else None


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def _missing(reasons: Mapping[str, str]) -> str:
    """A line for each that could not be measured, with the last line of its reason."""
    lines = [
        f"\nno {kind}: {reason.splitlines()[-1] if reason else 'it ended'}"
        for kind, reason in reasons.items()
    ]
    return "".join(lines)


def _columns(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = []
    for line in lines:
        cells = [line[0].ljust(widths[0])]
        cells += [c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True)]
        text.append("  ".join(cells).rstrip())
    return "\n".join(text)
