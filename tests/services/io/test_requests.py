"""I/O requests as terms: what they ask for, and that nothing makes them fail."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ergopy.services.io import requests
from ergopy.services.io.reading import MAX_INPUT
from ergopy.services.io.requests import (
    Answer,
    Geometry,
    GetOptions,
    Password,
    Put,
    Read,
    SetOptions,
    Several,
    prompt_text,
    reads,
    wish,
)
from etf import Atom, ImproperList

A = Atom
UNICODE, LATIN1 = A("unicode"), A("latin1")
PUT, IO_LIB, FORMAT = A("put_chars"), A("io_lib"), A("format")
REQUEST = (A("error"), A("request"))
NOT_SUPPORTED = (A("error"), A("enotsup"))

OUTPUT = [
    ((PUT, UNICODE, b"plain"), "plain"),
    ((PUT, UNICODE, "h\u00e9".encode()), "h\u00e9"),
    ((PUT, UNICODE, [104, [0xE9]]), "h\u00e9"),
    ((PUT, LATIN1, b"h\xe9"), "h\u00e9"),
    ((PUT, b"h\xe9"), "h\u00e9"),
    ((PUT, UNICODE, IO_LIB, FORMAT, [b"~p~n", [1]]), "1\n"),
    ((PUT, UNICODE, IO_LIB, FORMAT, [b"~p~n", [1], []]), "1\n"),
    ((PUT, UNICODE, IO_LIB, A("fwrite"), [[126, 119], [1]]), "1"),
    ((PUT, UNICODE, IO_LIB, A("write"), [(1, A("A"))]), "{1,'A'}"),
    ((PUT, UNICODE, IO_LIB, A("write"), [[1, 2, 3], 2]), "[1|...]"),
    ((PUT, UNICODE, IO_LIB, A("print"), [[97, 98]]), '"ab"'),
    ((PUT, UNICODE, IO_LIB, A("print"), [[1, 2, 300], 1, 6, -1]), "[1,\n 2,\n 300]"),
    ((PUT, UNICODE, IO_LIB, A("write_atom"), [A("an atom")]), "'an atom'"),
    ((PUT, UNICODE, IO_LIB, A("write_string"), [[97, 34]]), '"a\\""'),
    ((PUT, UNICODE, IO_LIB, A("nl"), []), "\n"),
    ((PUT, IO_LIB, FORMAT, [b"~s", [b"old"]]), "old"),
]


@pytest.mark.parametrize(("request_", "text"), OUTPUT)
def test_text_is_put_out(request_: Any, text: str) -> None:
    assert wish(request_) == Put(text)


REFUSED = [
    ((PUT, UNICODE, (1,)), (A("error"), (PUT, UNICODE, (1,)))),
    ((PUT, UNICODE, [0xD800]), (A("error"), (PUT, UNICODE, [0xD800]))),
    ((PUT, A("a")), (A("error"), (PUT, LATIN1, A("a")))),
    ((PUT, A("utf9"), b"x"), REQUEST),
    ((PUT, b"unicode", b"x"), REQUEST),
    ((PUT, UNICODE, IO_LIB, FORMAT, [b"~p", []]), (A("error"), FORMAT)),
    ((PUT, UNICODE, IO_LIB, FORMAT, [b"~p"]), (A("error"), FORMAT)),
    ((PUT, UNICODE, IO_LIB, FORMAT, 1), (A("error"), FORMAT)),
    ((PUT, UNICODE, A("os"), A("cmd"), [b"x"]), (A("error"), A("cmd"))),
    ((PUT, UNICODE, b"io_lib", FORMAT, [b"x", []]), (A("error"), FORMAT)),
    ((A("get_line"), UNICODE, b"", 1), REQUEST),
    ((A("get_chars"), UNICODE, b"", -1), REQUEST),
    ((A("get_chars"), UNICODE, b"", True), REQUEST),
    ((A("get_chars"), UNICODE, b"", False), REQUEST),
    ((A("get_chars"), UNICODE, b"", MAX_INPUT + 1), requests.SYSTEM_LIMIT),
    ((A("get_until"), UNICODE, b"", A("os"), A("cmd"), [b"x"]), (A("error"), A("cmd"))),
    ((A("get_until"), UNICODE, b"", b"m", b"f", []), (A("error"), b"f")),
    (
        (A("get_until"), UNICODE, b"", A("erl_scan"), A("tokens"), 1),
        (A("error"), A("tokens")),
    ),
    ([PUT, UNICODE, b"x"], REQUEST),
    ([A("get_line"), b"> "], REQUEST),
    ((A("setopts"), [A("colour")]), NOT_SUPPORTED),
    ((A("setopts"), [(A("encoding"), A("utf16"))]), NOT_SUPPORTED),
    ((A("setopts"), [b"binary"]), NOT_SUPPORTED),
    ((A("setopts"), A("binary")), REQUEST),
    ((A("get_geometry"), A("depth")), REQUEST),
    ((A("what"), 1), REQUEST),
    (A("what"), REQUEST),
    (b"getopts", REQUEST),
    (None, REQUEST),
    ((), REQUEST),
    ((A("requests"), 1), REQUEST),
    ((A("requests"), [A("getopts")] * (requests.MAX_REQUESTS + 1)), REQUEST),
]


@pytest.mark.parametrize(("request_", "reply"), REFUSED)
def test_what_makes_no_sense_is_answered(request_: Any, reply: Any) -> None:
    assert wish(request_) == Answer(reply)


@pytest.mark.parametrize(
    ("request_", "prompt", "encoding"),
    [
        ((A("get_line"), UNICODE, "\u2026> ".encode()), "\u2026> ", UNICODE),
        ((A("get_line"), LATIN1, b"> "), "> ", LATIN1),
        ((A("get_line"), b"> "), "> ", LATIN1),
        ((A("get_chars"), UNICODE, A("name"), 3), "name", UNICODE),
        ((A("get_chars"), b"> ", 3), "> ", LATIN1),
        ((A("get_until"), UNICODE, b"", A("io_lib"), A("fread"), [b"~d"]), "", UNICODE),
        ((A("get_until"), UNICODE, b"", A("erl_scan"), A("tokens"), [1]), "", UNICODE),
        ((A("get_until"), b"", A("erl_scan"), A("tokens"), [(1, 1), []]), "", LATIN1),
        ((A("get_until"), b"", A("io_lib"), A("collect_line"), [[]]), "", LATIN1),
        ((A("get_until"), b"", A("io_lib"), A("collect_chars"), [3]), "", LATIN1),
    ],
)
def test_input_is_asked_for(request_: Any, prompt: str, encoding: str) -> None:
    wanted = wish(request_)
    assert isinstance(wanted, Read)
    assert (wanted.prompt, wanted.encoding) == (prompt, encoding)
    assert reads(wanted)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ((A("get_password"), UNICODE), Password(UNICODE)),
        (A("get_password"), Password(LATIN1)),
        (A("getopts"), GetOptions()),
        ((A("get_geometry"), A("rows")), Geometry(A("rows"))),
        (
            (A("setopts"), [A("binary"), (A("echo"), False), A("latin1")]),
            SetOptions({"binary": True, "echo": False, "encoding": LATIN1}),
        ),
        (
            (A("setopts"), [A("list"), A("echo"), (A("encoding"), A("utf8"))]),
            SetOptions({"binary": False, "echo": True, "encoding": UNICODE}),
        ),
        (
            (A("setopts"), [(A("list"), False), (A("expand_fun"), 1)]),
            SetOptions({"binary": True}),
        ),
        ((A("requests"), []), Several(())),
        (
            (A("requests"), [(PUT, UNICODE, b"a"), A("getopts")]),
            Several((Put("a"), GetOptions())),
        ),
    ],
)
def test_the_other_requests(request_: Any, expected: Any) -> None:
    assert wish(request_) == expected


def test_requests_inside_requests_have_a_limit() -> None:
    request: Any = (PUT, UNICODE, b"x")
    for _ in range(requests.MAX_NESTING):
        request = (A("requests"), [request])
    assert not reads(wish(request))
    assert "Put" in repr(wish(request))
    for _ in range(10_000):
        request = (A("requests"), [request])
    assert "Put" not in repr(wish(request))


def test_a_list_with_a_read_in_it_reads() -> None:
    read = (A("get_line"), UNICODE, b"")
    assert reads(wish((A("requests"), [A("getopts"), (A("requests"), [read])])))


@pytest.mark.parametrize(
    ("prompt", "shown"),
    [
        (b"> ", "> "),
        ([62, [32]], "> "),
        (A("name"), "name"),
        (True, "true"),
        ((FORMAT, b"~w> ", [1]), "1> "),
        ((FORMAT, b"~w> ", []), "???"),
        ((A("a"), 1), "{a,1}"),
        ([A("a")], "???"),
        (7, "7"),
    ],
)
def test_a_prompt_is_any_term(prompt: Any, shown: str) -> None:
    assert prompt_text(prompt) == shown


def test_too_much_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "MAX_TEXT", 10)
    assert wish((PUT, UNICODE, b"x" * 11)) == Answer(requests.SYSTEM_LIMIT)
    call = (PUT, UNICODE, IO_LIB, A("write"), [b"xxxxx"])
    assert wish(call) == Answer(requests.SYSTEM_LIMIT)


WORDS = """put_chars unicode latin1 io_lib format fwrite write print get_line get_chars
get_until erl_scan tokens fread requests setopts getopts get_geometry columns binary"""
words = st.sampled_from([A(word) for word in WORDS.split()])
terms = st.recursive(
    words | st.integers() | st.binary(max_size=4) | st.floats() | st.none(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=6).map(tuple)
        | st.builds(ImproperList, st.lists(inner, min_size=1, max_size=2), words)
    ),
    max_leaves=8,
)


@given(st.lists(words | terms, max_size=6).map(tuple) | terms)
def test_any_term_is_a_request_or_is_refused(term: Any) -> None:
    assert isinstance(wish(term), requests.Wish)
