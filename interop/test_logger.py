"""Logs over the boundary: Python's records in a BEAM's logger, and its events here.

The program of the page is run as it stands, and so is the Erlang handler there.
"""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trio

from ergopy import Atom, BeamLogHandler, ChildSpec, GenServer, Node, Supervisor

from .beam import unique_name, which
from .servers import until

PAGE = Path(__file__).parents[1] / "docs" / "howto" / "logging.md"

LISTEN = """
    Me = self(),
    Log = fun(#{level := Level, msg := Msg, meta := Meta} = Event, _) ->
        #{meta := #{pid := Pid}} = Event,
        How = #{legacy_header => true, single_line => false},
        Text = unicode:characters_to_binary(logger_formatter:format(Event, How)),
        logger_test ! {Level, Msg, maps:without([report_cb], Meta), Pid, Text},
        stop
    end,
    register(logger_test, spawn(fun() ->
        Me ! ready,
        (fun Keep(Events) ->
            receive
                {fetch, Who} -> Who ! {events, lists:reverse(Events)}, Keep(Events);
                Event -> Keep([Event | Events])
            end
        end)([])
    end)),
    receive ready -> ok end,
    ok = logger:add_primary_filter(logger_test, {Log, []})
"""
FETCH = "logger_test ! {fetch, self()}, receive {events, Events} -> Events end"
DONE = """
    logger:remove_primary_filter(logger_test),
    exit(whereis(logger_test), kill)
"""


class Kid(GenServer):
    async def handle_cast(self, request: Any) -> None:
        raise ValueError("as you wish")


@pytest.fixture
def python_logger():
    """The logger of a program, with a handler that is taken away again."""
    logger = logging.getLogger("shop.orders")
    logger.setLevel(logging.DEBUG)
    handlers: list[logging.Handler] = []

    def install(handler: logging.Handler) -> logging.Logger:
        handlers.append(handler)
        for one in (logger, logging.getLogger("ergopy")):
            one.addHandler(handler)
        return logger

    yield install
    logger.setLevel(logging.NOTSET)
    for handler in handlers:
        for one in (logger, logging.getLogger("ergopy")):
            one.removeHandler(handler)


async def fetched(beam: Any, count: int) -> list[Any]:
    """The first events that the other node has logged, once there are so many."""
    with trio.fail_after(10):
        while True:
            events = await beam.run(FETCH)
            if len(events) >= count:
                return events


async def test_records_and_reports_are_events_of_the_other_node(
    beam, node, python_logger
):
    await node.ping(beam.name)
    await beam.run(LISTEN)
    handler = BeamLogHandler(node, beam.name)
    logger = python_logger(handler)
    try:
        logger.warning("order %d is late \u2603", 7)
        await node.start(Supervisor, [ChildSpec(Kid, name="kid")], name="top")
        kid = node.whereis("kid")
        await node.cast("kid", 1)
        text, crash, child = await fetched(beam, 3)
    finally:
        await beam.run(DONE)
    level, message, meta, pid, shown = text
    assert (level, message[0]) == ("warning", "string")
    assert message[1] == "order 7 is late \u2603".encode()
    assert pid == node.pid
    assert (meta["logger"], meta["node"]) == ("shop.orders", node.name)
    assert meta["gl"].node == beam.name
    assert shown.startswith(b"=WARNING REPORT====")
    assert "order 7 is late \u2603".encode() in shown
    level, (kind, report), meta, pid, shown = crash
    assert (level, kind, pid) == ("error", "report", kid)
    assert report["label"] == (Atom("proc_lib"), Atom("crash"))
    assert shown.startswith(b"=CRASH REPORT====")
    for line in (
        b"registered_name: kid",
        b'exception error: {python,<<"builtins.ValueError">>,<<"as you wish">>',
        b"Kid.handle_cast'/2 (",
        b"ancestors: [top,",
    ):
        assert line in shown
    level, (kind, report), meta, pid, shown = child
    assert report["label"] == (Atom("supervisor"), Atom("child_terminated"))
    assert meta["domain"] == ["otp", "sasl"]
    assert shown.startswith(b"=SUPERVISOR REPORT====")
    for line in (
        b"supervisor: {local,top}",
        b"errorContext: child_terminated",
        b"{restart_type,permanent}",
    ):
        assert line in shown
    assert handler.dropped == 0


async def test_a_crashed_handler_is_not_what_it_leaves_behind(
    beam, node, python_logger
):
    """The default handler of the BEAM, and its formatter, get on with all of it."""
    await node.ping(beam.name)
    logger = python_logger(BeamLogHandler(node, beam.name))
    logging.getLogger("ergopy.application").info("nothing of the sort")
    logger.debug("hidden by the level of the other node")
    logger.critical("~p ~s %s", "~n")
    logger.error("the last one", extra={"otp": {Atom("a"): object()}})
    logger.error("the very last one")
    await until(lambda: "the very last one" in beam.output())
    assert "~p ~s ~n" in beam.output()
    assert "hidden by the level" not in beam.output()
    handlers = await beam.run("logger:get_handler_ids()")
    assert handlers == ["default"]


async def test_elixirs_logger_translates_them(elixir, node, python_logger):
    await node.ping(elixir.name)
    logger = python_logger(BeamLogHandler(node, elixir.name))
    logger.warning("late \u2603")
    await node.start(Kid, name="kid")
    await node.cast("kid", 1)
    await until(lambda: "Kid.handle_cast" in elixir.output())
    shown = elixir.output()
    assert "[warning] late \u2603" in shown
    assert "[error] Process :kid (#PID<" in shown
    assert '** (ErlangError) Erlang error: {:python, "builtins.ValueError"' in shown
    assert "Failure while translating" not in shown


async def logs(beam: Any, node: Node, source: str) -> None:
    """Run *source* there in a process whose group leader is here."""
    run = f"""
        Leader = erpc:call(Py, erlang, whereis, [user]),
        {{Pid, Ref}} = spawn_monitor(fun() ->
            group_leader(Leader, self()), {source}
        end),
        receive {{'DOWN', Ref, process, Pid, _}} -> ok end
    """
    await beam.run(run, Py=node.name)


@pytest.mark.parametrize(
    ("source", "level", "text"),
    [
        ('logger:error("~p and ~ts", [1, <<"two">>])', logging.ERROR, "1 and two"),
        ('logger:notice("a text")', logging.INFO, "a text"),
        ("logger:error(#{a => 1})", logging.ERROR, "    a: 1"),
        ("logger:alert([{a, 1}])", logging.CRITICAL, "    a: 1"),
        ('error_logger:error_msg("~w~n", [x])', logging.ERROR, "x"),
    ],
)
async def test_what_is_logged_with_a_group_leader_here_is_logged_here(
    beam, node, caplog, source, level, text
):
    caplog.set_level(logging.DEBUG, "ergopy.beam")
    await logs(beam, node, source)
    records = caplog.records
    await until(lambda: any(r.name == "ergopy.beam" for r in records))
    (record,) = [r for r in records if r.name == "ergopy.beam"]
    assert (record.levelno, record.getMessage()) == (level, text)
    assert record.node == beam.name


async def test_a_crash_over_there_with_a_group_leader_here_is_reported_here(
    beam, node, caplog
):
    """That of a plain process comes from the emulator, the other from ``proc_lib``."""
    await logs(beam, node, "error(oops)")
    crash = """
        Again = monitor(process, proc_lib:spawn(fun() -> error(again) end)),
        receive {'DOWN', Again, _, _, _} -> ok end
    """
    await logs(beam, node, crash)

    def said() -> list[str]:
        told = [r for r in caplog.records if r.name == "ergopy.beam"]
        return [record.getMessage() for record in told]

    await until(lambda: len(said()) == 2)
    first, second = said()
    assert first.startswith("Error in process <")
    assert "oops" in first
    assert second.startswith("proc_lib: crash\n    initial_call: ")
    assert "again" in second
    assert all(r.node == beam.name for r in caplog.records if r.name == "ergopy.beam")


def block(fence: str, containing: str) -> str:
    """A block of the page."""
    pattern = rf"^```{re.escape(fence)}\n(.*?)^```$"
    found = re.findall(pattern, PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    (text,) = [text for text in found if containing in text]
    return str(text)


@pytest.fixture
def shop(beam, cookie, epmd, tmp_path):
    """The program of the page, which runs, and sends its log to the BEAM."""
    source = block("python file=shop.py", "BeamLogHandler")
    for written, here in (
        ("py@127.0.0.1", unique_name("py")),
        ("a@127.0.0.1", beam.name),
        ('"secret"', repr(cookie)),
    ):
        assert written in source
        source = source.replace(written, here)
    (tmp_path / "shop.py").write_text(source, "utf-8")
    env = {**os.environ, "ERL_EPMD_PORT": str(epmd.port)}
    command = [sys.executable, str(tmp_path / "shop.py")]
    with subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL) as program:
        yield program
        program.terminate()


async def test_the_program_of_the_page_logs_at_the_other_node(beam, shop):
    await until(lambda: "Stock.handle_cast'/2 (" in beam.output())
    shown = beam.output()
    for line in block("text", "CRASH REPORT").splitlines():
        # Times, pids and files are others.
        wanted = re.split(r"=+ \d|<\d|/srv|\[<<|\.\.\.", line)[0]
        assert wanted.rstrip() in shown, line


@pytest.fixture
def to_python(tmp_path):
    """The Erlang module of the page, compiled; where it is."""
    (tmp_path / "to_python.erl").write_text(block("erlang", "-module"), "utf-8")
    subprocess.run(
        [which("erlc"), "-o", tmp_path, "to_python.erl"], cwd=tmp_path, check=True
    )
    return str(tmp_path / "to_python")


async def test_the_handler_of_the_page_sends_all_that_is_logged(
    beam, node, to_python, caplog
):
    caplog.set_level(logging.DEBUG, "ergopy.beam")
    add = block("erlang", "logger:add_handler").replace("py@127.0.0.1", node.name)
    source = f"""
        {{module, _}} = code:load_abs(Path),
        ok = {add.strip().rstrip(".")},
        logger:error("~w ~ts", [1, [9731]]), logger:error(#{{a => 1}}),
        logger:error("text"),
        logger:remove_handler(to_python)
    """
    await beam.run(source, Path=list(to_python.encode()))

    def said() -> list[str]:
        return [r.getMessage() for r in caplog.records if r.name == "ergopy.beam"]

    await until(lambda: len(said()) == 3)
    assert said() == ["1 \u2603", "    a: 1", "text"]
