"""Nodes as children of a supervisor: a subtree on another core, or in another thread.

What Python's global lock keeps on one core, another process can do on the next. A
:class:`HostedNode` is a child that *is* such a process: a node with a name of its own,
started, watched, stopped and started again by the supervisor of this node. The two
talk as nodes do; they share no object.
"""

from .node import HostedNode as HostedNode
