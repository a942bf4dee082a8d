"""``sys:change_code`` on a supervisor: ``init`` is asked anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ergopy import IGNORE, Atom, ChildSpec, Supervisor, SupervisorSpec, sys
from tests.gen.supervisor.kit import CRASH, Kid
from tests.runtimes import settle

if TYPE_CHECKING:
    from tests.gen.supervisor.kit import Sup

OLD_VSN = Atom("1")


class Changing(Supervisor):
    """Has the children, and the flags, that the test says at the moment."""

    now: Any

    async def init(self, *args: Any) -> Any:
        return type(self).now


async def start(sup: Sup, now: Any) -> type[Changing]:
    made: type[Changing] = type("Made", (Changing,), {"now": now})
    sup.pid = await sup.root.start(made)
    return made


async def change(sup: Sup) -> Any:
    by: Any = {"caller": sup.root}
    await sys.suspend(sup.pid, **by)
    try:
        return await sys.change_code(sup.pid, "mod", OLD_VSN, [], **by)
    except sys.SysError as error:
        return error
    finally:
        await sys.resume(sup.pid, **by)


async def test_children_that_are_there_go_on_under_new_specifications(
    sup: Sup,
) -> None:
    made = await start(sup, [sup.kid("a"), sup.kid("b"), sup.kid("c")])
    a = await sup.child("a")
    again = sup.kid("a", restart="temporary")
    made.now = SupervisorSpec([sup.kid("n"), again], strategy="one_for_all")
    assert not isinstance(await change(sup), Exception)
    names = await sup.names()
    assert list(names) == ["c", "b", "a", "n"]
    assert (names["a"], names["n"]) == (a, "undefined")
    assert (await sup.ask("restart_child", Atom("n")))[0] == "ok"
    await sup.end("a", CRASH)
    assert "a" not in await sup.names()
    sup.forget()
    await sup.end("n", CRASH)
    ups = [entry[1] for entry in sup.forget() if entry[0] == "up"]
    assert ups == ["n", "b", "c"]


async def test_restarts_that_were_counted_stay_counted(sup: Sup) -> None:
    made = await start(sup, [sup.kid("a")])
    await sup.end("a", CRASH)
    made.now = SupervisorSpec([sup.kid("a")], intensity=1)
    await change(sup)
    await sup.end("a", CRASH)
    assert not sup.alive


async def test_what_makes_no_sense_changes_nothing(sup: Sup) -> None:
    made = await start(sup, [sup.kid("a")])
    for now in (
        7,
        [sup.kid("a"), sup.kid("a")],
        [7],
        SupervisorSpec([sup.kid("a")], strategy="simple_one_for_one"),
    ):
        made.now = now
        assert isinstance(await change(sup), Exception)
        assert list(await sup.names()) == ["a"]


async def test_ignore_changes_nothing(sup: Sup) -> None:
    made = await start(sup, [sup.kid("a")])
    made.now = IGNORE
    assert not isinstance(await change(sup), Exception)
    assert list(await sup.names()) == ["a"]


async def test_the_template_of_simple_one_for_one_can_change(sup: Sup) -> None:
    simple = {"strategy": "simple_one_for_one"}
    spec = ChildSpec(Kid, sup.log, id="kid")
    made = await start(sup, SupervisorSpec([spec], **simple))
    _, pid = await sup.ask("start_child", [b"x"])
    made.now = SupervisorSpec([spec.replace(restart="temporary")], **simple)
    assert not isinstance(await change(sup), Exception)
    await sup.root.exit(pid, "kill")
    await settle()
    assert await sup.ask("which_children") == []
    made.now = SupervisorSpec([spec, spec], **simple)
    assert isinstance(await change(sup), Exception)
