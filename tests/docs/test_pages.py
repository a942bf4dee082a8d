"""What the pages say exists: files behind links, names, commands."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

import epmd
import ergopy
import etf
from ergopy.cli import COMMANDS
from tests.docs.pages import (
    DOCS,
    PAGES,
    PAGES_WITH_OUTPUT,
    ROOT,
    Block,
    blocks,
    title,
    without_blocks,
)

if TYPE_CHECKING:
    from pathlib import Path

LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")
PACKAGES = {"ergopy": ergopy, "etf": etf, "epmd": epmd}
PYTHON = [block for page in PAGES for block in blocks(page, "python")]
RUN = {
    "README.md": "counter.py",
    "docs/tutorial/1-hello.md": "hello.py",
    "docs/tutorial/3-pipeline.md": "keys.py",
    "docs/tutorial/4-travel.md": "trips.py",
    "docs/howto/logging.md": "shop.py",
    "docs/explain/what-a-beam-sees.md": "shop.py",
    "docs/howto/test-your-server.md": "test_counter.py",
    "docs/howto/without-epmd.md": "py.py",
    "docs/howto/tls.md": "py.py",
}
"""Programs to be saved as a file; each has a test of its own that runs it, some of them
beside a BEAM.

Those of pages that show their output are run by ``test_output``.
"""


def public(package: str) -> set[str]:
    module = PACKAGES[package]
    names = getattr(module, "__all__", None) or vars(module)
    return {n for n in names if not n.startswith("_")} | {"__version__", "__compiled__"}


def slug(heading: str) -> str:
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower().replace("`", ""))
    return kept.replace(" ", "-")


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", without_blocks(page), re.MULTILINE)
    return {slug(heading) for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(without_blocks(page)):
        if target.startswith(("https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert there.is_relative_to(ROOT), target
        if anchor:
            assert anchor in anchors(there), target


def test_every_page_is_in_the_index() -> None:
    index = DOCS / "index.md"
    listed = {(DOCS / target).resolve() for target in LINK.findall(index.read_text())}
    assert set(DOCS.rglob("*.md")) - {index} <= listed


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: block.name)
def test_python_of_the_pages_uses_only_names_that_exist(block: Block) -> None:
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    compile(block.text, block.name, "exec", flags=flags, dont_inherit=True)
    node = ergopy.Node("x@127.0.0.1", cookie="x")
    for item in ast.walk(ast.parse(block.text)):
        match item:
            case ast.ImportFrom(module=str(module), names=names) if module in PACKAGES:
                assert {name.name for name in names} <= public(module)
            case ast.Attribute(value=ast.Name(id=package), attr=name) if (
                package in PACKAGES
            ):
                assert name in public(package), name
            case ast.Attribute(value=ast.Name(id="node"), attr=name):
                assert hasattr(ergopy.Node, name) or hasattr(node, name), name
            case ast.Attribute(value=ast.Name(id="proc"), attr=name):
                assert hasattr(ergopy.Process, name), name


def test_programs_to_be_saved_are_those_that_tests_run() -> None:
    saved = {
        title(block.page): block.info.removeprefix("file=")
        for block in PYTHON
        if block.info and block.page not in PAGES_WITH_OUTPUT
    }
    assert saved == RUN


def test_commands_of_the_pages_exist() -> None:
    assert any(blocks(page, "console") for page in PAGES)
    page = (DOCS / "reference" / "command-line.md").read_text()
    for command in COMMANDS:
        assert f"| `ergopy {command}" in page
    for page in PAGES:
        text = page.read_text()
        for command in re.findall(r"(?m)(?:^\$ |`|bin/)ergopy ([a-z]\w+)", text):
            assert command in COMMANDS, f"{title(page)}: ergopy {command}"


def test_no_page_is_about_how_it_came_to_be() -> None:
    for page in PAGES:
        assert not re.search(r"/work\b|\.\./shared", page.read_text()), title(page)
