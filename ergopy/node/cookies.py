"""The cookies of a node, and where its own comes from when none is given."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, final

from ..errors import ErgopyError

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_LENGTH = 255


class CookieError(ErgopyError):
    """There is no usable cookie; the message says what to do."""


@final
class Cookies:
    """The cookie of a node, and others for some of its peers; ``erlang:set_cookie``.

    With each peer one cookie serves both directions. Not shown in any ``repr``.

    Raises:
        ValueError: One is impossible; it is not quoted.
    """

    def __init__(self, own: str, others: Mapping[str, str] | None = None) -> None:
        self.own = check_cookie(own)
        self._others = {
            peer: check_cookie(cookie) for peer, cookie in (others or {}).items()
        }

    def of(self, peer: str) -> str:
        """Return the cookie that *peer* and we have to prove."""
        return self._others.get(peer, self.own)

    def set_own(self, cookie: str) -> None:
        """Use another one with everybody else from the next handshake on."""
        self.own = check_cookie(cookie)

    def set(self, peer: str, cookie: str) -> None:
        """Use another one with *peer* from the next handshake on."""
        self._others[peer] = check_cookie(cookie)


def check_cookie(cookie: str) -> str:
    """Return *cookie*.

    Raises:
        ValueError: It cannot be one; it is not quoted.
    """
    try:
        fine = bool(cookie) and len(cookie.encode("latin-1")) <= _MAX_LENGTH
    except (UnicodeEncodeError, AttributeError):
        fine = False
    if not fine:
        raise ValueError("a cookie is a str of 1 to 255 characters, all Latin-1")
    return cookie


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
