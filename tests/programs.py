"""Programs that tests run."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from pathlib import Path


async def run_pytest(file: Path, *options: str, **environment: str) -> tuple[int, str]:
    """Run tests in a program of their own; its status, and what it prints."""
    options = ("-q", "-o", "trio_mode=true", "-p", "no:cacheprovider", *options)
    done = await trio.run_process(
        [sys.executable, "-m", "pytest", *options, file.name],
        env={**os.environ, "PYTEST_ADDOPTS": "", **environment},
        cwd=file.parent,
        capture_stdout=True,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return done.returncode, done.stdout.decode()
