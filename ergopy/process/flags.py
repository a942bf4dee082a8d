"""Process flags, by their OTP names.

Only ``trap_exit`` does something here. What a BEAM's scheduler and memory management
take from the others has no counterpart, but programs set them and tools show them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom

if TYPE_CHECKING:
    from .process import Process

PRIORITIES = ("low", "normal", "high", "max")
QUEUE_DATA = ("off_heap", "on_heap")

DEFAULTS: dict[str, Any] = {
    "async_dist": False,
    "error_handler": Atom("error_handler"),
    "fullsweep_after": 65535,
    "max_heap_size": {
        Atom("error_logger"): True,
        Atom("kill"): True,
        Atom("size"): 0,
    },
    "message_queue_data": Atom("on_heap"),
    "min_bin_vheap_size": 46422,
    "min_heap_size": 233,
    "priority": Atom("normal"),
    "save_calls": 0,
    "sensitive": False,
}
"""The flags that are kept for show, with the values of a new process."""


def flag(process: Process, name: str) -> Any:
    """Return the value of a flag.

    Raises:
        KeyError: There is no such flag.
    """
    if name == "trap_exit":
        return process.trap_exit
    kept = process.flags
    return DEFAULTS[name] if kept is None else kept.get(name, DEFAULTS[name])


def set_flag(process: Process, name: str, value: Any) -> Any:
    """Do what ``Process.process_flag`` says."""
    if name != "trap_exit" and name not in DEFAULTS:
        raise ValueError(f"there is no process flag {name!r}")
    value = _checked(name, value)
    old = flag(process, name)
    if name == "trap_exit":
        process.trap_exit = value
        return old
    if process.flags is None:
        process.flags = {}
    process.flags[name] = value
    return old


def _checked(name: str, value: Any) -> Any:
    if name == "priority":
        fine = value in PRIORITIES
    elif name == "message_queue_data":
        fine = value in QUEUE_DATA
    elif name in ("trap_exit", "sensitive", "async_dist"):
        fine = isinstance(value, bool)
    elif name == "max_heap_size":
        fine = isinstance(value, dict) or is_size(value)
    elif name == "error_handler":
        fine = isinstance(value, str)
    else:
        fine = is_size(value)
    if not fine:
        raise ValueError(f"the process flag {name} cannot be {value!r}")
    return Atom(value) if type(value) is str else value


def is_size(value: Any) -> bool:
    """Tell whether *value* can be a number of words, or the like."""
    return type(value) is int and value >= 0
