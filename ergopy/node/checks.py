"""What the parts of a control tuple have to be (protocol 4.2).

A function here returns what is right, or raises ValueError or TypeError with what is
wrong; the dispatcher then closes the connection. What is well formed and leads to
nobody is no mistake.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom, Pid, Reference

from ..errors import RemoteProtocolError

if TYPE_CHECKING:
    from ..process.process import Process
    from ..process.runtime import Runtime

_NIL, _TRUE, _FALSE = Atom("nil"), Atom("true"), Atom("false")


def is_atom(term: Any) -> bool:
    """Tell whether *term* is an atom, also one with a Python value of its own."""
    return term is None or term.__class__ is bool or isinstance(term, Atom)


def as_atom(name: Any) -> Atom:
    """Return a name as an atom, also one that Python has a value of its own for."""
    if isinstance(name, Atom):
        return name
    if name is None:
        return _NIL
    if name.__class__ is bool:
        return _TRUE if name else _FALSE
    raise TypeError("a name is an atom")


def is_own(runtime: Runtime, ref: Reference) -> bool:
    """Tell whether this very start of the node has made a reference."""
    return ref.creation == runtime.creation and ref.node == runtime.name


def check_pid(term: Any) -> None:
    """Demand a pid, of whatever node."""
    if term.__class__ is not Pid:
        raise TypeError("a process is named by its pid")


def check_reference(term: Any) -> None:
    """Demand a reference, of whatever node."""
    if term.__class__ is not Reference:
        raise TypeError("that is no reference")


def check_sender(sender: Any, peer: str) -> None:
    """Demand a process of the peer; of which start of it does not matter."""
    if sender.__class__ is not Pid or sender.node != peer:
        raise RemoteProtocolError("the sender is no process of this peer")


def check_unlink_id(number: Any, least: int) -> None:
    """Demand a number that an unlink can have."""
    if type(number) is not int or not least <= number < 1 << 64:
        raise RemoteProtocolError("that is no unlink id")


def find(runtime: Runtime, to: Any) -> Process | None:
    """Find a process by any pid; None if it is not ours, dead, or of another start."""
    if to.__class__ is not Pid:
        raise TypeError("the receiver is a pid")
    process = runtime.processes.get(to.id)
    return process if process is not None and process.pid == to else None


def find_ours(runtime: Runtime, to: Any) -> Process | None:
    """Find a process by a pid that has to be ours, if of an earlier start.

    A BEAM sends link signals to processes of an earlier start, and closes when it gets
    one: a connection between two BEAMs is lost by ``link(P), unlink(P)``. Here not.
    """
    process = find(runtime, to)
    if process is None and to.node != runtime.name:
        raise RemoteProtocolError("the receiver is no process of ours")
    return process
