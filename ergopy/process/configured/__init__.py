"""Processes that are started with a configuration: what they may do, and for how long.

``config`` is what a program says. A process that has one is of a class of its own
(``processes``), whose verbs ask for rights (``restricted``) and hand over copies
(``isolated``); all others are plain ones, and pay for nothing of this. ``allowance``
is what a process shares with those that it starts: a ``quota`` and a ``lifetime``.
``copying`` has the policies, of which ``deep`` and ``by_etf`` make copies.
"""

from .config import ProcessConfig as ProcessConfig
from .copying import Copier as Copier
from .copying import CopyPolicy as CopyPolicy
from .copying import copiers as copiers
from .permissions import require_of_running as require_of_running
from .processes import Configured as Configured
from .processes import begin as begin
from .processes import make as make
from .processes import make_root as make_root
