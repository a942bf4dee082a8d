"""What users may implement: small protocols that the layers meet in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from etf import Pid

Address: TypeAlias = "tuple[str, int]"
"""A host, as a name or a number, and a port."""


class Resolver(Protocol):
    """Finds the address of a node by its name."""

    async def resolve(self, node: str) -> Address | None:
        """Return ``(host, port)`` of a node name, or None if there is no such node.

        A host name may have several addresses, of both families; they are tried until
        one answers. Cancelled when the connection takes longer than ``setup_time``.

        Raises:
            OSError: Nobody could be asked.
        """


class Instrument:
    """Hears what the processes of a node do: ``node.add_instrument(instrument)``.

    A subclass overrides what it wants to hear of; any object with some of the methods
    does as well. As with an instrument of Trio they must not wait, and one that raises
    is logged and detached. Without any a node does not pay for it.
    ``erlang:trace/3`` for the flags ``procs``, ``receive`` and ``send``.
    """

    def process_started(self, process: Any) -> None:
        """A process is in the table, with its name; its body has not begun."""

    def process_ended(self, process: Any, reason: Any) -> None:
        """A process is over; its links and monitors have not heard of it yet."""

    def process_linked(self, process: Any, pid: Pid) -> None:
        """A process links itself to another one, also by starting it linked."""

    def process_unlinked(self, process: Any, pid: Pid) -> None:
        """A process takes a link back."""

    def name_registered(self, process: Any, name: str) -> None:
        """A process that runs has got a name; one that starts with it is not told."""

    def name_unregistered(self, process: Any, name: str) -> None:
        """A name is taken from a process, which lives on."""

    def message_received(self, process: Any, message: Any) -> None:
        """A message comes into the mailbox of *process*, from wherever."""

    def message_sent(self, sender: Pid, dest: Any, message: Any) -> None:
        """A message leaves for another node: to a pid, an alias or (name, node)."""


class NameRegister(Protocol):
    """Keeps names of processes, as the module of ``{via, Module, Name}`` does in OTP.

    No method may wait. See :class:`ergopy.Via`.
    """

    def register_name(self, name: Any, pid: Pid, /) -> bool:
        """Give *pid* the name; return False if another process has it."""

    def unregister_name(self, name: Any, /) -> object:
        """Take the name away, if somebody has it."""

    def whereis_name(self, name: Any, /) -> Pid | None:
        """Return who has the name, or None."""
