"""The named processes that a BEAM expects on every node.

``STANDARD`` is what ``ergopy.Node`` starts; each is a function of the node.
"""

from . import erpc, global_names, net_kernel, rex, user

STANDARD = (
    user.start,
    net_kernel.start,
    rex.start,
    erpc.start,
    global_names.start,
)

__all__ = ["STANDARD"]
