"""Put together what a read request wants from the lines that are typed.

``get_until`` names a function that knows when there is enough: for a shell that is
Erlang's scanner. It runs on the node of whoever asks, by ``io_lib:get_until``, with all
the text so far each time; nothing of it runs here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom, Pid, Reference

from ...errors import RpcError
from ...process.atoms import ERROR
from ..io.chars import codes, text
from ..io.protocol import codec
from ..io.reading import EOF, encoded
from ..io.requests import prompt_text

if TYPE_CHECKING:
    import trio

    from ...process.process import Process
    from ..io.protocol import Read
    from .options import Options

SECONDS = 30.0
"""How long the node has to say whether there is enough."""
_START = Atom("start")
_CONTINUED = ".. "


class Reading:
    """One request for input, from when it came until it is answered."""

    def __init__(self, wanted: Read, sender: Pid | Reference, reply_as: Any) -> None:
        self.wanted = wanted
        self.sender = sender
        self.reply_as = reply_as
        self.text = ""
        """What has been typed for it."""
        self.unseen = False
        """Whether some of that has not been looked at yet."""
        self.draft = ""
        self._ended = False
        self.reply: Any = None
        """The answer, once there is one; no answer is None."""
        self.rest = ""
        """What was typed and is not part of the answer."""
        self.watch: Reference | None = None
        self.scope: trio.CancelScope | None = None

    def prompt(self) -> str:
        """Return what stands before the line: less from the second one on."""
        first = prompt_text(self.wanted.prompt, self.wanted.encoding)
        if not self.text or self.wanted.what != "until":
            return first
        width = len(first.rpartition("\n")[2])
        return _CONTINUED.rjust(width)

    def end(self) -> None:
        """Hear that there is no more input."""
        self._ended = self.unseen = True

    def give(self, reply: Any) -> None:
        """Make that the reply, whatever was typed."""
        self.text = self.rest = ""
        self.reply = reply

    async def look(self, process: Process, options: Options) -> None:
        """Make the reply, if what was typed is enough for it."""
        wanted = self.wanted
        match wanted.what:
            case _ if self._ended and not self.text.strip():
                self.reply = EOF
            case "line":
                self.reply = self._cast(self.text, options)
            case "password":
                self.reply = codes(self.text.removesuffix("\n"))
            case "chars" if len(self.text) >= wanted.size or self._ended:
                taken, self.rest = _cut(self.text, wanted.size)
                self.reply = self._cast(taken, options)
            case "until":
                await self._until(process, options)
        self.unseen = False

    def _cast(self, characters: str, options: Options) -> Any:
        encoding = self.wanted.encoding
        return encoded(characters, encoding=encoding, binary=options.binary)

    async def _until(self, process: Process, options: Options) -> None:
        assert self.wanted.call is not None
        refusal = (ERROR, self.wanted.call[1])
        encoding = self.wanted.encoding
        data = self._cast(self.text, options)
        if isinstance(data, tuple):
            self.reply = refusal
            return
        args = [_START, data, encoding, self.wanted.call]
        try:
            answer = await process.rpc(
                self.sender.node, "io_lib", "get_until", args, SECONDS
            )
        except RpcError:
            self.reply = refusal
            return
        match answer:
            case (Atom("stop"), result, rest):
                self.reply = result
                self.rest = text(rest, codec(encoding)) or ""
            case _ if self._ended:
                self.reply = EOF


def _cut(characters: str, count: int) -> tuple[str, str]:
    return characters[:count], characters[count:]
