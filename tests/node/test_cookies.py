"""Where the cookie comes from."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

import ergopy
from ergopy.node.cookies import CookieError, default_files, read_cookie

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("ERGOPY_COOKIE", raising=False)
    return tmp_path


def write(file: Path, text: str, mode: int = 0o400) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "latin-1")
    file.chmod(mode)
    return file


def test_the_file_in_the_home_folder_is_the_first(home: Path) -> None:
    write(home / ".config/erlang/.erlang.cookie", "second")
    assert read_cookie() == "second"
    write(home / ".erlang.cookie", "first\n")
    assert read_cookie() == "first"


def test_the_configuration_folder_can_be_elsewhere(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "elsewhere"))
    write(home / "elsewhere/erlang/.erlang.cookie", "there")
    assert read_cookie() == "there"


def test_the_environment_goes_before_the_files(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(home / ".erlang.cookie", "file")
    monkeypatch.setenv("ERGOPY_COOKIE", "environment")
    assert read_cookie() == "environment"
    monkeypatch.setenv("ERGOPY_COOKIE", "")
    assert read_cookie() == "file"


def test_a_given_file_goes_before_all(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ERGOPY_COOKIE", "environment")
    assert read_cookie(write(home / "mine", "given")) == "given"


def test_no_cookie_says_where_to_put_one() -> None:
    with pytest.raises(CookieError) as caught:
        read_cookie()
    for place in ("cookie=", "ERGOPY_COOKIE", *map(str, default_files())):
        assert place in str(caught.value)


@pytest.mark.parametrize("mode", [0o440, 0o404, 0o644, 0o420])
def test_a_file_that_others_can_read_is_refused_as_by_erl(
    home: Path, mode: int
) -> None:
    file = write(home / ".erlang.cookie", "sesame", mode)
    with pytest.raises(CookieError, match="chmod 400") as caught:
        read_cookie()
    assert "sesame" not in str(caught.value)
    file.chmod(0o600)
    assert read_cookie() == "sesame"


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_file_is_refused(home: Path, text: str) -> None:
    write(home / ".erlang.cookie", text)
    with pytest.raises(CookieError, match="empty"):
        read_cookie()


def test_what_cannot_be_read_is_named(home: Path) -> None:
    (home / ".erlang.cookie").mkdir()
    with pytest.raises(CookieError, match="cannot read"):
        read_cookie()
    with pytest.raises(CookieError, match="nowhere"):
        read_cookie(home / "nowhere")


def test_a_dangling_link_is_an_error_and_no_way_to_another_file(home: Path) -> None:
    os.symlink(home / "nowhere", home / ".erlang.cookie")
    write(home / ".config/erlang/.erlang.cookie", "second")
    with pytest.raises(CookieError, match="cannot read"):
        read_cookie()


def test_a_node_reads_the_file_when_it_is_given_none(home: Path) -> None:
    with pytest.raises(CookieError):
        ergopy.Node("a@127.0.0.1")
    write(home / ".erlang.cookie", "sesame")
    assert "sesame" not in repr(ergopy.Node("a@127.0.0.1"))
