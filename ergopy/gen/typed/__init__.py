"""Typed handlers: methods of a GenServer that serve a request by its shape.

::

    class Shop(ergopy.GenServer):
        @ergopy.on_call
        async def add(self, sku: Atom, count: int = 1) -> int: ...

serves ``{add, Sku, Count}`` and ``{add, Sku}``, with arguments of these types.

- ``markers``: the decorators; ``handlers``: one method, its requests and its types.
- ``table``: all handlers of a class; ``dispatch``: what goes through it.
- ``client``: the caller's side, with the same types.

Rules: the name of the method, or the one given to the decorator, is the tag. What names
no handler goes to ``handle_call``, ``handle_cast`` and ``handle_info`` as ever. What
names one and does not fit is refused: the caller of a call gets ``{error,
{bad_request, Text}}``, a cast or message is logged, and the server goes on.
"""

from .client import Client as Client
from .markers import on_call as on_call
from .markers import on_cast as on_cast
from .markers import on_info as on_info
