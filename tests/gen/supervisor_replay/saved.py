"""Scripts and their logs on a real supervisor, in ``tests/data``.

``interop/test_supervisor_replay.py`` writes the file with ``ERGOPY_CAPTURE=1``. Scripts
and logs are kept as the source text of Erlang terms.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import etf

FILE = Path(__file__).parents[2] / "data" / "supervisor_scripts.json"

COUNTS = {"supervisor": 250, "timed": 40, "simple_one_for_one": 60, "dynamic": 60}
"""The kinds of scripts in it, and how many of each."""


def load(kind: str) -> list[tuple[Any, Any]]:
    """Read the scripts of a kind, each with its log."""
    entries = json.loads(FILE.read_text())[kind]
    return [(etf.parse(one["script"]), etf.parse(one["log"])) for one in entries]


def store(kind: str, entries: list[tuple[Any, Any]]) -> None:
    """Write the scripts of a kind and their logs; keep those of other kinds."""
    known = json.loads(FILE.read_text()) if FILE.exists() else {}
    known[kind] = [
        {"script": etf.format(script, limit=None), "log": etf.format(log, limit=None)}
        for script, log in entries
    ]
    FILE.write_text(json.dumps(known, indent=1) + "\n")


def difference(script: Any, theirs: list[Any], ours: list[Any]) -> str | None:
    """Say where two logs part, or None."""
    if theirs == ours:
        return None
    pairs = zip(theirs, ours, strict=False)
    same = next((n for n, (a, b) in enumerate(pairs) if a != b), None)
    at = min(len(theirs), len(ours)) if same is None else same
    parts = [etf.format(log[max(at - 2, 0) : at + 4]) for log in (theirs, ours)]
    return f"{etf.format(script, limit=None)}\nBEAM: {parts[0]}\nours: {parts[1]}"
