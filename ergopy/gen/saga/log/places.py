"""Where the log of a node is unless a saga says something else."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final
from urllib.parse import quote

_LONGEST: Final = 200
"""Characters of a file name, with room for what SQLite puts behind it."""


def default_path(node_name: str) -> Path:
    """Return the file in which the sagas of a node keep their log.

    ``$ERGOPY_SAGA_LOG`` if it is set, else ``ergopy/sagas/NODE.db`` in
    ``$XDG_STATE_HOME``, or in ``~/.local/state``. The file stays on this machine, and
    must not be one that another machine has mounted.
    """
    if chosen := os.environ.get("ERGOPY_SAGA_LOG"):
        return Path(chosen).expanduser()
    state = Path(os.environ.get("XDG_STATE_HOME", ""))
    if not state.is_absolute():
        # Relative paths are to be ignored, says the specification of these folders.
        state = Path.home() / ".local" / "state"
    return state / "ergopy" / "sagas" / f"{_safe(node_name)}.db"


def _safe(name: str) -> str:
    """Make a file name of any text; two texts do not get the same."""
    quoted = quote(name, safe="@", errors="surrogatepass")
    if len(quoted) <= _LONGEST:
        return quoted
    digest = hashlib.sha256(quoted.encode()).hexdigest()[:32]
    return f"{quoted[: _LONGEST - len(digest) - 1]}-{digest}"
