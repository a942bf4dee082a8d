"""``etf.phash2`` against ``erlang:phash2``.

Some of what a BEAM answers is kept in ``tests/data/phash2.json`` for ``tests/``, which
``ERGOPY_CAPTURE=1`` writes anew.
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import etf

from .phash2_terms import Generator, edges

if TYPE_CHECKING:
    from .beam import Beam

VECTORS = Path(__file__).parents[1] / "tests" / "data" / "phash2.json"

# One by one, so that a term which this release refuses spoils no other.
HASHES = """
    [try erlang:phash2(binary_to_term(Data), Range)
     catch error:Reason -> Reason end || {Data, Range} <- Cases]
"""


async def hashes(beam: Beam, terms: list[Any], ranges: list[int]) -> list[Any]:
    data = [etf.encode(term) for term in terms]
    return await beam.run(HASHES, Cases=list(zip(data, ranges, strict=True)))


def differences(terms: list[Any], ranges: list[int], theirs: list[Any]) -> list[Any]:
    ours = map(etf.phash2, terms, ranges)
    rows = zip(terms, ranges, ours, theirs, strict=True)
    return [row for row in rows if row[2] != row[3]]


async def test_the_hash_of_each_edge_is_that_of_the_beam(beam: Beam) -> None:
    terms = edges()
    ranges = [2**32] * len(terms)
    theirs = await hashes(beam, terms, ranges)
    assert differences(terms, ranges, theirs) == []
    if os.environ.get("ERGOPY_CAPTURE") == "1":
        short = [
            [etf.encode(term).hex(), value]
            for term, value in zip(terms, theirs, strict=True)
            if len(etf.encode(term)) < 200
        ]
        VECTORS.write_text(json.dumps(short, indent=0) + "\n")


async def test_the_saved_hashes_are_those_of_the_beam(beam: Beam) -> None:
    saved = json.loads(VECTORS.read_text())
    terms = [etf.decode(bytes.fromhex(data)) for data, _ in saved]
    theirs = await hashes(beam, terms, [2**32] * len(terms))
    assert theirs == [value for _, value in saved]


async def test_the_hash_of_thousands_of_random_terms_is_that_of_the_beam(
    beam: Beam,
) -> None:
    seed = random.randrange(2**32)
    generator = Generator(seed)
    for _ in range(8):
        terms = [generator.term() for _ in range(500)]
        ranges = [random.choice([2**27, 2**32, 7, 1, 1000]) for _ in terms]
        theirs = await hashes(beam, terms, ranges)
        assert differences(terms, ranges, theirs) == [], f"seed {seed}"


async def test_live_identifiers_and_funs_of_the_beam_hash_as_they_do_there(
    beam: Beam,
) -> None:
    pairs = await beam.run("""
        A = 1, B = {<<"x">>, [1.0]},
        Terms = [self(), make_ref(), alias(), hd(erlang:ports()), fun lists:map/2,
                 fun(X) -> {A, B, X} end, fun() -> B end, fun() -> ok end,
                 {self(), [make_ref() | self()]}, #{self() => make_ref()},
                 processes(), lists:seq(1, 300), <<1:1>>, <<0:3, 1:7, 5:13>>,
                 erlang:get_module_info(lists), application:get_all_key(kernel)],
        [{T, erlang:phash2(T)} || T <- Terms]
    """)
    for term, value in pairs:
        assert etf.phash2(term) == value, term


async def test_the_default_range_is_that_of_the_beam(beam: Beam) -> None:
    theirs = await beam.run("[erlang:phash2(N) || N <- lists:seq(1, 1000)]")
    assert theirs == [etf.phash2(number) for number in range(1, 1001)]
