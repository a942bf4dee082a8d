"""``process_info``: what can be seen of a process from outside, by OTP's item names.

The shapes are OTP's. What only a BEAM has (heaps, garbage collection, traces) has the
value of a BEAM process that has none of it. ``memory`` and what is made from it is an
estimate: Python does not say which object belongs to whom. To look makes nothing: a
process gets none of the tables that it does without.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from etf import Atom, Charlist, Pid

from . import stacks
from .atoms import APPLY, ERLANG, INITIAL_CALL, PROCESS, UNDEFINED
from .flags import DEFAULTS, flag
from .links import is_active
from .mailbox import REDUCTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType, FrameType

    from .process import Process

_INIT_P = (Atom("proc_lib"), Atom("init_p"), 5)

LOOKED_INTO = 1000
"""Messages of a mailbox whose size is looked at for the estimate of the memory."""

# A task of Trio, its context, cancel scope and the frames of a body that waits.
_TASK_BYTES = 2500

_WORD = 8


def process_info(process: Process, item: Any = None) -> Any:
    """Return one ``(item, value)``, or the list of several; ``process_info/1,2``.

    Without *item* these are the ones that OTP shows by default. A process without a
    name has ``[]`` for ``registered_name`` alone, and no such entry by default.

    Raises:
        ValueError: There is no such item.
    """
    if item is None:
        named = ["registered_name"] if process.names else []
        return [_item(process, one) for one in (*named, *_SHOWN)]
    if isinstance(item, list):
        return [_item(process, one) for one in item]
    if item == "registered_name" and not process.names:
        return []
    return _item(process, item)


def _item(process: Process, item: Any) -> tuple[Any, Any]:
    if isinstance(item, str):
        make = _ITEMS.get(item)
        if make is not None:
            return Atom(item), make(process)
        if item in DEFAULTS:
            return Atom(item), flag(process, item)
    elif isinstance(item, tuple) and len(item) == 2 and item[0] == "dictionary":
        value = (process._dictionary or {}).get(item[1], UNDEFINED)
        return (Atom("dictionary"), item[1]), value
    raise ValueError(f"process_info has no item {item!r}")


def _frames(process: Process) -> Iterator[FrameType]:
    return stacks.frames(getattr(process.life, "cr_await", None))


def _mfa(frame: FrameType) -> tuple[Any, ...]:
    code: CodeType = frame.f_code
    return Atom(stacks.module(frame)), Atom(code.co_qualname[:255]), code.co_argcount


def _location(frame: FrameType) -> tuple[Any, ...]:
    where = [
        (Atom("file"), Charlist(frame.f_code.co_filename)),
        (Atom("line"), frame.f_lineno or 0),
    ]
    return (*_mfa(frame), where)


def _initial_call(process: Process) -> Any:
    if INITIAL_CALL in (process._dictionary or ()):
        # As of what proc_lib has started: where to look for the call is known.
        return _INIT_P
    return next(map(_mfa, _frames(process)), (ERLANG, APPLY, 2))


def _stack(process: Process) -> list[tuple[Any, ...]]:
    return [_location(frame) for frame in _frames(process)][::-1]


def _current_function(process: Process) -> Any:
    stack = _stack(process)
    return stack[0][:3] if stack else (ERLANG, APPLY, 2)


def _current_location(process: Process) -> Any:
    stack = _stack(process)
    return stack[0] if stack else (ERLANG, APPLY, 2, [])


def backtrace(process: Process) -> str:
    """Return the stack of the body as text, as in a traceback."""
    return stacks.text(getattr(process.life, "cr_await", None))


def _status(process: Process) -> Atom:
    runs = process.runtime.current is process
    return Atom("running") if runs else Atom("waiting")


def _registered_name(process: Process) -> Any:
    return Atom(process.names[0]) if process.names else []


def _monitors(process: Process) -> list[tuple[Atom, Any]]:
    return [(PROCESS, record.reported) for record in (process._monitors or {}).values()]


def _monitored_by(process: Process) -> list[Pid]:
    # A watcher is a process here or over there, or something that has no pid.
    holders = map(_holder, process.watchers.values())
    return [pid for pid in holders if pid is not None]


def _holder(watcher: Any) -> Pid | None:
    for owner in ("owner", "caller"):
        process = getattr(watcher, owner, None)
        if process is not None:
            return process.pid  # type: ignore[no-any-return]
    pid = getattr(watcher, "watcher", None)
    return pid if isinstance(pid, Pid) else None


def _memory(process: Process) -> int:
    messages = process.messages()
    looked_into = messages[:LOOKED_INTO]
    size = sum(map(sys.getsizeof, looked_into))
    if len(messages) > len(looked_into):
        size = size * len(messages) // len(looked_into)
    held = (
        process._links or (),
        process._monitors or (),
        process.watchers,
        process._dictionary or (),
    )
    size += len(messages) * _WORD + sum(map(sys.getsizeof, held))
    return _TASK_BYTES + sys.getsizeof(process) + size


def _words(process: Process) -> int:
    return _memory(process) // _WORD


def _constant(value: Any) -> Callable[[Process], Any]:
    return lambda _: value


_ITEMS: dict[str, Callable[[Process], Any]] = {
    "backtrace": lambda p: backtrace(p).encode("utf-8", "replace"),
    "binary": _constant([]),
    "catchlevel": _constant(0),
    "current_function": _current_function,
    "current_location": _current_location,
    "current_stacktrace": _stack,
    "dictionary": lambda p: list((p._dictionary or {}).items()),
    "dropped": lambda p: p.dropped,
    "garbage_collection": lambda p: (
        [
            (Atom(name), flag(p, name))
            for name in (
                "max_heap_size",
                "min_bin_vheap_size",
                "min_heap_size",
                "fullsweep_after",
            )
        ]
        + [(Atom("minor_gcs"), 0)]
    ),
    "garbage_collection_info": _constant([]),
    "group_leader": lambda p: p.group_leader,
    "heap_size": _words,
    "initial_call": _initial_call,
    "label": lambda p: p.label,
    "last_calls": _constant(False),
    "links": lambda p: [
        pid for pid, state in (p._links or {}).items() if is_active(state)
    ],
    "magic_ref": _constant([]),
    "memory": _memory,
    "message_queue_len": lambda p: p.message_count(),
    "messages": lambda p: p.messages(),
    "monitored_by": _monitored_by,
    "monitors": _monitors,
    "parent": lambda p: UNDEFINED if p.parent is None else p.parent,
    "priority_messages": _constant(False),
    "reductions": lambda p: p.spent + REDUCTIONS - p.budget,
    "registered_name": _registered_name,
    "sequential_trace_token": _constant([]),
    "stack_size": lambda p: len(_stack(p)),
    "status": _status,
    "suspending": _constant([]),
    "total_heap_size": _words,
    "trace": _constant(0),
    "trap_exit": lambda p: p.trap_exit,
}

_SHOWN = (
    "current_function",
    "initial_call",
    "status",
    "message_queue_len",
    "links",
    "dictionary",
    "trap_exit",
    "error_handler",
    "priority",
    "group_leader",
    "total_heap_size",
    "heap_size",
    "stack_size",
    "reductions",
    "garbage_collection",
    "suspending",
)
