"""The named processes that a BEAM expects on every node.

``STANDARD`` is what ``ergopy.Node`` starts; each is a function of the node. Those that
are processes run as the application ``kernel``.
"""

from . import erpc, global_names, kernel

STANDARD = (
    kernel.start,
    erpc.start,
    global_names.start,
)

__all__ = ["STANDARD"]
