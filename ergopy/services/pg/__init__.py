"""``pg``: groups of processes that all nodes of a cluster know (protocol 6.12).

``table`` is who is in which group, without any I/O, and ``messages`` what nodes tell
each other. ``scope`` keeps one scope of a node up to date and tells whoever wants to
know; ``server`` is its process. ``groups`` is ``node.pg``, ``changes`` its way to hear
of changes outside of a process, and ``answers`` is for rpc.
"""

from .changes import GroupChange as GroupChange
from .changes import GroupChanges as GroupChanges
from .groups import ProcessGroups as ProcessGroups
from .server import ScopeServer as ScopeServer
