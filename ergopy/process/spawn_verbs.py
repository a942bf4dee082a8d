"""Verbs of a process: start others elsewhere, and tell how its own start went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import Exit
from .atoms import ANCESTORS
from .init_ack import ACK, refuse, tell
from .relations import Relations

if TYPE_CHECKING:
    from collections.abc import Iterable

    from etf import Pid, Reference


class SpawnVerbs(Relations):
    """A process as one that is started, and starts others, by request."""

    __slots__ = ()

    node: Any
    parent: Pid | None
    _dictionary: dict[Any, Any] | None

    async def remote_spawn(
        self,
        peer: str,
        module: str,
        function: str,
        args: list[Any] | tuple[Any, ...] = (),
        **options: Any,
    ) -> Any:
        """Start a process on another node, linked to or watched by this one.

        See ``Node.remote_spawn``.
        """
        return await self.node.remote_spawn(
            peer, module, function, args, caller=self, **options
        )

    async def spawn_request(
        self,
        peer: str,
        module: str,
        function: str,
        args: list[Any] | tuple[Any, ...] = (),
        *,
        link: bool = False,
        monitor: bool = False,
        options: Iterable[Any] = (),
        reply: str = "yes",
        reply_tag: Any = "spawn_reply",
    ) -> Reference:
        """Ask for a process on another node; ``erlang:spawn_request/5``.

        Returns at once the reference of the request, which is that of the monitor as
        well. The answer is a message ``{spawn_reply, Ref, ok, Pid}`` or
        ``{spawn_reply, Ref, error, Reason}``, ahead of any other sign of the process;
        ``noconnection`` is such a reason. It waits only as :meth:`monitor` does.

        Args:
            link: Link the two before the process runs.
            monitor: Watch it from before it runs.
            options: As for ``Node.remote_spawn``.
            reply: Which answers are wanted: ``"yes"``, ``"no"``, ``"error_only"`` or
                ``"success_only"``.
            reply_tag: What is to be the first element of the answer.

        Raises:
            etf.EncodeError: An argument is no Erlang term. Nothing was sent.
        """
        ref: Reference = await self.node._spawn_request(
            self,
            peer,
            (module, function, args),
            link=link,
            monitor=monitor,
            options=options,
            reply=reply,
            reply_tag=reply_tag,
        )
        return ref

    def spawn_request_abandon(self, request: Reference) -> bool:
        """Give up waiting for a spawn request; ``erlang:spawn_request_abandon/1``.

        There will be no answer, no link and no monitor. The request is not taken
        back: a process that starts nevertheless lives, but ends with ``abandoned`` if
        it was to be linked. Returns False if the answer is there, or it never was a
        request of this process.
        """
        return bool(self.node._spawn_request_abandon(self, request))

    async def init_ack(self, value: Any, to: Any = None) -> None:
        """Let whoever started this process go on; ``proc_lib:init_ack/1,2``.

        It sends ``{ack, Pid, Value}`` to *to*, by default to the process that spawned
        this one. Without *to* it does nothing if nobody waits for it, because the
        start was a plain ``spawn``. A behaviour does that by itself.
        """
        whom = self._starter() if to is None else to
        if whom is not None:
            tell(self, whom, ACK, value)

    async def init_fail(
        self, value: Any, reason: Any = "normal", to: Any = None
    ) -> NoReturn:
        """Say that the start came to nothing, and end; ``proc_lib:init_fail/2,3``.

        Names are given back first. It sends ``{nack, Pid, Value}``, or ``ack`` as OTP
        25 has it, under the conditions of :meth:`init_ack`, and raises ``Exit``.
        """
        whom = self._starter() if to is None else to
        if whom is not None:
            await refuse(self, whom, value)
        raise Exit(reason)

    def _starter(self) -> Pid | None:
        """Return who waits: with ``proc_lib`` it is who spawned the process."""
        through_proc_lib = ANCESTORS in (self._dictionary or ())
        return self.parent if through_proc_lib else None
