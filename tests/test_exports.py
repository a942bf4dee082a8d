"""The public names: each can be had, and what type checkers see is what there is."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import epmd
import ergopy
import etf


def imports(module: Any) -> dict[str, str]:
    """What the ``__init__`` of a package re-exports, and from where."""
    tree = ast.parse(Path(inspect.getsourcefile(module) or "").read_text("utf-8"))
    return {
        name.asname: f"{'.' * item.level}{item.module or ''}"
        for item in ast.walk(tree)
        if isinstance(item, ast.ImportFrom)
        for name in item.names
        if name.asname == name.name and not name.name.startswith("_speedups")
    }


def test_all_of_ergopy_is_what_type_checkers_see() -> None:
    assert len(set(ergopy.__all__)) == len(ergopy.__all__)
    assert set(ergopy.__all__) == imports(ergopy).keys()


@pytest.mark.parametrize("name", ergopy.__all__)
def test_a_name_of_ergopy_can_be_imported_and_is_listed(name: str) -> None:
    assert getattr(ergopy, name) is not None
    assert name in dir(ergopy)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nod'"):
        ergopy.Nod  # noqa: B018


@pytest.mark.parametrize("module", [etf, epmd], ids=["etf", "epmd"])
def test_re_exports_of_the_other_packages_are_there_and_say_what_they_are(
    module: Any,
) -> None:
    names = imports(module).keys()
    assert len(names) > 20
    for name in names:
        thing = getattr(module, name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            assert inspect.getdoc(thing), name


def test_classes_of_ergopy_say_what_they_are() -> None:
    for name in ergopy.__all__:
        thing = getattr(ergopy, name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            assert inspect.getdoc(thing), name


def test_importing_ergopy_does_not_import_trio() -> None:
    code = "import sys, ergopy; sys.exit('trio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
