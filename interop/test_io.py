"""The I/O protocol, both ways: devices in Python, and devices of a BEAM."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

import ergopy
from ergopy import Atom, io
from ergopy.services.io.fread import fread
from ergopy.services.io.scanning import tokens
from ergopy.testing import captured_io, stand_in

from .servers import local_name

if TYPE_CHECKING:
    from pathlib import Path

    from .beam import Beam

A = Atom

WRITE = r"""
[io:format(D, "~p and ~ts~n", [{a, "list"}, [1078]]),
 io:put_chars(D, [<<"chars ">>, $x, "\n"]),
 io:requests(D, [{put_chars, latin1, <<233, 10>>}]),
 io:write(D, {1, 'A'}),
 io:nl(D),
 io:fwrite(D, "~w", [[97]]),
 io:requests(D, [{put_chars, unicode, "1"}, nl]),
 catch io:format(D, "~p", []),
 file:write(D, <<"by file", 10>>),
 io:columns(D), io:rows(D)]
"""

WRITTEN = "{a,\"list\"} and \u0436\nchars x\n\u00e9\n{1,'A'}\n[97]1\nby file\n"


async def test_a_beam_prints_to_a_device_here(beam: Beam, node: ergopy.Node) -> None:
    async with captured_io(node, size=(70, 20)) as device:
        await node.connect(beam.name)
        *answers, columns, rows = await beam.run(WRITE, D=device.pid)
        assert device.text == WRITTEN
        assert (columns, rows) == ((A("ok"), 70), (A("ok"), 20))
        kind, (reason, _) = answers[7]
        assert (kind, reason) == ("EXIT", "badarg")
        assert [answer for n, answer in enumerate(answers) if n != 7] == ["ok"] * 8


READ = r"""
[io:get_line(D, "> "),
 io:get_chars(D, '', 4),
 io:get_line(D, ''),
 io:fread(D, "num> ", "~d ~s"),
 io:read(D, "term> "),
 io:read(D, ''),
 io:scan_erl_exprs(D, ''),
 io:get_line(D, ''),
 io:get_password(D),
 io:setopts(D, [binary]),
 io:get_line(D, ''),
 io:setopts(D, [list, {encoding, latin1}]),
 io:getopts(D),
 io:setopts(D, [{colour, red}]),
 io:get_line(D, ''),
 io:read(D, '')]
"""

INPUT = """line \u0436
chars left
12 word
{a, "list", [1 | b], #{x => <<"y">>}, -1.5}.
not a term at all.
X = f(1).
secret
bin\u0436
"""


async def test_a_beam_reads_from_a_device_here(beam: Beam, node: ergopy.Node) -> None:
    async with captured_io(node, INPUT) as device:
        await node.connect(beam.name)
        got = await beam.run(READ, D=device.pid)
        assert got[0] == [*b"line ", 0x436, 10]
        assert got[1:3] == [list(b"char"), list(b"s left\n")]
        assert got[3] == (A("ok"), [12, list(b"word")])
        term = (A("a"), list(b"list"), ergopy_improper(), {A("x"): b"y"}, -1.5)
        assert got[4] == (A("ok"), term)
        assert got[5][0] == "error"
        assert got[5][1][1] == "erl_parse"
        assert [token[0] for token in got[6][1]] == [
            "var",
            "=",
            "atom",
            "(",
            "integer",
            ")",
            "dot",
        ]
        # io:fread leaves nothing of a line that it has used up; neither does a dot.
        assert got[7] == list(b"secret\n")
        assert got[8:11] == [[*b"bin", 0x436], A("ok"), A("eof")]
        assert got[11] == "ok"
        assert (A("encoding"), A("latin1")) in got[12]
        assert got[13] == (A("error"), A("enotsup"))
        assert got[14:] == [A("eof"), A("eof")]
        assert device.prompts[0] == "> "
        assert "num> " in device.prompts


def ergopy_improper() -> Any:
    from etf import ImproperList

    return ImproperList([1], A("b"))


# It ends with who has opened it.
OPEN = """
Self = self(),
spawn(fun() ->
    {ok, D} = file:open(Path, [read, write, {encoding, utf8}]),
    Self ! {device, D},
    receive after infinity -> ok end
end),
receive {device, D} -> D end
"""


async def test_python_writes_to_and_reads_from_a_device_of_a_beam(
    beam: Beam, node: ergopy.Node, tmp_path: Path
) -> None:
    path = str(tmp_path / "file").encode()
    device = await beam.run(OPEN, Path=path)
    to: Any = {"device": device, "caller": node}
    await io.print("caf\u00e9", 1, **to)
    await io.put_chars([b"chars", 10], **to)
    await io.format("~p ~ts~n", [{A("k"): [97]}, "\u0436"], **to)
    await io.print("{a, [1]}.", **to)
    assert await beam.run("file:position(D, 0)", D=device) == (A("ok"), 0)
    assert await io.get_line(**to) == "caf\u00e9 1\n"
    assert await io.get_chars("", 3, **to) == "cha"
    assert await io.get_line("", **to) == "rs\n"
    assert await io.get_line("", **to) == '#{k => "a"} \u0436\n'
    assert await io.read(**to) == (A("a"), [1])
    assert await io.get_line(**to) is None
    assert (await io.getopts(**to))["encoding"] in ("unicode", "utf8")
    await io.setopts({"encoding": "latin1"}, **to)
    assert await io.columns(**to) is None
    with pytest.raises(ergopy.IoError):
        await io.get_password(**to)
    await beam.run("file:close(D)", D=device)
    with pytest.raises(ergopy.NoProcess):
        await io.print("x", **to)


async def test_user_of_a_beam_is_a_device(beam: Beam, node: ergopy.Node) -> None:
    mark = local_name("mark")
    async with stand_in(node) as process:
        user = await beam.run("whereis(user)")
        process.set_group_leader(user)
        await io.print(mark, caller=process)
        await io.print("again", mark, device=("user", beam.name), caller=node)
    # It answers when the text is on its way to its output.
    assert await beam.run("io:format(user, '~n', [])") == "ok"
    text = beam.log.read_text("utf-8")
    assert f"{mark}\n" in text
    assert f"again {mark}\n" in text


CALLED = r"""
Old = group_leader(),
group_leader(D, self()),
Values = [rpc:call(Py, desk, say, [erpc]),
          gen_server:call({rex, Py}, {call, desk, say, [rex], D}),
          gen_server:call({rex, Py}, {block_call, desk, say, [block], D}),
          rpc:block_call(Py, desk, say, [rpc_block])],
Pid = spawn_link(Py, desk, start, [self()]),
Said = receive {Pid, What} -> What after 5000 -> timeout end,
group_leader(Old, self()),
{Values, Said}
"""


async def test_what_a_beam_calls_here_prints_to_the_group_leader_of_the_caller(
    beam: Beam, node: ergopy.Node
) -> None:
    async def say(what: Any) -> Any:
        await io.print("said", what)
        return what

    async def start(process: ergopy.Process, asker: Any) -> None:
        await say("spawned")
        await process.send(asker, (process.pid, A("said")))

    node.export("desk", {"say": say})
    node.provide_spawn("desk", start)
    async with captured_io(node) as device:
        device_there = await beam.run(
            # A device of the BEAM, that passes on what it is asked.
            "spawn(fun F() -> receive {io_request, P, R, Q} ->"
            " ok = io:request(D, Q), P ! {io_reply, R, ok}, F() end end)",
            D=device.pid,
        )
        values, said = await beam.run(CALLED, D=device_there, Py=node.name)
        assert values == ["erpc", "rex", "block", "rpc_block"]
        assert said == "said"
        assert device.text.split("\n")[:-1] == [
            *(f"said {word}" for word in values),
            "said spawned",
        ]


async def test_a_beam_sets_the_group_leader_of_a_process_here(
    beam: Beam, node: ergopy.Node
) -> None:
    async with captured_io(node) as device, stand_in(node) as process:
        run = "erlang:group_leader(D, P), erpc:call(Py, erlang, node, [])"
        await beam.run(run, D=device.pid, P=process.pid, Py=node.name)
        assert process.group_leader == device.pid
        await io.print("x", caller=process)
        assert device.text == "x\n"


async def test_what_we_start_on_a_beam_prints_here(
    beam: Beam, node: ergopy.Node
) -> None:
    async with captured_io(node) as device, stand_in(node) as process:
        process.set_group_leader(device.pid)
        call = A("io"), A("format"), [list(b"~p~n"), [[A("from"), 1.5]]]
        assert await process.rpc(beam.name, "erlang", "apply", list(call)) == "ok"
        assert device.text == "[from,1.5]\n"


GARBAGE = r"""
Fun = fun(X) -> X end,
Asked = [foo, {}, [], 1.5, <<>>, {put_chars}, {put_chars, unicode, [1 | 2]},
         {put_chars, unicode, [Fun]}, {get_chars, unicode, '', -3},
         {get_until, unicode, '', lists, map, [Fun]},
         {setopts, [{encoding, {utf16, big}}]}, {requests, [a | b]},
         {put_chars, unicode, erlang, halt, []}, {get_geometry, self()}],
[D ! {io_request, self(), N, Ask} || {N, Ask} <- lists:enumerate(Asked)],
Errors = [receive {io_reply, N, {error, _}} -> N after 5000 -> lost end
          || {N, _} <- lists:enumerate(Asked)],
Many = lists:seq(1, 5000),
[D ! {io_request, self(), {put, N}, {put_chars, unicode, "x"}} || N <- Many],
[receive {io_reply, {put, N}, ok} -> ok end || N <- Many],
Errors =:= lists:seq(1, length(Asked))
"""


async def test_a_device_answers_garbage_and_floods(
    beam: Beam, node: ergopy.Node
) -> None:
    async with captured_io(node) as device:
        await node.connect(beam.name)
        assert await beam.run(GARBAGE, D=device.pid) is True
        assert device.text == "x" * 5000


async def test_elixir_prints_to_and_reads_from_a_device_here(
    elixir: Beam, node: ergopy.Node
) -> None:
    async with captured_io(node, "an answer\nrest\nof it\n") as device:
        source = """
        IO.puts(d, "caf\\u00e9")
        IO.write(d, ["a", ?b, "\\n"])
        IO.inspect(%{a: [1, "x"]}, label: "map") |> then(&IO.inspect(d, &1, []))
        IO.inspect(d, {:ok, "\\u0436"}, label: "it")
        :ok = :io.setopts(d, [:binary])
        {IO.gets(d, "name? "), IO.getn(d, "", 2), IO.read(d, :line), IO.read(d, :line),
         IO.gets(d, "more? ")}
        """
        await node.connect(elixir.name)
        got = await elixir.elixir(source, d=device.pid)
        assert got == (b"an answer\n", b"re", b"st\n", b"of it\n", A("eof"))
        assert device.text == ('caf\u00e9\nab\n%{a: [1, "x"]}\nit: {:ok, "\u0436"}\n')
        assert device.prompts[0] == "name? "


FREAD = """
[try io_lib:fread([], Text, Form) of
     {more, Cont} -> {done, R, L} = io_lib:fread(Cont, eof, Form), {Form, Text, R, L};
     {done, R, L} -> {Form, Text, R, L}
 catch _:_ -> {Form, Text, failed, []}
 end || {Form, Text} <- Cases]
"""
DIRECTIVES = """~d ~2d ~*d ~f ~s ~3s ~ts ~a ~c ~2c ~u ~16u ~- ~# ~l ~~ a , x"""


async def test_fread_is_that_of_otp(beam: Beam) -> None:
    rng = random.Random(7)
    cases = []
    for _ in range(3000):
        form = "".join(
            rng.choice(DIRECTIVES) + rng.choice(["", " "])
            for _ in range(rng.choice((1, 3)))
        )
        text = "".join(
            rng.choice("a1-+.#e x~9F \n\u0436") for _ in range(rng.randrange(12))
        )
        cases.append((list(map(ord, form)), list(map(ord, text))))
    wrong = []
    for form, text, reply, _left in await beam.run(FREAD, Cases=cases):
        if reply == "failed":
            continue
        form, text = "".join(map(chr, form)), "".join(map(chr, text))
        ours = fread(form, text, at_end=True)
        assert ours is not None
        if ours[0] != reply:
            wrong.append((form, text, reply, ours))
    assert not wrong, f"{len(wrong)}: {wrong[:5]}"


TOKENS = """
[case erl_scan:tokens([], Text, 1) of
     {done, Result, Left} -> {Text, Result, Left};
     {more, Cont} ->
         {done, Result, _} = erl_scan:tokens(Cont, eof, 1),
         {Text, Result, []}
 end || Text <- Cases]
"""
WORDS = r"""a bc 'an at' 'it\'s' X _y 12 1_000 16#fF 1.5 1.0e-3 $a $\n $\s "s"
"a\x{436}" { } [ ] ( ) << >> , | || -> <- => := : :: = == =:= =/= /= =< >= < > + ++
- -- * / ! ? ; # .. ... . ^ \ ` & case fun of when \x{436} ф é %c"""


async def test_tokens_are_those_of_otp(beam: Beam) -> None:
    rng = random.Random(7)
    cases = []
    for _ in range(1500):
        words = rng.choices(WORDS.split(), k=rng.randrange(8))
        text = "".join(word + rng.choice([" ", " ", "\n"]) for word in words)
        cases.append(list(map(ord, text + rng.choice([".\n", ". rest", "", "."]))))
    wrong = []
    for text, reply, left in await beam.run(TOKENS, Cases=cases):
        source = "".join(map(chr, text))
        ours = tokens(source, True, 1)
        assert ours is not None
        if reply[0] == "error":
            # Where it goes on after an error is nowhere said.
            if ours[0][0] != "error":
                wrong.append((source, reply, ours))
        elif ours[0] != reply or list(map(ord, ours[1])) != (left or []):
            wrong.append((source, reply, ours))
    assert not wrong, f"{len(wrong)}: {wrong[:4]}"
