"""What a BEAM once said over a bare link, said again to processes of Python.

``tests/data`` has the bytes, and how they were made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import etf
from ergopy.dist.flags import OFFERED_HIDDEN, WITH_HEADER
from ergopy.dist.link import LinkDecoder
from ergopy.node.dispatch import Dispatcher
from etf import Atom
from tests.node.fakes import FakePeer
from tests.runtimes import settle

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime

SENDS = (2, 22)


class Replay:
    """A link to the BEAM of a capture."""

    def __init__(self, runtime: Runtime, about: dict[str, Any]) -> None:
        self._fake = FakePeer(runtime, Atom(about["beam"]))
        flags = OFFERED_HIDDEN & ~WITH_HEADER
        self._fake.connect(flags, about["creation"])
        self._decoder = LinkDecoder(header=False)
        self._dispatcher = Dispatcher(self._fake.peer, runtime, lambda *_: None)
        self._said: list[Any] = []
        self._renamed: list[tuple[bytes, bytes]] = []

    def rename(self, captured: Any, now: Any) -> None:
        """Take *now* for a pid or a reference from here on."""
        # Without the version, which is there only at the start of a whole term.
        pair = (etf.encode(captured)[1:], etf.encode(now)[1:])
        self._renamed.append(pair)

    def term(self, captured: str) -> bytes:
        data = bytes.fromhex(captured)
        for old, new in self._renamed:
            data = data.replace(old, new)
        return data

    async def receive(self, control: str, message: str) -> None:
        """Have a packet come in."""
        body = b"p" + self.term(control) + self.term(message)
        packet = len(body).to_bytes(4, "big") + body
        self._dispatcher.deliver(self._decoder.receive_data(packet))
        assert self._decoder.error is None
        await settle()

    def said(self) -> Any:
        """The next message that has gone out."""
        self._said += [sent[3] for sent in self._fake.sent() if sent[0] in SENDS]
        return self._said.pop(0)

    def is_quiet(self) -> bool:
        """Whether no message has gone out that was not looked at."""
        return not self._said and not any(s[0] in SENDS for s in self._fake.sent())
