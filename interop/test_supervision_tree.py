"""The supervision trees of a BEAM, as we see them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import trio

from ergopy import supervisor

if TYPE_CHECKING:
    import ergopy

    from .beam import Beam


async def test_the_tree_of_a_supervisor_there_can_be_asked_for(
    beam: Beam, node: ergopy.Node
) -> None:
    tree = await supervisor.ask_tree(("kernel_sup", beam.name), caller=node)
    ids = {child.shown_id: child for child in tree.children}
    assert ids["kernel_safe_sup"].kind == "supervisor"
    assert ids["rex"].kind == "worker"
    assert ids["rex"].pid == await beam.run("whereis(rex)")
    # In the order of their start, which is not that of which_children.
    order = await beam.run(
        "lists:reverse([Id || {Id, _, _, _} <- supervisor:which_children(kernel_sup)])"
    )
    assert [child.id for child in tree.children] == order


async def test_the_command_shows_the_tree_of_each_application(
    beam: Beam, node: ergopy.Node, cookie: str, epmd: Any
) -> None:
    done = await trio.run_process(
        [sys.executable, "-m", "ergopy", "tree", beam.name],
        env={"ERGOPY_COOKIE": cookie, "ERL_EPMD_PORT": str(epmd.port)},
        capture_stdout=True,
        capture_stderr=True,
        check=False,
    )
    text = done.stdout.decode()
    assert done.returncode == 0, done.stderr
    assert text.startswith(("kernel supervisor <", "stdlib"))
    assert "─ rex worker <" in text
