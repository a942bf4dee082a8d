"""State machines: ``gen_statem``, and what its callbacks return.

::

    from ergopy.gen.state_machine import Keep, Next, Reply, StateMachine, StateTimeout
"""

from ..returns import Stop as Stop
from .actions import HIBERNATE as HIBERNATE
from .actions import POSTPONE as POSTPONE
from .actions import Action as Action
from .actions import Cancel as Cancel
from .actions import EventTimeout as EventTimeout
from .actions import Hibernate as Hibernate
from .actions import NextEvent as NextEvent
from .actions import Postpone as Postpone
from .actions import Reply as Reply
from .actions import StateTimeout as StateTimeout
from .actions import Timeout as Timeout
from .actions import Update as Update
from .machine import StateMachine as StateMachine
from .results import KEEP as KEEP
from .results import Keep as Keep
from .results import Next as Next
from .results import Repeat as Repeat
from .results import Result as Result
