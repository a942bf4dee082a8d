"""Via names: ``{via, Module, Name}`` of OTP, names that something else keeps.

A :class:`Via` says who keeps the name and what the name is there. It is a destination
wherever a pid is one, and a name for ``spawn`` and ``start``. Nothing of it is kept:
each use asks anew, so that it finds who has the name now.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, final

from etf import Atom

from ..errors import NameTaken, NoProcess

if TYPE_CHECKING:
    from etf import Pid

    from ..abc import NameRegister
    from .process import Process
    from .runtime import Runtime

_VIA = Atom("via")


@final
class Via:
    """A name in a register that is not the node's own; ``{via, Module, Name}``.

    Args:
        module: Who keeps the name: the local name of an :class:`ergopy.Registry` (or
            of whatever else stands in for one), an object with the three methods of
            :class:`ergopy.abc.NameRegister`, or ``"global"`` for the whole cluster.
        name: What the process is called there; any term for a registry.
        value: What a registry is to keep with the name, when a process is started
            under it.

    A name that nobody has is to each verb what a local name that nobody has is to it.

    Raises:
        NoProcess: When it is used and there is no such registry on the node.
    """

    __slots__ = ("found", "module", "name", "value")

    def __init__(
        self, module: str | NameRegister, name: Any, value: Any = None
    ) -> None:
        self.module = module
        self.name = name
        self.value = value
        self.found: Pid | None = None
        """Whom it led to when it was last used."""

    def __repr__(self) -> str:
        return f"Via({self.module!r}, {self.name!r})"

    @property
    def node(self) -> str:
        """The node it led to when it was last used."""
        return "" if self.found is None else self.found.node

    def __etf__(self) -> Any:
        """Be the tuple of OTP in a message; it leads nowhere on another node."""
        return _VIA, Atom(str(self.module)[:255]), self.name

    def whereis(self, runtime: Runtime) -> Pid | None:
        """Return who has the name now, or None."""
        self.found = self._register_of(runtime).whereis_name(self.name)
        return self.found

    def check_free(self, runtime: Runtime) -> None:
        """Raise ``NameTaken`` if somebody has the name."""
        owner = self.whereis(runtime)
        if owner is not None:
            raise NameTaken(self, owner)

    def claim_for(self, process: Process) -> None:
        """Give the name to *process*, until that is known to end.

        Raises:
            NameTaken: Somebody has it.
        """
        runtime = process.runtime
        extra = () if self.value is None else (self.value,)
        register = self._register_of(runtime)
        if not register.register_name(self.name, process.pid, *extra):
            raise NameTaken(self, register.whereis_name(self.name))
        process.claim(self, _Named(self, process))

    def release(self, process: Process) -> None:
        """Give the name back, if *process* still has it."""
        with suppress(NoProcess):
            register = self._register_of(process.runtime)
            if register.whereis_name(self.name) == process.pid:
                register.unregister_name(self.name)

    def _register_of(self, runtime: Runtime) -> NameRegister:
        module = self.module
        if not isinstance(module, str):
            return module
        if module == "global" and runtime.globals is not None:
            return runtime.globals
        process = runtime.names.get(module)
        found = None if process is None else runtime.registers.get(process.pid.id)
        if found is None:
            raise NoProcess(module)
        return found


@final
class _Named:
    """Stands in a process for its name elsewhere."""

    __slots__ = ("_process", "_via")

    def __init__(self, via: Via, process: Process) -> None:
        self._via = via
        self._process = process

    def fire(self, reason: Any) -> None:
        self._via.release(self._process)
