"""The program of "What a BEAM sees", looked at from another node."""

from __future__ import annotations

from ergopy import Atom
from tests.docs.pages import DOCS, program

PAGE = DOCS / "explain" / "what-a-beam-sees.md"
PY = "py@127.0.0.1"
DASHBOARD = "Elixir.Phoenix.LiveDashboard.SystemInfo"


async def test_the_shop_is_seen_as_the_page_shows(peer, start, tmp_path) -> None:
    file = tmp_path / "shop.py"
    file.write_text(program(PAGE))
    async with start(file) as running:
        assert await running.line() == f"{PY} is up"
        till = await peer.rpc(PY, "erlang", "whereis", [Atom("till")])
        asked = [Atom("reductions"), Atom("links"), Atom("status")]
        told = dict(await peer.rpc(PY, "erlang", "process_info", [till, asked]))
        assert list(told) == asked
        assert len(told["links"]) == 1
        info = {Atom("running"), Atom("waiting")}
        assert told["status"] in info
        _, stack = await peer.rpc(
            PY, "erlang", "process_info", [till, Atom("backtrace")]
        )
        assert b"await self._serve(process, started)" in stack
        arguments = [None, Atom("reductions"), Atom("desc"), 2, None]
        rows, _, _ = await peer.rpc(PY, DASHBOARD, "processes_callback", arguments)
        names = {dict(row)["name_or_initial_call"] for row in rows}
        assert names == {b":till", b":customer"}
        _, tree = await peer.rpc(PY, DASHBOARD, "app_tree_callback", [Atom("shop")])
        ((_, (top,)),) = tree
        assert [child[0][2] for child in top[1]] == ["till", []]
