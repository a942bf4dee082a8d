"""Python children of a supervisor of the BEAM that fail to start, or start late."""

from __future__ import annotations

import subprocess

import pytest

import etf
from ergopy import Atom

from .beam import which
from .servers import until
from .supervised import EXAMPLES, model, python_child, supervise

__all__ = ["model", "python_child", "supervise"]


@pytest.fixture(scope="session")
def impatient_child(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same as module ``impatient_child``, which hardly waits."""
    folder = tmp_path_factory.mktemp("impatient")
    text = (EXAMPLES / "python_child.erl").read_text("utf-8")
    for old, new in [
        ("-module(python_child)", "-module(impatient_child)"),
        ("-define(AWAY, 30)", "-define(AWAY, 0)"),
        ("-define(INIT, 10000)", "-define(INIT, 100)"),
    ]:
        assert text.count(old) == 1
        text = text.replace(old, new)
    source = folder / "impatient_child.erl"
    source.write_text(text)
    subprocess.run([which("erlc"), "-o", str(folder), str(source)], check=True)
    return str(folder)


@pytest.mark.parametrize(
    ("how", "outcome"),
    [
        ("ignore", ("ok", "undefined")),
        ("stop", "unfit"),
        ("raise", ("python", b"builtins.ValueError", b"unfit")),
    ],
)
async def test_init_that_fails_is_told_to_the_supervisor(
    node, model, supervise, how, outcome
):
    sup = await supervise(node.name)
    source = """
        Start = {python_child, start_link, [Py, model, [How]]},
        supervisor:start_child(Sup, #{id => other, start => Start})
    """
    got = await sup.run(source, Py=node.name, How=Atom(how))
    if how == "ignore":
        assert got == outcome
    else:
        kind, (why, _) = got
        assert kind == "error"
        assert (why[:3] if how == "raise" else why) == outcome
    assert await sup.call(Atom("hello")) == ("hello", None)


async def test_what_is_not_provided_is_no_child(beam, node, python_child):
    source = """
        true = code:add_patha(Folder),
        process_flag(trap_exit, true),
        python_child:start_link(Py, nothing, [1])
    """
    folder = etf.Charlist(python_child)
    error, (undef, [(module, function, args, _), *_]) = await beam.run(
        source, Py=node.name, Folder=folder
    )
    assert (error, undef) == ("error", "undef")
    assert (module, function, args) == ("nothing", "start_link", [1])


async def test_init_that_takes_too_long_is_killed(beam, node, model, impatient_child):
    source = """
        true = code:add_patha(Folder),
        process_flag(trap_exit, true),
        {impatient_child:start_link(Py, model, [hang]), ergopy_peer:flush(100)}
    """
    folder = etf.Charlist(impatient_child)
    before = len(node.runtime.processes)
    got = await beam.run(source, Py=node.name, Folder=folder)
    assert got == (("error", "timeout"), [])
    await until(lambda: len(node.runtime.processes) == before)


async def test_node_that_stays_away_is_an_error(beam, impatient_child):
    source = """
        true = code:add_patha(Folder),
        impatient_child:start_link('nobody@127.0.0.1', model, [])
    """
    folder = etf.Charlist(impatient_child)
    assert await beam.run(source, Folder=folder) == ("error", "noconnection")
