"""Which node a key belongs to, computed alike on every node without asking any.

``points`` is the circle, without I/O; ``ring`` places keys on the nodes it is given,
with pins; ``following`` takes the nodes from a process group, and tells of changes.
"""

from .following import GroupRing as GroupRing
from .following import RingChanges as RingChanges
from .ring import Ring as Ring
from .ring import RingChange as RingChange
