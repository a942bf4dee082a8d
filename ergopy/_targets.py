"""What a program that is named on a command line may be: ``MODULE:OBJECT``."""

from __future__ import annotations

import inspect
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, final

from .errors import Exit
from .gen.application import Application, ApplicationSpec, StartType
from .process.atoms import NORMAL
from .process.reasons import is_clean
from .process.start import start

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def find(path: str) -> Any:
    """Import ``MODULE:OBJECT``, also from the current folder.

    Raises:
        ValueError: It is neither an ``async def``, a behaviour, nor an application.
        ImportError, AttributeError, TypeError: It is not to be had.
    """
    module, colon, name = path.partition(":")
    if not colon or not name:
        raise ValueError("write MODULE:OBJECT, as in shop.main:main")
    if "" not in sys.path:
        sys.path.insert(0, "")
    target: Any = import_module(module)
    for part in name.split("."):
        target = getattr(target, part)
    if is_application(target) or inspect.iscoroutinefunction(target):
        return target
    if not isinstance(target, type):
        raise ValueError(f"{name} is no 'async def', behaviour or application")
    if not hasattr(target, "enter"):
        raise ValueError(f"the class {name} is no behaviour, such as a GenServer")
    return target


def is_application(target: Any) -> bool:
    """Tell whether *target* is an application: a class, or a spec."""
    if isinstance(target, type):
        return issubclass(target, Application)
    return isinstance(target, ApplicationSpec)


async def serve(
    node: Any,
    target: Any,
    *args: Any,
    name: str | None = None,
    up: Callable[[], Awaitable[object]] | None = None,
) -> None:
    """Run a *target* as the program of a node, until that closes or ``main`` returns.

    An application is started with what it depends on, and its end is that of the node
    unless it says otherwise. A behaviour is registered as *name*, by default its own
    in lower case, and the program is over when it ends. *up* is called when either has
    started, or before ``main`` is.

    Raises:
        Exit: The behaviour has ended, with a reason that is not a clean one.
    """
    end = _End(node)
    if is_application(target):
        await node.applications.start(target, start_type=StartType.PERMANENT)
    elif isinstance(target, type):
        await start(
            node.runtime.root,
            target,
            args,
            name=name or target.__name__.lower(),
            link=False,
            timeout=None,
            options={},
            watcher=end,
        )
        end.is_up()
    if up is not None:
        await up()
    if inspect.iscoroutinefunction(target):
        await target(node, *args)
        return
    await node.wait_closed()
    if not is_clean(end.reason):
        raise Exit(end.reason)


@final
class _End:
    """Closes a node when the process ends that is its program."""

    def __init__(self, node: Any) -> None:
        self._node = node
        self._up = self._over = False
        self.reason: Any = NORMAL

    def is_up(self) -> None:
        """Note that it was started; it may have done all it has to, and have ended."""
        self._up = True
        if self._over:
            self._node.close()

    def fire(self, reason: Any) -> None:
        """Hear of its end. One that does not come up is not the program yet."""
        self.reason, self._over = reason, True
        if self._up:
            self._node.close()
