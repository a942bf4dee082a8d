"""``kernel``: the application of the services that are processes (protocol 6.5 to 6.8).

As on a BEAM it is the first application of a node and the last one to end, its top
supervisor is ``kernel_sup``, and below that ``kernel_safe_sup`` restarts what may be
restarted; here this is all there is. If that fails too often the node ends.

Beside it stands ``ergopy``, which runs nothing: it says the version to other nodes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from .._version import __version__
from ..gen.application import KERNEL, Application, ApplicationSpec
from ..gen.supervisor import ChildSpec, Supervisor
from . import net_kernel, rex
from .globals import NameServer
from .io.user import StandardError, User
from .logger import proxy
from .pg import ScopeServer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etf import Pid

SAFE = [
    ChildSpec(User, name="user"),
    ChildSpec(StandardError, name="standard_error"),
    ChildSpec(net_kernel.NetKernel, name="net_kernel"),
    ChildSpec(rex.Rex, name="rex"),
    ChildSpec(proxy.logger_proxy, name="logger_proxy", mailbox=proxy.LIMIT),
    ChildSpec(NameServer, name="global_name_server"),
    ChildSpec(ScopeServer, "pg", name="pg"),
]
"""The services, in the order of their start."""


class Kernel(Application):
    """The services of a node."""

    name = KERNEL
    version = __version__
    description = "The services that other nodes expect"
    registered: ClassVar[Sequence[str]] = (
        "kernel_sup",
        "kernel_safe_sup",
        *(spec.name for spec in SAFE),
    )

    async def start(self, *_: Any) -> Pid:
        safe = ChildSpec(Supervisor, SAFE, name="kernel_safe_sup")
        return await self.process.start(
            Supervisor,
            [safe],
            name="kernel_sup",
            link=True,
            strategy="one_for_all",
            intensity=0,
            period=1,
        )


ERGOPY = ApplicationSpec(
    name="ergopy",
    version=__version__,
    description="Python as a member of an Erlang cluster",
    dependencies=[Kernel],
)


async def start(node: Any) -> None:
    """Start both."""
    await node.applications.start(ERGOPY, start_type="permanent")
