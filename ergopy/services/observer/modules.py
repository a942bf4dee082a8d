"""``Module:module_info/0,1``: the modules of the behaviours that run here.

The observer asks for it before it shows the state of a process. A module of a behaviour
is its class, as in the process's initial call.
"""

from __future__ import annotations

from typing import Any

from etf import Atom

from ...gen.state_machine import StateMachine
from ...node.questions import ANY, Refused, Room
from ...process import stacks
from ...process.atoms import INITIAL_CALL, UNDEF

ROOM = Room(ANY)

_GEN_SERVER = Atom("gen_server")
_GEN_STATEM = Atom("gen_statem")
_OF_OTP = {
    "supervisor": _GEN_SERVER,
    "application_controller": _GEN_SERVER,
}


@ROOM.reads
def module_info(node: Any, module: str, item: Any = None) -> Any:
    """What a module is: which behaviour, and what it has for other nodes."""
    behaviour = _OF_OTP.get(module) or _behaviour(node, module)
    if behaviour is None and module not in node.exports.modules():
        raise Refused(UNDEF)
    told: dict[str, Any] = {
        "module": Atom(module),
        "exports": node.exports.functions_of(module),
        "attributes": [] if behaviour is None else [(Atom("behaviour"), [behaviour])],
        "compile": [],
        "md5": b"",
    }
    if item is None:
        return [(Atom(name), value) for name, value in told.items()]
    if item not in told:
        raise ValueError(item)
    return told[item]


def _behaviour(node: Any, module: str) -> Atom | None:
    """Return which behaviour of OTP the class is like; None if none of it runs."""
    for process in node.runtime.processes.values():
        call = (process._dictionary or {}).get(INITIAL_CALL)
        if isinstance(call, tuple) and call[:1] == (module,):
            frame = next(stacks.frames(getattr(process.life, "cr_await", None)), None)
            server = None if frame is None else frame.f_locals.get("self")
            machine = getattr(server, "_kind", None) == StateMachine._kind
            return _GEN_STATEM if machine else _GEN_SERVER
    return None
