"""``("global", name)``: destinations and names that a whole cluster knows.

What keeps them is a service of a layer above; the runtime has it as ``globals``. Where
names are not kept, only what waits finds them: it asks another node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

from etf import Atom

from ..errors import LocalProtocolError, NotRegistered
from .atoms import GLOBAL, UNDEFINED
from .via import Via

if TYPE_CHECKING:
    from etf import Pid

    from ..abc import NameRegister
    from .process import Process
    from .runtime import Runtime
    from .signals import RemoteNode

    class GlobalNames(NameRegister, Protocol):
        """Keeps the names, or asks who does."""

        async def lookup(self, name: Any) -> Pid | None:
            """Return who has the name, or None."""

        async def claim(self, process: Process, name: Any) -> None:
            """Give a process the name.

            Raises:
                NameTaken: Another one has it.
            """


def is_global(dest: Any) -> TypeGuard[tuple[str, Any]]:
    """Tell whether *dest* is a global name; ``("global", "a@host")`` is a local one."""
    if not (isinstance(dest, tuple) and len(dest) == 2 and isinstance(dest[0], str)):
        return False
    return dest[0] == "global" and not (isinstance(dest[1], str) and "@" in dest[1])


def name_of(given: Any) -> Any:
    """Return the name that is meant: a ``str`` is an atom, as for local names."""
    return Atom(given) if type(given) is str else given


def as_global(name: Any) -> tuple[str, Any] | None:
    """Return a name for a start if it is a global one, in either form, or None."""
    if isinstance(name, Via) and isinstance(name.module, str):
        return (GLOBAL, name.name) if name.module == "global" else None
    return name if is_global(name) else None


def names_of(runtime: Runtime) -> GlobalNames:
    """Return what keeps the names.

    Raises:
        LocalProtocolError: There is nothing, as on a node without its services.
    """
    if runtime.globals is None:
        raise LocalProtocolError(f"{runtime.name} knows no global names")
    return runtime.globals


def locate(
    runtime: Runtime, dest: tuple[str, Any]
) -> tuple[RemoteNode | None, Pid | str, Any]:
    """Do what ``Runtime.locate`` says for a global name."""
    pid = names_of(runtime).whereis_name(dest[1])
    if pid is None:
        return None, UNDEFINED, (GLOBAL, name_of(dest[1]))
    return runtime.remote(pid), pid, pid


async def ask(runtime: Runtime, dest: Any) -> Pid | None:
    """Ask who has the global name *dest*, where it is not kept."""
    name = as_global(dest)
    assert name is not None
    return await names_of(runtime).lookup(name[1])


async def ask_for_each(
    runtime: Runtime, dests: list[Any]
) -> tuple[list[Any], NotRegistered | None]:
    """Replace the global names in *dests* by pids; say whether one leads nowhere."""
    problem: NotRegistered | None = None
    found: list[Any] = []
    for dest in dests:
        if as_global(dest) is None:
            found.append(dest)
            continue
        pid = await ask(runtime, dest)
        if pid is None:
            problem = NotRegistered(dest)
        else:
            found.append(pid)
    return found, problem
