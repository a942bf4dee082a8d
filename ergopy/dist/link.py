"""The codec of an established link: bytes in, operations out, and back.

It is the compiled one if that was built, and the readable one of
:mod:`ergopy.dist.framing` otherwise, or if ``ERGOPY_PURE=1`` is in the environment.
Both do exactly the same.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

__all__ = ["LinkDecoder", "LinkEncoder", "compiled"]

if TYPE_CHECKING:
    from .framing import LinkDecoder, LinkEncoder

    compiled: bool
else:
    compiled = False
    if os.environ.get("ERGOPY_PURE") != "1":
        try:
            from ._speedups import LinkDecoder, LinkEncoder

            compiled = True
        except ImportError:
            pass
    if not compiled:
        from .framing import LinkDecoder, LinkEncoder
