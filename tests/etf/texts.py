"""What real BEAM nodes print of terms, and how they order them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from etf import decode

FIXTURE = json.loads(
    (Path(__file__).parent.parent / "data" / "etf_text.json").read_text()
)
TEXTS = [
    pytest.param(decode(bytes.fromhex(data)), *texts, id=data[:40])
    for data, *texts in FIXTURE["text"]
]
