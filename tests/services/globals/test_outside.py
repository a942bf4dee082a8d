"""Who takes no part, and what is no message of ``global``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ergopy import Atom, NameTaken, NoProcess
from ergopy.errors import NamesNotKept

from .together import DESK, Desk, owners, settled

if TYPE_CHECKING:
    from ergopy import Node
    from ergopy.testing import MemoryNetwork

    Cluster = list[Node]


@pytest.mark.parametrize("options", [{"hidden": True}, {"global_": "observe"}])
async def test_where_names_are_not_kept(
    network: MemoryNetwork, options: Any, autojump_clock: object
) -> None:
    async with network.node("a", answers="all") as a, network.node("o", **options) as o:
        with pytest.raises(NamesNotKept, match="no other node is connected"):
            await o.globals.lookup(DESK)
        await o.connect(a.name)
        await a.globals.sync()
        pid = await o.start(Desk)
        await o.globals.register(DESK, pid)
        assert a.globals.whereis(DESK) == pid
        with pytest.raises(NameTaken):
            await o.globals.register(DESK, o.pid)
        for refused in (lambda: o.globals.whereis(DESK), o.globals.names):
            with pytest.raises(NamesNotKept):
                refused()
        assert await o.globals.lookup(DESK) == pid
        assert await o.call(("global", DESK), 5) == 5
        await o.cast(("global", DESK), 1)
        await o.send([("global", DESK), pid], 2)
        assert await o.call(pid, Atom("heard")) == [1, 2, 2]
        with pytest.raises(NoProcess):
            await o.call(("global", Atom("nobody")), 1)
        assert await o.globals.set_lock((DESK, 1))
        assert not await a.globals.set_lock((DESK, 2), retries=0)
        await o.stop(("global", DESK))
        assert await o.globals.lookup(DESK) is None
        assert o.name not in a.globals.known()


async def test_what_is_no_message_of_global_harms_nobody(
    cluster: Cluster, autojump_clock: object
) -> None:
    a, b, _ = cluster
    pid = await a.start(Desk, name=("global", DESK))
    server = ("global_name_server", a.name)
    cast = Atom("$gen_cast")
    rubbish: list[Any] = [
        1,
        b"new_nodes",
        (b"nodedown", a.name),
        (Atom("remove_connection"), 1),
        (Atom("lost_connection"), a.name, [], "x", a.name),
        (Atom("init_connect_ack"), b.name, {}, b"x"),
        (Atom("cancel_connect"), b.name, b"x"),
        (Atom("whereis"), DESK, Atom("nobody")),
        (cast, (Atom("init_connect"), 8, b.name, 1)),
        (cast, (Atom("init_connect"), (8, {}), b.name, (1, 2, 3, b.pid))),
        (cast, (Atom("new_nodes"), b.name, [1, (2, 3)], 5, [{}, b"a@b"], 7)),
        (cast, (Atom("new_nodes"), 1, [], [], [], [])),
        (cast, (Atom("exchange"), [], [], [], 1)),
        (cast, (Atom("exchange"), b.name, 1, [], {})),
        (cast, (Atom("resolved"), b.name, 1, 2, 3, 4, 5)),
        (cast, (Atom("lock_is_set"), [], 1, 1)),
        (cast, (Atom("lock_set"), b.pid, True, [], 1)),
        (cast, (Atom("lock_set"), b.pid, True, [])),
        (cast, (Atom("in_sync"), {}, True)),
        (cast, b"in_sync"),
    ]
    for message in rubbish:
        await b.send(server, message)
    for request in (
        (Atom("set_lock"), 1),
        (Atom("register"), 1, 2, 3),
        (Atom("sync"), 1),
    ):
        assert await b.call(server, request) == (Atom("error"), Atom("badarg"))
    assert await b.call(server, Atom("get_protocol_version")) == 8
    assert await b.call(("global", DESK), 1) == 1
    assert owners(cluster, DESK) == {pid}
    await settled(*cluster)
