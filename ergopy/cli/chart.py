"""What an examination found, step by step, as text or as rows for JSON."""

from __future__ import annotations

from typing import Any

from .._text import printable


class Chart:
    """What was found, in the order in which it was looked at."""

    def __init__(self, quiet: bool) -> None:
        self.rows: list[dict[str, Any]] = []
        self._quiet = quiet

    def good(self, step: str, found: str) -> None:
        """Note a step that is fine."""
        self._add(step, True, found, None)

    def bad(self, step: str, found: str, remedy: str) -> None:
        """Note what is wrong, and what to try next."""
        self._add(step, False, found, remedy)

    def _add(self, step: str, fine: bool, found: str, remedy: str | None) -> None:
        row: dict[str, Any] = {"step": step, "ok": fine, "found": found}
        if remedy:
            row["try"] = remedy
        self.rows.append(row)
        if not self._quiet:
            print(f"{'ok ' if fine else 'BAD'} {step:10} {printable(found)}")
            if remedy:
                print(f"    {'':10} try: {printable(remedy)}")

    def healthy(self) -> bool:
        """Tell whether nothing was bad."""
        return all(row["ok"] for row in self.rows)
