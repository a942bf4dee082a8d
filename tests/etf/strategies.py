"""Hypothesis strategies for every kind of Erlang term.

``terms()`` yields what decoding yields, so that a round trip gives the same value and
the same types. ``encodable()`` adds the other Python values that can be sent.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from etf import (
    Atom,
    BitBinary,
    Charlist,
    Export,
    FrozenList,
    Fun,
    ImproperList,
    Pid,
    Port,
    Reference,
    TermMap,
)
from etf._encode import encode
from etf._identity import identity

U8 = st.integers(0, 0xFF)
U32 = st.integers(0, 0xFFFF_FFFF)
U64 = st.integers(0, 0xFFFF_FFFF_FFFF_FFFF)
I60 = st.integers(-(1 << 59), (1 << 59) - 1)

_LONG_NAMES = ["x" * 255, "é" * 255, "\U0001f600" * 255, "y" * 128]

_NAMES = st.one_of(
    st.sampled_from(["ok", "error", "undefined", "", "a", "Elixir.GenServer", "é"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    st.integers(0, 3).map(lambda number: _LONG_NAMES[number]),
)


def atoms() -> st.SearchStrategy[Atom]:
    """Atoms that stay atoms: neither ``true``, ``false`` nor ``nil``."""
    special = {"true": "True", "false": "False", "nil": "None"}
    return _NAMES.map(lambda name: Atom(special.get(name, name)))


def nodes() -> st.SearchStrategy[Atom]:
    return st.sampled_from(["a@h", "py@127.0.0.1", "nonode@nohost", "true"]).map(Atom)


def integers() -> st.SearchStrategy[int]:
    edges = [0, 255, 256, -1, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**63, -(2**64)]
    return st.one_of(
        st.integers(0, 300),
        st.sampled_from(edges),
        st.integers(),
        st.integers(-64, 64).map(lambda number: number << 2034),
    )


def floats() -> st.SearchStrategy[float]:
    return st.floats(allow_nan=False, allow_infinity=False)


def bit_binaries() -> st.SearchStrategy[BitBinary]:
    return st.builds(BitBinary, st.binary(min_size=1, max_size=8), st.integers(1, 7))


def pids() -> st.SearchStrategy[Pid]:
    return st.builds(Pid, nodes(), U32, U32, U32)


def references() -> st.SearchStrategy[Reference]:
    words = st.lists(U32, min_size=1, max_size=5).map(tuple)
    return st.builds(Reference, nodes(), U32, words)


def ports() -> st.SearchStrategy[Port]:
    return st.builds(Port, nodes(), st.one_of(st.integers(0, 1 << 29), U64), U32)


def exports() -> st.SearchStrategy[Export]:
    return st.builds(Export, _NAMES, _NAMES, U8)


def leaves() -> st.SearchStrategy[Any]:
    """Everything without parts."""
    return st.one_of(
        st.booleans(),
        st.none(),
        atoms(),
        integers(),
        floats(),
        st.binary(max_size=12),
        bit_binaries(),
        pids(),
        references(),
        ports(),
        exports(),
    )


def funs(free: st.SearchStrategy[Any]) -> st.SearchStrategy[Fun]:
    return st.builds(
        Fun,
        module=_NAMES,
        arity=U8,
        uniq=st.binary(min_size=16, max_size=16),
        index=U32,
        old_index=I60,
        old_uniq=I60,
        pid=pids(),
        free=st.lists(free, max_size=2).map(tuple),
    )


def _distinct(pairs: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Keep the first pair of those whose keys are one term."""
    return list(
        {identity(key): (key, value) for key, value in reversed(pairs)}.values()
    )


def _map(pairs: list[tuple[Any, Any]]) -> Any:
    try:
        plain = dict(pairs)
    except BytesWarning:
        # python -bb minds that an atom and a binary of one name have one hash.
        return TermMap(pairs)
    return plain if len(plain) == len(pairs) else TermMap(pairs)


def maps(
    keys: st.SearchStrategy[Any], values: st.SearchStrategy[Any]
) -> st.SearchStrategy[Any]:
    """A ``dict``; a ``TermMap`` where a ``dict`` would lose a key."""
    return st.lists(st.tuples(keys, values), max_size=4).map(_distinct).map(_map)


_TWINS = st.sampled_from([0, 0.0, -0.0, 1, 1.0, True, False])


def keys() -> st.SearchStrategy[Any]:
    """Everything that can be a key, as decoding makes it."""
    return _KEYS


def _frozen(part: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    parts = st.lists(part, max_size=2)
    return st.one_of(
        parts.map(tuple),
        parts.map(FrozenList),
        st.builds(ImproperList, st.tuples(part, part), leaves()),
        st.lists(st.tuples(part, part), max_size=2).map(_distinct).map(TermMap),
        funs(part),
    )


_KEYS: st.SearchStrategy[Any] = st.deferred(
    lambda: st.one_of(_TWINS, leaves(), _frozen(_TWINS), _frozen(leaves() | _KEYS))
)


def _containers(part: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.lists(part, max_size=4),
        st.lists(part, max_size=4).map(tuple),
        st.lists(U8, max_size=5),
        st.builds(ImproperList, st.lists(part, min_size=1, max_size=3), leaves()),
        maps(keys(), part),
        funs(part),
    )


def terms() -> st.SearchStrategy[Any]:
    """Any term, in the form in which decoding gives it."""
    return st.recursive(leaves(), _containers, max_leaves=10)


def encodable() -> st.SearchStrategy[Any]:
    """Any value that can be sent, some of which come back as another type."""
    others = st.one_of(
        st.text(max_size=5),
        st.binary(max_size=5).map(bytearray),
        st.binary(max_size=5).map(lambda data: memoryview(data)),
        st.text(max_size=5).map(Charlist),
        st.sampled_from([Atom("true"), Atom("false"), Atom("nil")]),
        st.lists(U8, max_size=3).map(FrozenList),
        keys(),
    )
    return st.recursive(st.one_of(leaves(), others), _containers, max_leaves=10)


def damaged() -> st.SearchStrategy[bytes]:
    """An encoded term with some bytes changed, cut, repeated or inserted.

    Pure noise rarely gets past the first tag; this does.
    """
    return st.builds(_damage, terms(), st.lists(_EDITS, min_size=1, max_size=3))


_EDITS = st.tuples(
    st.sampled_from(["set", "cut", "drop", "insert", "repeat"]),
    st.integers(0, 1 << 16),
    st.one_of(U8, st.integers(70, 121), st.sampled_from([0, 1, 0x7F, 0x80, 0xFF])),
)


def _damage(term: Any, edits: list[tuple[str, int, int]]) -> bytes:
    data = bytearray(encode(term))
    for kind, where, value in edits:
        at = where % (len(data) + 1) or 1
        if kind == "set":
            data[at : at + 1] = [value]
        elif kind == "cut":
            del data[at:]
        elif kind == "drop":
            del data[at : at + 1]
        elif kind == "insert":
            data[at:at] = [value]
        else:
            data[at:at] = data[at : at + value]
    return bytes(data)
