"""The pages of the manual, and the blocks of code in them."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
EXAMPLES = ROOT / "examples"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]

_BLOCK = re.compile(r"^```(\w+)?(?: ([^\n]*))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block: what is after the fence, and what is in it."""

    page: Path
    line: int
    language: str
    info: str
    text: str

    @property
    def name(self) -> str:
        return f"{title(self.page)}:{self.line}"


def title(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str | None = None) -> list[Block]:
    text = page.read_text("utf-8")
    found = []
    for match in _BLOCK.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        block = Block(page, line, match[1] or "", match[2] or "", match[3])
        if language in (None, block.language):
            found.append(block)
    return found


def files(page: Path) -> dict[str, str]:
    """The files that a page tells to save; the last one is the program."""
    saved = [b for b in blocks(page, "python") if b.info.startswith("file=")]
    return {block.info.removeprefix("file="): block.text for block in saved}


def output(page: Path) -> str | None:
    """What the program of a page prints, if the page shows it."""
    shown = [b.text for b in blocks(page, "text") if b.info == "output"]
    assert len(shown) <= 1, title(page)
    return shown[0] if shown else None


def program(page: Path) -> str:
    """The one program that a page tells to save as a file."""
    (found,) = [b for b in blocks(page, "python") if b.info.startswith("file=")]
    return found.text


def without_blocks(page: Path) -> str:
    return _BLOCK.sub("", page.read_text("utf-8"))


def matches(expected: str, output: str) -> bool:
    """Compare but for white space; ``...`` stands for anything."""
    pattern = re.escape("".join(expected.split())).replace(r"\.\.\.", ".*")
    return re.fullmatch(pattern, "".join(output.split())) is not None


def generator() -> Any:
    """The module that writes the tables of the reference, which have tests too."""
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGES_WITH_OUTPUT = [page for page in PAGES if output(page) is not None]
"""Pages with ``file=`` blocks, and what the last of these prints (```text output)."""
