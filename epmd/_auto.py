"""The port mapper of a node: somebody else's EPMD, or our own.

Modes:

- ``"auto"``: use the EPMD that runs; when none does, serve one from this process.
  When it dies, the first node that notices takes over and the others register with
  it. Of two processes that race for the port one serves, and the other is its client.
- ``"client"``: never serve.
- ``"embedded"``: always serve, and say so when the port is busy.
- ``"off"``: no EPMD at all; nobody is asked and nobody is told.

A process that serves ends its EPMD with itself. The BEAMs that were registered there
come back every two seconds, to whoever took over.
"""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Literal, Self, TypeAlias, final, get_args

import trio

from ._addresses import LOOPBACK, default_port
from ._client import TIMEOUT, lookup, names
from ._errors import (
    CannotListen,
    EpmdProtocolError,
    EpmdUnreachable,
    EpmdValueError,
    PortBusy,
)
from ._messages import HIDDEN, NORMAL, NodeInfo, check_u16
from ._registration import (
    PATIENCE,
    RETRY_SECONDS,
    OnChange,
    Registration,
    background,
    jittered,
    random_creation,
)
from ._server import Server, serve

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

_log = logging.getLogger("epmd")

Mode: TypeAlias = Literal["auto", "client", "embedded", "off"]

_FIRST_RETRY = 0.1


@final
class PortMapper:
    """Registers the nodes of this process and finds others; an async context manager.

    Leaving it frees the names, and ends the EPMD if it is ours.

    Args:
        mode: See the modes above.
        port: The port of EPMD, here and on all other hosts; by default that of
            `default_port`. In mode ``"embedded"`` 0 takes any.
        address: Where to listen when we serve, see `serve`.
        host: Where the EPMD of this machine is asked, ``::1`` where IPv4 is not to be
            had.
        timeout: Seconds for one question.
        on_change: Called with a `Registration` each time that it was lost or
            regained.

    Raises:
        EpmdValueError: There is no such mode, or port.
    """

    def __init__(
        self,
        mode: Mode = "auto",
        port: int | None = None,
        *,
        address: str | Iterable[str] | None = None,
        host: str = LOOPBACK,
        timeout: float = TIMEOUT,
        on_change: OnChange | None = None,
    ) -> None:
        if mode not in get_args(Mode):
            choices = ", ".join(get_args(Mode))
            raise EpmdValueError("mode", mode, f"must be one of {choices}")
        self.mode = mode
        self.port = default_port() if port is None else port
        check_u16("port", self.port, 0 if mode in ("embedded", "off") else 1)
        self.registrations: list[Registration] = []
        self._address = address
        self._host = host
        self._timeout = timeout
        self._on_change = on_change
        self._server: Server | None = None

    @property
    def server(self) -> Server | None:
        """Our own EPMD, while this process serves one."""
        return self._server

    async def __aenter__(self) -> Self:
        """Find an EPMD or start ours.

        Raises:
            PortBusy: Mode ``"embedded"``, and something has the port; or mode
                ``"auto"``, and what has it does not answer.
            CannotListen: We had to serve, and may not.
            EpmdProtocolError: Mode ``"auto"``, and what has the port is no EPMD.
        """
        async with AsyncExitStack() as stack:
            self._nursery = await stack.enter_async_context(background())
            match self.mode:
                case "embedded":
                    await self._serve()
                case "auto":
                    await self._settle()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        return await self._stack.__aexit__(exc_type, exc, traceback)

    async def register(
        self,
        name: str,
        port: int,
        hidden: bool = False,
        *,
        extra: bytes = b"",
        patience: float = PATIENCE,
    ) -> int:
        """Register a node until this mapper is left; give its creation.

        Without EPMD the creation is a random one, 4..2**32-1.

        Args:
            name: The part of the node name before ``@``.
            port: Where the node listens.
            hidden: Whether it says so to EPMD.
            extra: Free data for who looks us up.
            patience: Seconds to try again while the name is taken.

        Raises:
            NameTaken: Another node has the name, and kept it.
            EpmdUnreachable: Mode ``"client"``, and no EPMD answers.
            EpmdProtocolError: What answers is no EPMD.
            EpmdValueError: EPMD cannot carry one of the values.
        """
        node = NodeInfo(name, port, HIDDEN if hidden else NORMAL, extra=extra)
        if self.mode == "off":
            return random_creation()
        registration = Registration(
            node,
            self._host,
            self.port,
            timeout=self._timeout,
            on_change=self._on_change,
            recover=self._recover,
        )
        try:
            await registration.start(patience=patience)
        except EpmdUnreachable:
            if self.mode != "auto":
                raise
            await self._settle()
            await registration.start(patience=patience)
        self._nursery.start_soon(registration.keep)
        self.registrations.append(registration)
        return registration.creation

    async def lookup(self, name: str, host: str) -> NodeInfo | None:
        """Ask the EPMD of *host* for a node; ``None``: it is not registered.

        Raises:
            EpmdUnreachable: Nobody answers there, or not in time.
            EpmdProtocolError: What answers is no EPMD.
            EpmdValueError: No node can have that name.
        """
        if self.mode == "off":
            return None
        return await lookup(name, host, self.port, timeout=self._timeout)

    async def _serve(self) -> None:
        self._server = await self._nursery.start(self._run_server)
        self.port = self._server.port
        _log.info("this process serves EPMD on port %d", self.port)

    async def _run_server(self, task_status: trio.TaskStatus[Server]) -> None:
        try:
            # It remembers no creation of an earlier start of this process, which
            # may have been in this very second.
            await serve(
                self._address,
                self.port,
                clock=random_creation,
                task_status=task_status,
            )
        finally:
            # It ends with us, or because somebody killed it.
            self._server = None

    async def _settle(self) -> None:
        """Find an EPMD or start ours, whichever succeeds first."""
        give_up = trio.current_time() + self._timeout
        while not await self._somebody_serves():
            try:
                await self._serve()
            except PortBusy:
                # Another process was faster, but does not listen yet.
                if trio.current_time() >= give_up:
                    raise
                await trio.sleep(jittered(_FIRST_RETRY))
            else:
                return

    async def _somebody_serves(self) -> bool:
        try:
            await names(self._host, self.port, timeout=self._timeout)
        except EpmdUnreachable:
            return False
        except EpmdProtocolError as exc:
            problem = f"what listens on port {self.port} is no EPMD"
            raise EpmdProtocolError(problem, exc.data) from exc
        return True

    async def _recover(self, attempt: int) -> None:
        """Get over the loss of EPMD, before the registration tries again."""
        if self.mode == "client":
            await trio.sleep(jittered(RETRY_SECONDS))
            return
        if attempt:
            pause = min(RETRY_SECONDS, _FIRST_RETRY * 2 ** min(attempt, 10))
            await trio.sleep(jittered(pause))
        try:
            if self._server is None and not await self._somebody_serves():
                await self._serve()
        except (CannotListen, EpmdProtocolError) as exc:
            _log.debug("cannot take over EPMD: %s", exc)
