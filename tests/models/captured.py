"""Scripts and what came of them on real BEAMs, in ``tests/data``.

The outcome has the messages of a mailbox sorted: which orders are possible is the
model's to say. ``interop/test_scripts.py`` compares the file with each OTP release,
and writes it when ``ERGOPY_WRITE_SCRIPTS=1`` is set.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.models.script import Script, random_script

if TYPE_CHECKING:
    from tests.models.play import Look

FILE = Path(__file__).parents[1] / "data" / "signal_scripts.json"
SEEDS = range(1000, 1060)


def plain(look: Look) -> dict[str, Any]:
    """Turn an outcome into what a file can hold."""
    outcome: dict[str, Any] = {}
    for label, view in sorted(look.items()):
        if view is None:
            outcome[label] = None
        else:
            mail = sorted(view.mail, key=repr)
            outcome[label] = view._replace(mail=mail)._asdict()
    return json.loads(json.dumps(outcome))  # type: ignore[no-any-return]


def scripts_to_capture() -> list[Script]:
    """Return new scripts, for a new file."""
    return [random_script(seed, length=10) for seed in SEEDS]


def load() -> list[tuple[Script, dict[str, Any]]]:
    """Read the scripts and their outcomes."""
    entries = json.loads(FILE.read_text())["scripts"]
    return [(Script(e["cast"], e["steps"]), e["outcome"]) for e in entries]


def store(entries: list[tuple[Script, dict[str, Any]]], release: int) -> None:
    """Write them, one script a line."""
    lines = [
        json.dumps({"cast": s.cast, "steps": s.steps, "outcome": outcome})
        for s, outcome in entries
    ]
    about = f"outcomes of random scripts on two nodes of OTP {release}"
    text = f'{{"about": {json.dumps(about)}, "scripts": [\n' + ",\n".join(lines)
    FILE.write_text(text + "\n]}\n")
