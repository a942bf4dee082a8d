"""Which process of the system has the records of a saga.

Two nodes of the same name, a copy of a program or one that hangs while another was
started in its place, would go on with the same transactions, and decide differently. So
a process locks the sagas whose records it has; the lock goes with the process, however
that ends. It is on one byte of a file beside the log, since closing the log itself
anywhere in the process would end such locks, and those of SQLite.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections import Counter
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Final, final

from ....errors import SagaLogError
from .making import make_folders

_TRIES: Final = 50
_PAUSE: Final = 0.001
"""Seconds between two tries: one that was killed may not be quite gone."""


@final
class _Locks:
    """The file with the locks of one log, open as long as a saga has one."""

    def __init__(self, path: Path) -> None:
        make_folders(path)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        self._descriptor = os.open(f"{path}-lock", flags, 0o600)
        self.users: Counter[str] = Counter()

    def take(self, saga: str) -> bool:
        for _ in range(_TRIES):
            with suppress(BlockingIOError, PermissionError):
                self._do(fcntl.LOCK_EX | fcntl.LOCK_NB, saga)
                return True
            time.sleep(_PAUSE)
        return False

    def give(self, saga: str) -> None:
        self._do(fcntl.LOCK_UN, saga)

    def close(self) -> None:
        os.close(self._descriptor)

    def _do(self, how: int, saga: str) -> None:
        digest = blake2b(saga.encode(), digest_size=8).digest()
        # No system has a place behind that.
        fcntl.lockf(self._descriptor, how, 1, int.from_bytes(digest, "big") >> 2)


_guard = threading.Lock()
_all: dict[Path, _Locks] = {}


def own(path: Path, saga: str) -> None:
    """Take the records of *saga*, also if this process has them; ``disown`` it.

    Raises:
        SagaLogError: Another process has them.
    """
    path = Path(os.path.realpath(path))
    with _guard:
        try:
            locks = _all.get(path) or _all.setdefault(path, _Locks(path))
        except OSError:
            # Whoever opens the log itself hears why.
            return
        if locks.users[saga] or locks.take(saga):
            locks.users[saga] += 1
        else:
            _tidy(path, locks, saga)
            raise SagaLogError(path, f"{saga} is run by another process")


def disown(path: Path, saga: str) -> None:
    """Give them back, once for each ``own``."""
    path = Path(os.path.realpath(path))
    with _guard:
        locks = _all.get(path)
        if locks is not None and locks.users[saga]:
            locks.users[saga] -= 1
            _tidy(path, locks, saga)


def check_not_owned(path: Path, saga: str) -> None:
    """Raise SagaLogError if another process has the records; nothing is made.

    It may have a saga before its first record is in the file, or the file is there.
    """
    if os.path.exists(f"{os.path.realpath(path)}-lock"):
        own(path, saga)
        disown(path, saga)


def _tidy(path: Path, locks: _Locks, saga: str) -> None:
    if not locks.users[saga]:
        del locks.users[saga]
        locks.give(saga)
    if not locks.users:
        del _all[path]
        locks.close()


def _begin_again() -> None:
    """Have nothing, in a process that was forked: locks stay with the other one."""
    for locks in _all.values():
        locks.close()
    _all.clear()


os.register_at_fork(after_in_child=_begin_again)
