"""Making the file of a log, and the folders above it."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def prepared(path: Path) -> Iterator[None]:
    """Make the file and the folders above it, if need be, for this user alone.

    Nobody else is in this block for a file of that folder: SQLite does not bear two
    that give an empty file its form at the same time.
    """
    make_folders(path)
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Never open one that is there: closing it would take away the locks that
        # SQLite has on it for another thread of this process.
        if not path.exists():
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            os.close(os.open(path, flags, 0o600))
        yield
    finally:
        os.close(descriptor)


def can_be_made(path: Path) -> bool:
    """Tell whether the file is there, or can be made."""
    if path.exists():
        return True
    folder = next(folder for folder in path.parents if folder.exists())
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def make_folders(path: Path) -> None:
    """Make the folders above a file, if need be, for this user alone."""
    for folder in (*reversed(path.parent.parents), path.parent):
        if not folder.exists():
            _make(folder)


def _make(folder: Path) -> None:
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    # It is there after a loss of power once the folder above it is safe.
    descriptor = os.open(folder.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
