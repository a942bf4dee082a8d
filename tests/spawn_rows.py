"""Spawn requests, good and bad, and what becomes of each.

One row is one request to start ``erlang:exit(oops)``. What a BEAM does with it is in
``tests/data/spawn_outcomes.json``: captured by ``interop/test_spawn_rows.py`` from OTP
25, 27 and 28, and demanded from ours by ``tests/node/test_spawn_rows.py``.
"""

from __future__ import annotations

from typing import Any

import etf
from etf import Atom, ImproperList
from tests.signal_rows import TOKEN, Row, W, name

ATOM = Atom("x")
EXIT = (Atom("erlang"), Atom("exit"), 1)
MONITOR = [Atom("monitor")]
GOOD = (29, W("ref"), W("me"), W("me"), EXIT, MONITOR)
OOPS = [Atom("oops")]

_CHOICES: dict[str, tuple[int, list[Any]]] = {
    "request": (1, [W("third ref"), W("old ref"), W("me"), ATOM, 7, []]),
    # A process of a third node as the one who asks: a BEAM starts it, and its end is
    # told to nobody. Ours is stricter.
    "from": (2, [W("my old"), W("bob"), W("ref"), ATOM, 7, []]),
    "leader": (3, [W("third"), W("my old"), W("bob"), W("ref"), ATOM, 7, []]),
    "mfa": (
        4,
        [
            ATOM,
            (),
            EXIT[:2],
            (*EXIT, 1),
            (7, Atom("exit"), 1),
            (b"erlang", Atom("exit"), 1),
            (Atom("erlang"), 7, 1),
            (None, True, 1),
            (Atom("no_such"), Atom("exit"), 1),
            *((*EXIT[:2], arity) for arity in (0, 7, 255, 256, -1, 2**32, 2**64, 1.0)),
            (*EXIT[:2], ATOM),
        ],
    ),
    "args": (6, [[], [1, 2, 3, 4], ATOM, 7, b"x", {}, (1,), ImproperList([1], 2)]),
}

OPTIONS = """
[] [link] [monitor] [link,link] [monitor,link,monitor]
[{priority,low}] [{priority,normal}] [{priority,high}] [{priority,max}]
[{priority,high},{priority,low}] [{priority,bad}] [{priority,1}]
[{min_heap_size,0}] [{min_heap_size,1000}] [{min_heap_size,-1}] [{min_heap_size,a}]
[{min_heap_size,true}] [{min_heap_size,1.0}]
[{min_bin_vheap_size,10}] [{min_bin_vheap_size,-1}]
[{fullsweep_after,0}] [{fullsweep_after,-1}] [{fullsweep_after,bad}]
[{max_heap_size,0}] [{max_heap_size,100000}] [{max_heap_size,-1}] [{max_heap_size,1}]
[{max_heap_size,232}] [{max_heap_size,233}] [{max_heap_size,#{size=>232}}]
[{max_heap_size,#{}}] [{max_heap_size,#{kill=>true}}] [{max_heap_size,#{size=>0}}]
[{max_heap_size,#{size=>100000}}] [{max_heap_size,#{size=>100000,other=>1}}]
[{max_heap_size,#{size=>100000,kill=>true,error_logger=>false}}]
[{max_heap_size,#{size=>100000,include_shared_binaries=>true}}]
[{max_heap_size,#{size=>100000,kill=>x}}]
[{message_queue_data,on_heap}] [{message_queue_data,off_heap}]
[{message_queue_data,mixed}] [{scheduler,1}] [{scheduler,-1}] [{async_dist,true}]
[{async_dist,1}] [{monitor,[]}] [{monitor,[{tag,x}]}] [{monitor,[{alias,demonitor}]}]
[{monitor,[{alias,explicit_unalias}]}] [{monitor,[{alias,reply_demonitor}]}]
[{monitor,x}] [{monitor,[{alias,x}]}] [{monitor,[x]}] [{monitor,[{tag,x,y}]}]
[{monitor,[priority]}] [{link,[]}] [{link,[priority]}] [{link,x}] [{link,[x]}]
[{link,[priority|x]}] [{reply,yes}] [{reply,no}] [{reply_tag,x}]
x [x] [1] [[link]] [{link}] [{a,b}] [{a,b,c}] [{[1],1}] [{1,link}] [<<>>] <<"link">>
#{} {link} [link|monitor] [link|x] [trap_exit] [{parent,x}] [{group_leader,x}]
[{name,x}] [link,{monitor,[]},unknown]
"""


def _rows() -> list[Row]:
    rows = [
        Row("good", GOOD, OOPS),
        Row("short", GOOD[:-1], OOPS),
        Row("long", (*GOOD, ATOM), OOPS),
        Row("traced", (30, *GOOD[1:], TOKEN), OOPS),
    ]
    for field, (place, values) in _CHOICES.items():
        for value in values:
            everything = [*GOOD, OOPS]
            everything[place] = value
            *control, payload = everything
            rows.append(Row(f"{field}={value!r}", tuple(control), payload))
    for text in OPTIONS.split():
        control = (*GOOD[:5], etf.parse(text, "erlang"))
        rows.append(Row(f"options={text}", control, OOPS))
    return rows


ROWS = _rows()


def to_come(answers: list[tuple[Any, ...]]) -> list[int]:
    """The operations that a started process will send at its end."""
    for control in answers:
        if control[0] in (31, 32) and not isinstance(control[4], str):
            return [number for bit, number in ((1, 24), (2, 28)) if control[3] & bit]
    return []


def say(answer: tuple[Any, ...], words: dict[str, Any]) -> str:
    """Write an answer as text; of an error only what is before its stack trace."""
    *control, last = answer
    if answer[0] in (24, 28) and isinstance(last, tuple):
        last = last[0]
    return " ".join(map(str, name((*control, last), words)))
