"""What type checkers say about programs that use the library."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "tests" / "typing").glob("*.py"))


@pytest.mark.timeout(180)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_mypy_sees_the_types_that_the_file_asserts(file: Path) -> None:
    pytest.importorskip("mypy", reason="mypy is in the group lint")
    # A process of its own: mypy raises the recursion limit of the one that it is in.
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--follow-imports=silent", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    # An expected error is ignored in the file; one that is not there is an error too.
    assert done.returncode == 0, done.stdout + done.stderr
