"""Every kind of term to Python and back, ``=:=`` to what it was."""

from __future__ import annotations

import random

import pytest

import etf
from ergopy import Atom, GenServer

from .servers import inside

ERLANG = [
    "0",
    "255",
    "256",
    "-1",
    "2147483647",
    "2147483648",
    "-2147483648",
    "-2147483649",
    "1 bsl 63",
    "-(1 bsl 64)",
    "(1 bsl 2040) - 1",
    "1 bsl 2048",
    "-(1 bsl 4096)",
    "0.0",
    "-0.0",
    "1.5",
    "1.0e308",
    "-2.2250738585072014e-308",
    "4.9e-324",
    "true",
    "false",
    "undefined",
    "nil",
    "''",
    "'with space'",
    "'Elixir.GenServer'",
    "'\\x{e9}t\\x{e9}'",
    "'\\x{2603}'",
    "list_to_atom(lists:duplicate(255, $a))",
    "list_to_atom(lists:duplicate(255, 16#1f600))",
    "<<>>",
    "<<0>>",
    '<<"text">>',
    "binary:copy(<<1, 2>>, 40000)",
    "<<1:1>>",
    "<<5:3>>",
    "<<255, 127:7>>",
    '<<"abc", 0:4>>',
    "[]",
    '"string"',
    "[0, 255]",
    "[0, 256]",
    "lists:seq(1, 300)",
    "lists:duplicate(65535, $x)",
    "lists:duplicate(65536, $x)",
    "[[], [[]], [[[]]]]",
    "[1 | 2]",
    "[1, 2 | three]",
    "[[a | b] | c]",
    '["abc" | <<"d">>]',
    "{}",
    "{1}",
    "{{}, {{}}}",
    "list_to_tuple(lists:seq(1, 300))",
    "#{}",
    "#{a => 1}",
    "#{1 => a, 1.0 => b, true => c}",
    '#{"charlist" => 1}',
    "#{#{a => [1]} => #{b => 2}}",
    "#{{1, [2]} => x}",
    "#{0.0 => zero}",
    "maps:from_list([{N, N} || N <- lists:seq(1, 500)])",
    "self()",
    "make_ref()",
    "alias()",
    "hd(erlang:ports())",
    "fun lists:map/2",
    "fun(X) -> X + 1 end",
    'list_to_pid("<0.1.0>")',
    "#{'__struct__' => 'Elixir.Date', year => 2024}",
    "lists:foldl(fun(N, Acc) -> {N, [Acc]} end, [], lists:seq(1, 300))",
]

PYTHON = [
    0, -1, 2**31, 2**64, -(2**100), 2**3000, 0.0, -0.0, 1.5, 5e-324, True, False, None,
    Atom(""), Atom("ok"), Atom("undefined"), Atom("\u2603" * 255), Atom("true"),
    b"", b"\0\xff", "text", "gr\u00fc\u00df", [], [1, 2, 3], list(range(300)),
    [[], [b"x"]], (), (1,), tuple(range(300)), {}, {Atom("a"): 1}, {b"k": [1, {}]},
    {1: 2, (1, 2): 3}, etf.Charlist("abc"), etf.Charlist("\u2603"),
    etf.ImproperList([1, 2], 3), etf.BitBinary(b"\xa0", 3),
    etf.Export(Atom("lists"), Atom("map"), 2),
]  # fmt: skip


@pytest.mark.parametrize("term", ERLANG)
async def test_erlang_term_comes_back_identical(beam, node, desk, term):
    source = f"T = {term}, T =:= gen_server:call({{desk, Py}}, {{echo, T}})"
    assert await beam.run(source, Py=node.name) is True


@pytest.mark.parametrize("term", PYTHON, ids=lambda term: repr(term)[:30])
async def test_python_term_comes_back_the_same(node, server, term):
    assert etf.same(await node.call(server, (Atom("echo"), term)), term)


async def test_pids_and_references_of_python_come_back_the_same(node, server, desk):
    async def collect(proc):
        return [proc.pid, proc.alias(), await proc.monitor(desk)]

    terms = await inside(node, collect)
    echoed = await node.call(server, (Atom("echo"), terms))
    assert echoed == terms


async def test_beam_reads_our_terms_as_what_they_are(beam):
    source = """
        [is_integer(I), is_float(F), is_atom(A), is_binary(B), is_binary(S), is_list(L),
         is_tuple(T), is_map(M), is_boolean(Bool), N =:= nil, C =:= "abc",
         bit_size(Bits) =:= 3, is_function(E, 2)]
    """
    answers = await beam.run(
        source, I=1, F=1.0, A=Atom("a"), B=b"b", S="s", L=[1], T=(1,), M={1: 2},
        Bool=True, N=None, C=etf.Charlist("abc"), Bits=etf.BitBinary(b"\xa0", 3),
        E=etf.Export(Atom("lists"), Atom("map"), 2),
    )  # fmt: skip
    assert answers == [True] * 13


async def test_identity_survives_both_ways_for_random_terms(beam, node, desk):
    rng = random.Random(1)
    terms = [_random_term(rng, 4) for _ in range(300)]
    source = """
        [T || T <- Terms, T =/= gen_server:call({desk, Py}, {echo, T})]
    """
    assert await beam.run(source, Py=node.name, Terms=terms) == []


def _random_term(rng, depth):
    leaves = [
        lambda: rng.randrange(-(2**70), 2**70),
        lambda: rng.randrange(300),
        lambda: rng.uniform(-1e9, 1e9),
        lambda: Atom("".join(rng.choices("abc\u00e9\u2603", k=rng.randrange(9)))),
        lambda: rng.randbytes(rng.randrange(40)),
        lambda: rng.choice([True, False, None]),
    ]
    if depth == 0 or rng.random() < 0.3:
        return rng.choice(leaves)()
    size = rng.randrange(4)
    items = [_random_term(rng, depth - 1) for _ in range(size)]
    match rng.randrange(4):
        case 0:
            return items
        case 1:
            return tuple(items)
        case 2 if items:
            return etf.ImproperList([*items], Atom("tail"))
    return {f"k{n}".encode(): item for n, item in enumerate(items)}


@pytest.mark.parametrize(
    "term",
    [float("nan"), float("inf"), Atom, object(), {1, 2}],
    ids=["nan", "infinity", "class", "object", "set"],
)
async def test_what_is_no_term_is_refused_before_it_is_sent(beam, node, server, term):
    with pytest.raises(etf.EncodeError):
        await node.call(server, (Atom("echo"), term))
    assert await node.call(server, Atom("value")) == 0
    assert list(node.nodes()) == [beam.name]


async def test_reply_that_is_no_term_ends_only_that_server(beam, node):
    class Odd(GenServer):
        async def handle_call(self, request, from_):
            return object()

    await node.start(Odd, name="odd")
    source = """
        {'EXIT', {Reason, _}} = (catch gen_server:call({odd, Py}, x, infinity)),
        {element(1, Reason), net_adm:ping(Py)}
    """
    assert await beam.run(source, Py=node.name) == ("python", "pong")
