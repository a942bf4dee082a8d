"""What compiled code keeps."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def blocks_kept(function: Callable[[], Any]) -> int:
    """How many blocks of memory a function leaves behind if it is called again."""
    for _ in range(50):
        function()
    # What was there before is no matter, and takes long to look through.
    gc.freeze()
    before = sys.getallocatedblocks()
    for _ in range(300):
        function()
    gc.collect()
    return sys.getallocatedblocks() - before
