"""Where certificates and keys lie, and how they are written."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..errors import TlsFileError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

CERTIFICATE = "cert.pem"
KEY = "key.pem"
AUTHORITY = "ca.pem"
AUTHORITY_KEY = "ca.key"
OPTIONS = "ssl_dist.conf"

_SECRET, _PUBLIC = 0o600, 0o644


def refuse_existing(paths: Iterable[Path], *, force: bool) -> None:
    """Do not let a file be replaced that nobody said to replace.

    Raises:
        TlsFileError: One of *paths* exists.
    """
    for path in paths:
        if not force and os.path.lexists(path):
            raise TlsFileError(path, "it exists already; --force replaces it")


def write(path: Path, data: bytes, *, secret: bool = False) -> None:
    """Write a file as a whole or not at all; a *secret* one for its owner only.

    Raises:
        TlsFileError: It cannot be written.
    """
    mode = _SECRET if secret else _PUBLIC
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.unlink(missing_ok=True)
        # Created with its mode: at no time can others read a key.
        with os.fdopen(
            os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb"
        ) as file:
            file.write(data)
        new.replace(path)
    except OSError as error:
        raise TlsFileError(path, f"cannot be written: {error.strerror}") from error


def read(path: Path, instead: str = "") -> bytes:
    """Read a file; *instead* says what to do if there is none.

    Raises:
        TlsFileError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        hint = f": {instead}" if instead else ""
        raise TlsFileError(path, f"there is no such file{hint}") from None
    except OSError as error:
        raise TlsFileError(path, f"cannot be read: {error.strerror}") from error
