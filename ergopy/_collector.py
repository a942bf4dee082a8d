"""Python's collector of cycles, set for a program of many processes.

By default it looks through the young objects after every 700 (2,000 in newer Pythons)
that were made, and through all of them again and again while a program grows. Each
process is some thirty objects that live as long as it does, so that starting many takes
up to twice the time. A process that ends leaves no cycles behind: there is little to be
found, and it does no harm to look less often.
"""

from __future__ import annotations

import gc

THRESHOLDS = (50_000, 20, 100)
"""Objects until the young are looked at, and how often until the older ones are."""

_DEFAULTS = {(700, 10, 10), (2000, 10, 10), (2000, 10, 0)}
"""What Python 3.11 to 3.14 begin with."""


def relax() -> None:
    """Let the collector run less often, unless the program has said how often.

    What is there at this moment, mostly modules, is never looked at again.
    """
    if gc.get_threshold() in _DEFAULTS:
        gc.freeze()
        gc.set_threshold(*THRESHOLDS)
