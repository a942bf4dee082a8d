"""UUIDs, which are binaries: their text, or their 16 bytes, as ``Ecto.UUID`` stores."""

from __future__ import annotations

import uuid
from typing import Any, Final

from ..mapping.converter import Converter


def _load(term: Any) -> uuid.UUID:
    if isinstance(term, bytes) and len(term) == 16:
        return uuid.UUID(bytes=term)
    text = term if isinstance(term, str) else str(term, "ascii")
    if len(text) != 36:
        raise ValueError("not the text of a UUID")
    return uuid.UUID(text)


UUID: Final = Converter(
    uuid.UUID,
    encode=str,
    decode=_load,
    expected="a UUID, of 36 characters or 16 bytes",
)
