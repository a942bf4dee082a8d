"""What type checkers say about programs that use the library."""

from __future__ import annotations

from pathlib import Path

import pytest

FILES = sorted((Path(__file__).parent / "typing").glob("*.py"))


@pytest.mark.timeout(180)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_mypy_sees_the_types_that_the_file_asserts(file: Path) -> None:
    api = pytest.importorskip("mypy.api", reason="mypy is in the group lint")
    config = Path(__file__).parents[1] / "pyproject.toml"
    # An expected error is ignored in the file; one that is not there is an error too.
    report, problems, status = api.run([str(file), f"--config-file={config}"])
    assert status == 0, report + problems
