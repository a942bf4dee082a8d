"""Control messages, good and bad, and what becomes of each.

One row is one packet to a node on which a process with the name ``bob`` traps exits
and has an alias. Where an outcome of a BEAM is known it is in
``tests/data/signal_outcomes.json``: captured by ``interop/test_signal_rows.py`` from
OTP 25, 27 and 28, and demanded from ours by ``tests/node/test_signal_rows.py``.

Everything that differs from run to run has a name: ``me`` is a process of the sender,
``third`` one of another node, ``bob`` the process, ``dead`` one that never was,
``old`` that of an earlier start with the same numbers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ergopy.dist.control import OPERATIONS
from etf import Atom, ImproperList, Pid, Reference


class Row(NamedTuple):
    """One packet; names stand for terms until :func:`fill` puts these in."""

    name: str
    control: Any
    payload: Any = None


class Word(str):
    """The name of a term that differs from run to run."""

    __slots__ = ()


W = Word
ATOM = Atom("x")
TOKEN = (1, Atom("label"), 1, W("me"), 0)
HI = Atom("hi")

# What is right, for each operation; the fields that are worth breaking follow.
GOOD: dict[int, tuple[Any, ...]] = {
    1: (W("me"), W("bob")),
    2: (Atom(""), W("bob")),
    3: (W("me"), W("bob"), HI),
    6: (W("me"), Atom(""), Atom("bob")),
    7: (W("me"), W("bob")),
    8: (W("me"), W("bob"), HI),
    12: (Atom(""), W("bob"), TOKEN),
    13: (W("me"), W("bob"), TOKEN, HI),
    16: (W("me"), Atom(""), Atom("bob"), TOKEN),
    18: (W("me"), W("bob"), TOKEN, HI),
    19: (W("me"), W("bob"), W("ref")),
    20: (W("me"), W("bob"), W("ref")),
    21: (W("me"), W("bob"), W("their ref"), HI),
    22: (W("me"), W("bob")),
    23: (W("me"), W("bob"), TOKEN),
    24: (W("me"), W("bob")),
    25: (W("me"), W("bob"), TOKEN),
    26: (W("me"), W("bob")),
    27: (W("me"), W("bob"), TOKEN),
    28: (W("me"), W("bob"), W("their ref")),
    31: (W("their ref"), W("bob"), 0, W("me")),
    32: (W("their ref"), W("bob"), 0, W("me"), TOKEN),
    33: (W("me"), W("alias")),
    34: (W("me"), W("alias"), TOKEN),
    35: (5, W("me"), W("bob")),
    36: (5, W("me"), W("bob")),
}

# What else may stand where a pid, a reference, a number, an atom is due.
PIDS = [W("third"), W("dead"), W("old"), W("my old"), ATOM, 7, W("ref"), []]
REFERENCES = [W("their ref"), W("third ref"), W("old ref"), ATOM, 7, W("me")]
NUMBERS = [0, 1, 3, -1, 2**32, 2**64 - 1, 2**64, ATOM, W("me"), 1.0]
ATOMS = [Atom("nobody"), Atom(""), None, 7, W("me"), b"bob", "bob"]
# A sender that is no process of the sending node, or a token that is none: the first
# has strange effects on a BEAM, and the second can crash it. Nobody sends them.
SENDERS = [W("third"), W("my old"), ATOM, 7, W("ref"), []]

_CHOICES = {
    "from": SENDERS,
    "to": PIDS,
    "leader": SENDERS,
    "pid": PIDS,
    "watcher": SENDERS,
    "target": [*PIDS, Atom("bob"), Atom("nobody"), None],
    "ref": REFERENCES,
    "request": REFERENCES,
    "alias": [*REFERENCES, W("old alias"), W("bob")],
    "id": NUMBERS,
    "flags": NUMBERS,
    "result": [ATOM, 7, W("bob"), W("third"), []],
    "name": ATOMS,
    "unused": [ATOM, 7, W("me")],
    "token": [],
    "reason": [],
}


# The answer to a monitor goes the other way.
_ANSWER = {
    "target": [*SENDERS, Atom("bob"), None],
    "watcher": PIDS,
    "ref": [W("ref"), W("third ref"), W("old ref"), ATOM, 7, W("me")],
}


def _variants(number: int) -> list[Row]:
    operation, good = OPERATIONS[number], (number, *GOOD[number])
    choices = _CHOICES | (_ANSWER if number in (21, 28) else {})
    payload = HI if operation.payload else None
    rows = [
        Row(operation.name, good, payload),
        Row(f"{operation.name} short", good[:-1], payload),
        Row(f"{operation.name} long", (*good, ATOM), payload),
    ]
    for place, field in enumerate(operation.fields, 1):
        for value in choices[field]:
            bad = (*good[:place], value, *good[place + 1 :])
            rows.append(Row(f"{operation.name} {field}={_say(value)}", bad, payload))
    return rows


ALTACT: list[tuple[Any, ...]] = [
    (37, 0, W("me"), W("bob")),
    (37, 1, W("me"), W("bob")),
    (37, 4, W("me"), W("alias")),
    (37, 5, W("me"), W("alias")),
    (37, 8, W("me"), Atom("bob")),
    (37, 9, W("me"), Atom("bob")),
    (37, 12, W("me"), Atom("bob")),
    (37, 12, W("me"), W("alias")),
    (37, 16, W("me"), W("bob")),
    (37, 17, W("me"), W("bob")),
    (37, 20, W("me"), W("alias")),
    (37, 21, W("me"), W("alias")),
    (37, 24, W("me"), Atom("bob")),
    (37, 28, W("me"), Atom("bob")),
    (37, 2, W("me"), W("bob"), TOKEN),
    (37, 6, W("me"), W("alias"), TOKEN),
    (37, 18, W("me"), W("bob"), TOKEN),
    (37, 22, W("me"), W("alias"), TOKEN),
    (37, 2, W("me"), W("bob")),
    (37, 0, W("me"), W("bob"), ATOM),
    (37, 2, W("me"), W("bob"), TOKEN, ATOM),
    (37, 0, W("me"), W("bob"), ATOM, ATOM, ATOM),
    (37, 4, W("me"), W("alias"), ATOM, ATOM),
    (37, 32, W("me"), W("bob")),
    (37, 2**40, W("me"), W("bob")),
    (37, 2**70 + 4, W("me"), W("alias")),
    (37, 2**70 + 16, W("me"), W("bob")),
    (37, -1, W("me"), W("bob")),
    (37, -(2**70), W("me"), W("bob")),
    (37, ATOM, W("me"), W("bob")),
    (37, 0, W("me")),
    (37, 0),
    (37,),
    (37, 0, W("third"), W("bob")),
    (37, 4, W("third"), W("alias")),
    (37, 8, W("third"), Atom("bob")),
    (37, 16, W("third"), W("bob")),
    (37, 20, W("third"), W("alias")),
    (37, 0, W("my old"), W("bob")),
    (37, 16, W("my old"), W("bob")),
    (37, 0, 7, W("bob")),
    (37, 4, ATOM, W("alias")),
    (37, 16, ATOM, W("bob")),
    (37, 0, W("me"), W("third")),
    (37, 0, W("me"), W("dead")),
    (37, 0, W("me"), W("old")),
    (37, 0, W("me"), W("alias")),
    (37, 0, W("me"), Atom("bob")),
    (37, 0, W("me"), 7),
    (37, 4, W("me"), W("bob")),
    (37, 4, W("me"), W("old alias")),
    (37, 4, W("me"), W("ref")),
    (37, 4, W("me"), W("third ref")),
    (37, 4, W("me"), 7),
    (37, 8, W("me"), W("bob")),
    (37, 8, W("me"), Atom("nobody")),
    (37, 8, W("me"), 7),
    (37, 16, W("me"), W("third")),
    (37, 16, W("me"), W("dead")),
    (37, 16, W("me"), W("old")),
    (37, 16, W("me"), W("alias")),
    (37, 16, W("me"), 7),
    (37, 20, W("me"), W("bob")),
    (37, 20, W("me"), W("old alias")),
    (37, 20, W("me"), W("ref")),
    (37, 20, W("me"), 7),
    (37, 24, W("me"), Atom("nobody")),
]

SHAPELESS = [
    Row("no operation", (5,)),
    Row("UNLINK", (4, W("me"), W("bob"))),
    Row("operation 0", (0, W("me"), W("bob"))),
    Row("operation 9", (9, W("me"), W("bob"))),
    Row("operation 38", (38, W("me"), W("bob")), HI),
    Row("operation 2**70", (2**70, W("me"), W("bob"))),
    Row("operation -1", (-1, W("me"), W("bob"))),
    Row("operation atom", (ATOM, W("me"), W("bob"))),
    Row("empty", ()),
    Row("LINK with a message", (1, W("me"), W("bob")), HI),
    Row("EXIT2 with a message", (8, W("me"), W("bob"), HI), HI),
]


def fill(term: Any, words: dict[str, Any]) -> Any:
    """Put the terms of a run into the place of their names."""
    if isinstance(term, Word):
        return words[term]
    if isinstance(term, tuple):
        return tuple(fill(item, words) for item in term)
    return term


def name(term: Any, words: dict[str, Any]) -> Any:
    """Write a term of a run as text, so that two runs can be compared."""
    for word, value in words.items():
        if isinstance(value, (Pid, Reference)) and term == value:
            return f"<{word}>"
    if isinstance(term, (tuple, list)):
        return [name(item, words) for item in term]
    if isinstance(term, (Pid, Reference, ImproperList)):
        return f"<some {type(term).__name__}>"
    return str(term)


def _say(value: Any) -> str:
    if isinstance(value, Word):
        return f"<{value}>"
    if isinstance(value, tuple):
        return "token" if value is TOKEN else "tuple"
    if isinstance(value, Atom):
        return f"'{value}'" if not value or "." in value else str(value)
    return repr(value)


ROWS = [row for number in GOOD for row in _variants(number)]
ROWS += [Row(" ".join(map(_say, control)), control, HI) for control in ALTACT]
ROWS += SHAPELESS
