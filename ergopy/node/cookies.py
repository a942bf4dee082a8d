"""Where the cookie comes from when none is given: the file that ``erl`` uses."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ..errors import ErgopyError


class CookieError(ErgopyError):
    """There is no usable cookie; the message says what to do."""


def default_files() -> list[Path]:
    """Return the places where ``erl`` looks for its cookie file, in its order."""
    config = os.environ.get("XDG_CONFIG_HOME")
    home = Path.home()
    base = Path(config) if config else home / ".config"
    return [home / ".erlang.cookie", base / "erlang" / ".erlang.cookie"]


def read_cookie(path: str | os.PathLike[str] | None = None) -> str:
    """Read a cookie file; without *path*, ``ERGOPY_COOKIE`` or the one of ``erl``.

    Raises:
        CookieError: No such file, others can read it, or it is empty.
    """
    if path is None:
        if cookie := os.environ.get("ERGOPY_COOKIE"):
            return cookie
        for file in default_files():
            if os.path.lexists(file):
                return _read(file)
        places = " or ".join(str(file) for file in default_files())
        raise CookieError(
            f"no cookie: pass cookie=, set ERGOPY_COOKIE, or put one in {places}"
        )
    return _read(Path(path))


def _read(file: Path) -> str:
    try:
        mode = file.stat().st_mode
        cookie = file.read_text("latin-1").strip()
    except OSError as error:
        raise CookieError(f"cannot read the cookie file {file}: {error}") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise CookieError(
            f"the cookie file {file} can be read by others; chmod 400 {file}"
        )
    if not cookie:
        raise CookieError(f"the cookie file {file} is empty")
    return cookie
