"""A device that keeps what is printed to it, and has the input that a test gives."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from ..services.io import IoDevice

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from etf import Pid

    from ..node.verbs import Verbs


class CapturedIo:
    """What was printed, and what there is to read."""

    def __init__(self, given: str) -> None:
        self.pid: Pid
        """The device: to print to, and to be a group leader."""
        self.text = ""
        """All that was put out."""
        self.prompts: list[str] = []
        """The prompts of requests for input."""
        self._lines = given.splitlines(keepends=True)
        self._more = trio.Event()
        self._closed = False

    def feed(self, text: str) -> None:
        """Give more input, in whole lines."""
        self._lines += text.splitlines(keepends=True)
        self._more.set()

    def close(self) -> None:
        """Put an end to the input: who reads more gets ``eof``."""
        self._closed = True
        self._more.set()

    async def line(self) -> str | None:
        """Wait for the next line."""
        while not self._lines and not self._closed:
            self._more = trio.Event()
            await self._more.wait()
        return self._lines.pop(0) if self._lines else None


class _Device(IoDevice):
    async def init(self, capture: CapturedIo, size: tuple[int, int] | None) -> None:
        self._capture = capture
        self._size = size

    async def put_chars(self, text: str) -> None:
        self._capture.text += text

    async def get_line(self, prompt: str) -> str | None:
        self._capture.prompts.append(prompt)
        return await self._capture.line()

    async def get_password(self, prompt: str) -> str | None:
        return await self._capture.line()

    def geometry(self) -> tuple[int, int] | None:
        return self._size


@asynccontextmanager
async def captured_io(
    node: Verbs,
    given: str | None = "",
    *,
    name: str | None = None,
    size: tuple[int, int] | None = None,
) -> AsyncIterator[CapturedIo]:
    """Run a device whose output the test sees, and whose input it gives.

    ``async with captured_io(node) as device``: ``device.pid`` is what to print to, as
    in ``io:format(Pid, ...)``, and may be made a group leader; ``device.text`` has what
    came. Leaving it ends the device.

    Args:
        node: Where it runs.
        given: The input; after it the input is at its end. None waits for
            ``device.feed(...)`` and ``device.close()``.
        name: A name for the device.
        size: Its columns and rows.

    Raises:
        AlreadyStarted: The name is in use.
    """
    capture = CapturedIo(given or "")
    if given is not None:
        capture.close()
    capture.pid = await node.start(_Device, capture, size, name=name)
    try:
        yield capture
    finally:
        with trio.CancelScope(shield=True):
            await node.exit(capture.pid, "kill")
