"""Make the captures in this folder again: ``python -m tests.data.globals.capture``.

Three BEAMs on loopback, ``a`` and ``c`` of one release and ``b`` of the other, join,
register names, lose each other and meet again with conflicts. ``global.json`` has what
the name server of each got and sent in each chapter, in the order of that node:
``["in", message]``, or ``["out", to, message]``, with terms as BEAMs encode them.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import trio

from etf import Atom
from interop.beam import Epmd, compile_peer
from interop.clusters.python import Member

HERE = Path(__file__).parent
NAMES = {"a": "otp25", "b": "otp28", "c": "otp25"}

TRACE = """
    Server = whereis(global_name_server),
    Encode = fun(T) -> term_to_binary(T) end,
    Loop = fun Loop(Seen) ->
        receive
            {trace, Server, 'receive', {code_server, _}} -> Loop(Seen);
            {trace, Server, 'receive', M} -> Loop([{in, Encode(M)} | Seen]);
            {trace, _, send, _, To} when is_pid(To), node(To) =:= node() -> Loop(Seen);
            {trace, Server, send, _, code_server} -> Loop(Seen);
            {trace, Server, send, M, To} -> Loop([{out, Encode(To), Encode(M)} | Seen]);
            {trace, _, _, _, _} -> Loop(Seen);
            {take, From} -> From ! {seen, lists:reverse(Seen)}, Loop([])
        end
    end,
    Tracer = spawn(fun() -> Loop([]) end),
    register(capture, Tracer),
    erlang:trace(Server, true, ['receive', send, {tracer, Tracer}])
"""
TAKE = "capture ! {take, self()}, receive {seen, Seen} -> Seen end"
QUIET = 0.5


class Capture:
    """The nodes, and what each chapter gave."""

    def __init__(self, beams: dict[str, Member]) -> None:
        self.beams = beams
        self.chapters: dict[str, Any] = {}

    async def take(self, chapter: str) -> None:
        """End a chapter."""
        await trio.sleep(QUIET)
        self.chapters[chapter] = {
            name: [
                [str(kind), *(bytes(term).hex() for term in terms)]
                for kind, *terms in await beam.run(TAKE)
            ]
            for name, beam in self.beams.items()
        }

    async def run(self) -> None:
        a, b, c = self.beams.values()
        for beam in (a, b, c):
            await beam.run(TRACE)
        mine = {beam: await beam.do("holder") for beam in (a, b, c)}
        assert await a.do("register", Atom("of_a"), mine[a]) == "yes"
        await self.take("alone")
        await a.do("connect", b.name)
        await self.take("two join")
        await c.do("connect", a.name)
        await self.take("a third joins")
        assert await b.do("register", Atom("of_b"), mine[b], Atom("none")) == "yes"
        await self.take("register")
        assert await c.do("re_register", Atom("of_b"), mine[c]) == "yes"
        await self.take("re_register")
        assert await a.do("unregister", Atom("of_b"))
        await self.take("unregister")
        assert await b.do("register", Atom("dies"), mine[b]) == "yes"
        await b.do("kill", mine[b])
        await self.take("the process of a name ends")
        assert await a.do("ask", mine[a], (Atom("lock"), (Atom("lock"), 1)))
        await self.take("set_lock")
        assert not await c.do("is_free", Atom("lock"))
        await self.take("set_lock of another requester")
        assert await a.do("ask", mine[a], (Atom("unlock"), (Atom("lock"), 1)))
        await self.take("del_lock")
        assert await a.do("sync") == "ok"
        await self.take("sync")
        await a.do("disconnect", b.name)
        await self.take("a disconnects b")
        for beam in (a, b, c):
            for other in await beam.do("members"):
                await beam.do("disconnect", other)
        await self.take("all are apart")
        for name, method in (
            ("exit", "random_exit"),
            ("notify", "random_notify"),
            ("none", "none"),
            ("smaller", "smaller"),
        ):
            for beam in (a, b):
                pid = await beam.do("holder")
                await beam.do("register", Atom(name), pid, Atom(method))
        await self.take("names of the same")
        await a.do("connect", b.name)
        await self.take("two meet with conflicts")


async def main() -> None:
    epmd = Epmd()
    beams: dict[str, Member] = {}
    try:
        with tempfile.TemporaryDirectory() as folder:
            code = compile_peer(Path(folder))
            for name, kind in NAMES.items():
                beams[name] = Member(
                    kind,
                    code=code,
                    folder=Path(folder),
                    epmd_port=epmd.port,
                    cookie="capture",
                    name=f"{name}@127.0.0.1",
                )
            capture = Capture(beams)
            await capture.run()
    finally:
        for beam in beams.values():
            beam.stop()
        epmd.stop()
    text = json.dumps(capture.chapters, indent=0)
    (HERE / "global.json").write_text(text + "\n")


if __name__ == "__main__":
    trio.run(main)
