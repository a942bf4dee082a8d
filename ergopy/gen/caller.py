"""Who acts: the ``caller=`` of functions that are no verbs of a process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import LocalProtocolError
from ..process.context import self
from ..process.process import Process
from .behaviour import Behaviour

if TYPE_CHECKING:
    from ..process.runtime import Runtime


def acting(caller: Any = None) -> Process:
    """Return the process that *caller* stands for.

    Args:
        caller: A process, a behaviour, or a node, which acts for a program that is in
            no process. None is the process that runs this code.

    Raises:
        LocalProtocolError: None, and no process runs this code.
        TypeError: *caller* is something else.
    """
    if caller is None:
        try:
            return self()
        except LocalProtocolError:
            raise LocalProtocolError(
                "outside of a process: say for whom, as in caller=node"
            ) from None
    if isinstance(caller, Process):
        return caller
    if isinstance(caller, Behaviour):
        return caller.process
    runtime: Runtime | None = getattr(caller, "runtime", None)
    if runtime is None:
        raise TypeError(f"caller= is a process, behaviour or node, not {caller!r}")
    return runtime.root
