"""Write the pages under ``reference/`` that are made of tables.

    python docs/generate.py

The tables of terms are also what the tests check, with the codec and against a BEAM;
the table of flags is that of the handshake, and that of answers what a node goes by. A
test fails when a page is out of date.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ergopy.dist.flags import MANDATORY, Flag, offered, sent_by
from ergopy.node.questions import ANY
from ergopy.services import QUESTIONS

REFERENCE = Path(__file__).parent / "reference"
MARK = "<!-- made by docs/generate.py -->"


class Term(NamedTuple):
    """One kind of term, as everybody writes an example of it."""

    what: str
    erlang: str
    elixir: str
    python: str


TERMS = [
    Term("integer", "-42", "-42", "-42"),
    Term("large integer", str(2**100), str(2**100), str(2**100)),
    Term("float", "1.5", "1.5", "1.5"),
    Term("boolean", "true", "true", "True"),
    Term("`nil`", "nil", "nil", "None"),
    Term("`undefined`", "undefined", ":undefined", 'Atom("undefined")'),
    Term("any other atom", "ok", ":ok", 'Atom("ok")'),
    Term("module of Elixir", "'Elixir.String'", "String", 'Atom("Elixir.String")'),
    Term("binary", '<<"abc">>', '"abc"', 'b"abc"'),
    Term("text in a binary", '<<"Zoë"/utf8>>', '"Zoë"', '"Zoë".encode()'),
    Term("bit string", "<<5:3>>", "<<5::size(3)>>", r'BitBinary(b"\xa0", 3)'),
    Term("list", "[1,ok,[]]", "[1, :ok, []]", '[1, Atom("ok"), []]'),
    Term("string, charlist", '"abc"', '~c"abc"', "[97, 98, 99]"),
    Term("keyword list", "[{a,1}]", "[a: 1]", '[(Atom("a"), 1)]'),
    Term("improper list", "[1|2]", "[1 | 2]", "ImproperList([1], 2)"),
    Term("tuple", "{ok,1}", "{:ok, 1}", '(Atom("ok"), 1)'),
    Term(
        "map",
        '#{a => 1,<<"b">> => 2}',
        '%{:a => 1, "b" => 2}',
        '{Atom("a"): 1, b"b": 2}',
    ),
    Term(
        "struct",
        "#{'__struct__' => 'Elixir.Order',id => 7}",
        "%{__struct__: Order, id: 7}",
        '{Atom("__struct__"): Atom("Elixir.Order"), Atom("id"): 7}',
    ),
    Term(
        "keys that are one for Python",
        "#{1 => a,1.0 => b}",
        "%{1 => :a, 1.0 => :b}",
        'TermMap([(1, Atom("a")), (1.0, Atom("b"))])',
    ),
    Term(
        "list as a key",
        "#{[1] => ok}",
        "%{[1] => :ok}",
        '{FrozenList([1]): Atom("ok")}',
    ),
    Term("map as a key", "#{#{} => ok}", "%{%{} => :ok}", '{TermMap(): Atom("ok")}'),
    Term(
        "external fun",
        "fun lists:map/2",
        "&:lists.map/2",
        'Export("lists", "map", 2)',
    ),
]
"""Both ways: what arrives, and what leaves as the same term."""

OPAQUE = [
    Term("pid", "self()", "self()", "Pid"),
    Term("reference, alias", "make_ref()", "make_ref()", "Reference"),
    Term("port", "hd(erlang:ports())", "hd(:erlang.ports())", "Port"),
    Term("fun", "fun() -> ok end", "fn -> :ok end", "Fun"),
]
"""Terms without a source form; they are kept, compared and sent back."""

LEAVING = [
    ('"Zoë"', '<<"Zoë"/utf8>>', "text is a binary in UTF-8"),
    ('bytearray(b"ab")', '<<"ab">>', "so are `memoryview` and subclasses of `bytes`"),
    ('Charlist("abc")', '"abc"', "for functions that want an Erlang string"),
    ("WideInteger(5)", "5", "in 32 bits, for programs that read 8 as another type"),
    ("None", "nil", '`EncodeOptions(none="undefined")` for Erlang peers'),
    ("IntEnum('Level', ['LOW'])(1)", "1", "subclasses count as what they are"),
    ("OrderedDict(a=1)", '#{<<"a">> => 1}', "any mapping; its `str` keys are binaries"),
    ('namedtuple("P", "x y")(1, 2)', "{1,2}", "any tuple"),
]
"""Python values that arrive as something else, or come back as another type."""

REFUSED = ["{1, 2}", 'float("nan")', "date(2024, 1, 1)", "Decimal(1)", "object()", "1j"]
"""Values that are no terms: ``EncodeError``, before a byte is sent."""

DECODING = [
    ('strings="str"', '<<"abc">>', "'abc'"),
    ('strings="str"', "<<255>>", r"b'\xff'"),
    ('charlists="str"', '"abc"', "Charlist('abc')"),
    ('nil="atom"', "nil", "Atom('nil')"),
    ('undefined="none"', "undefined", "None"),
]
"""What ``DecodeOptions`` change: the option, the term, what it becomes."""


def table(heads: list[str], rows: list[list[str]]) -> str:
    """Lay out a Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def code(text: str) -> str:
    """Quote source text for a cell."""
    return "`" + text.replace("|", r"\|") + "`"


def types() -> dict[str, str]:
    """The tables of ``types.md``."""
    heads = ["what", "Erlang", "Elixir", "Python"]
    both = [[t.what, code(t.erlang), code(t.elixir), code(t.python)] for t in TERMS]
    opaque = [[t.what, code(t.erlang), code(t.elixir), code(t.python)] for t in OPAQUE]
    leaving = [[code(p), code(e), why] for p, e, why in LEAVING]
    decoding = [[code(o), code(e), code(p)] for o, e, p in DECODING]
    return {
        "terms": table(heads, both),
        "opaque": table(["what", "for example", "in Elixir", "class"], opaque),
        "leaving": table(["Python", "Erlang", "note"], leaving),
        "refused": ", ".join(map(code, REFUSED)),
        "decoding": table(["`DecodeOptions(...)`", "term", "becomes"], decoding),
    }


def flags() -> dict[str, str]:
    """The tables of ``flags.md``."""
    rows = [
        [str(flag.bit_length() - 1), code(flag.name or ""), flag.since, flag.note]
        for flag in Flag
    ]
    heads = ["bit", "name", "since", "what it says"]
    releases = [
        [
            code(flag.name or ""),
            *[_role(flag, otp) for otp in MANDATORY],
            "yes" if flag.offered else "no",
        ]
        for flag in Flag
    ]
    columns = ["name", *[f"OTP {otp}" for otp in MANDATORY], "ergopy offers it"]
    words = [
        [f"OTP {otp}", code(_hex(sent_by(otp))), code(_hex(sent_by(otp, hidden=True)))]
        for otp in MANDATORY
    ]
    words.append(["ergopy", code(_hex(offered())), code(_hex(offered(hidden=True)))])
    return {
        "flags": table(heads, rows),
        "releases": table(columns, releases),
        "words": table(["release", "visible", "hidden"], words),
    }


def _role(flag: Flag, otp: int) -> str:
    if flag & MANDATORY[otp]:
        return "demands it"
    return "sends it" if flag & sent_by(otp) else ""


def _hex(flags: Flag) -> str:
    return f"0x{flags:X}"


def answers() -> dict[str, str]:
    """The table of ``answers.md``."""
    rows = []
    modules = list(dict.fromkeys(one.module for one in QUESTIONS))
    for one in sorted(QUESTIONS, key=lambda one: modules.index(one.module)):
        counts = ",".join(str(count - (one.module == ANY)) for count in one.arities)
        module = "any module" if one.module == ANY else code(_atom(one.module))
        does = "acts" if one.acts else ""
        rows.append([module, code(f"{one.function}/{counts}"), does, one.about])
    return {"answers": table(["module", "function", "", "what it tells or does"], rows)}


def _atom(name: str) -> str:
    return name if name[0].islower() else f"'{name}'"


def render(page: Path, parts: dict[str, str]) -> str:
    """Put *parts* between the marks of a page; ``<!-- NAME -->`` opens each."""
    text = page.read_text("utf-8")
    for name, part in parts.items():
        before, opening, rest = text.partition(f"<!-- {name} -->\n")
        _, closing, after = rest.partition(f"\n{MARK}")
        if not opening or not closing:
            raise ValueError(f"{page.name} has no place for {name}")
        text = f"{before}{opening}\n{part}\n{closing}{after}"
    return text


def pages() -> dict[Path, str]:
    """All pages that are made, with the text that they should have."""
    made = {"types.md": types(), "flags.md": flags(), "answers.md": answers()}
    return {REFERENCE / n: render(REFERENCE / n, parts) for n, parts in made.items()}


if __name__ == "__main__":
    for page, text in pages().items():
        page.write_text(text, "utf-8")
