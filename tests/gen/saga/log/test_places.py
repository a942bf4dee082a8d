"""Where logs are by default."""

from __future__ import annotations

from pathlib import Path

import pytest

from ergopy.gen.saga.log import default_path

FOLDER = Path("/home/joe/.local/state/ergopy/sagas")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/joe")
    monkeypatch.delenv("ERGOPY_SAGA_LOG", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)


def test_it_is_in_the_home_folder() -> None:
    assert default_path("py@127.0.0.1") == FOLDER / "py@127.0.0.1.db"


@pytest.mark.parametrize(
    ("value", "folder"),
    [
        ("/state", Path("/state/ergopy/sagas")),
        ("state", FOLDER),  # relative paths do not count
        ("", FOLDER),
    ],
)
def test_it_is_where_the_desktop_says(
    monkeypatch: pytest.MonkeyPatch, value: str, folder: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", value)
    assert default_path("py@host") == folder / "py@host.db"


def test_a_variable_names_another_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERGOPY_SAGA_LOG", "~/sagas.db")
    assert default_path("py@host") == Path("/home/joe/sagas.db")
    monkeypatch.setenv("ERGOPY_SAGA_LOG", "")
    assert default_path("py@host").parent == FOLDER


@pytest.mark.parametrize(
    "name", ["../../etc/x", "/x", "a\0b", "ü@host", "\ud800", "", ".", "x" * 255]
)
def test_any_name_becomes_a_file_in_that_folder(name: str) -> None:
    path = default_path(name)
    assert path.parent == FOLDER
    assert path.name.isascii()
    assert path.name.isprintable()
    assert len(path.name) < 220


def test_long_names_do_not_become_the_same_file() -> None:
    assert default_path("x" * 254 + "a") != default_path("x" * 254 + "b")
