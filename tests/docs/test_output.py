"""Programs of pages that show what they print: they print that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from tests.docs.pages import PAGES_WITH_OUTPUT, files, matches, output, title

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("page", PAGES_WITH_OUTPUT, ids=title)
async def test_the_program_of_a_page_prints_what_the_page_shows(
    page: Path, start, tmp_path: Path
) -> None:
    saved = files(page)
    assert saved, f"{title(page)} shows an output, and has no program"
    for name, text in saved.items():
        (tmp_path / name).write_text(text, "utf-8")
    *_, name = saved
    with trio.fail_after(60):
        async with start(name) as example:
            printed = await example.rest()
    expected = output(page)
    assert expected is not None
    assert matches(expected, printed), printed
