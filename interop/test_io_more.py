"""What ``io:format`` prints on our devices is what a BEAM prints itself."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from ergopy.services.io.formatting import render
from etf import Atom, BitBinary, ImproperList

if TYPE_CHECKING:
    from .beam import Beam

CASES = 1500
ATOMS = ["a", "ok", "error", "an atom", "Upper", "it's", "h\u00e9", "\u0436", "", "end"]
ATOMS += ["tag_of_some_length", "a_very_long_tag_that_takes_a_lot_of_the_line", "t@1"]
WORDS = [
    "",
    "abc",
    "two words",
    'a "quote" \\',
    "line\nbreak\t",
    "h\u00e9",
    "\u0436\u0443",
]
WORDS += ["a rather long text that takes a good part of the line and " * 2, "\x01\x7f"]

RUN = """
[begin
     Text = try unicode:characters_to_list(io_lib:format(Form, Args)) of
                Chars when is_list(Chars) -> Chars;
                _ -> failed
            catch _:_ -> failed
            end,
     {Form, Args, Text}
 end || {Form, Args} <- Cases]
"""


def leaf(rng: random.Random, raw: bool = True) -> Any:
    kind = rng.randrange(9 if raw else 6)
    if kind == 0:
        return rng.choice([0, 1, -7, 12345, 10**20, rng.randrange(10**6)])
    if kind == 1:
        return rng.choice([0.0, -0.0, 1.5, 1e22, 0.1, 1e-7, rng.uniform(-1e5, 1e5)])
    if kind in (2, 3):
        return Atom(rng.choice(ATOMS))
    if kind == 4:
        return rng.choice(WORDS).encode(
            rng.choice(["utf-8", "utf-16"] if raw else ["utf-8"])
        )
    if kind == 5:
        return list(map(ord, rng.choice(WORDS)))
    if kind == 6:
        return bytes(rng.randrange(256) for _ in range(rng.randrange(60)))
    if kind == 7:
        return BitBinary(bytes([rng.randrange(256) for _ in range(4)] + [0xA0]), 3)
    return rng.choice([[], (), {}, b"", [1, 2, 3], True, None])


def term(rng: random.Random, depth: int, raw: bool = True) -> Any:
    if depth == 0 or rng.random() < 0.25:
        return leaf(rng, raw)
    parts = [term(rng, depth - 1, raw) for _ in range(rng.choice([1, 2, 3, 4, 12]))]
    kind = rng.randrange(6)
    if kind == 0:
        return parts
    if kind == 1:
        return tuple(parts)
    if kind == 2:
        return (Atom(rng.choice(ATOMS)), *parts)
    if kind == 3:
        return ImproperList(parts, Atom(rng.choice(ATOMS)))
    if kind == 4:
        return [(Atom(rng.choice(ATOMS)), part) for part in parts]
    return {Atom(f"key_{n}"): part for n, part in enumerate(parts)}


def cases(rng: random.Random, release: int) -> list[tuple[bytes, list[Any]]]:
    made: list[tuple[bytes, list[Any]]] = []
    # Of binaries that are no UTF-8 OTP 28 takes fewer for Latin-1.
    raw = release < 28
    forms = ["~p", "~tp", "~w", "~tw", "~lp", "~40p", "~120tp", "~20.5p", "~0p"]
    forms += ["~30w", "~-80w|", "~10.5w|"]
    for _ in range(CASES):
        before = rng.choice(["", "", "some text: ", "a\tb: ", "~p is\n  "])
        arguments = [term(rng, 1, raw)] if "~" in before else []
        form, value = rng.choice(forms), term(rng, rng.randrange(5), raw)
        made.append(((before + form).encode(), [*arguments, value]))
    for _ in range(CASES):
        form = rng.choice(["~P", "~tP", "~W", "~tW", "~40P"])
        depth = rng.choice([0, 1, 2, 3, 5, 8, 20, -1])
        value = term(rng, rng.randrange(4), raw)
        made.append((form.encode(), [value, depth]))
    for _ in range(CASES):
        width = rng.choice(["", "5", "-5", "12", "-12", "30", "*"])
        precision = rng.choice(["", "", ".3", ".8", ".16", ".36", ".1", "..0", ".4.x"])
        letter = rng.choice("sscbBxX#+fegin~w") + rng.choice(["", "|"])
        modifier = rng.choice(["", "t"])
        arguments = [rng.choice([7, -9])] if width == "*" else []
        if letter[0] not in "n~":
            arguments.append(small(rng, letter[0]))
        if letter[0] in "xX":
            arguments.append(rng.choice([Atom("0x"), [48, [120]], b"0x", []]))
        form = f"<~{width}{precision}{modifier}{letter}>"
        made.append((form.encode(), arguments))
    return made


def small(rng: random.Random, letter: str) -> Any:
    if letter == "s":
        word = rng.choice(WORDS)
        return rng.choice([word.encode(), list(map(ord, word)), Atom("some_atom"), 1])
    if letter in "feg":
        value = rng.choice([0.0, 1.0, 0.05, 9.9999999, 1e30, -2.5, 12345.678, 1])
        return rng.choice([value, rng.uniform(-1, 1), rng.uniform(-1e4, 1e4)])
    return rng.choice([0, 1, 65, 255, 1078, -1, -255, 10**25, Atom("a")])


@pytest.mark.parametrize("seed", range(10, 18))
async def test_a_device_writes_what_io_lib_writes(beam: Beam, seed: int) -> None:
    given = cases(random.Random(seed), beam.release)
    wrong = []
    for form, arguments, characters in await beam.run(RUN, Cases=given):
        expected = None if characters == "failed" else "".join(map(chr, characters))
        if (ours := render(form, arguments)) != expected:
            wrong.append((form, arguments, expected, ours))
    assert not wrong, f"{len(wrong)}: {wrong[:3]}"
