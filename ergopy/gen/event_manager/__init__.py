"""Event managers: ``gen_event``; the verbs, and the classes of handlers.

::

    from ergopy import event_manager

    await event_manager.sync_notify("events", ("paid", 3))
"""

from .handler import REMOVE as REMOVE
from .handler import EventHandler as EventHandler
from .handler import Remove as Remove
from .handler import Swap as Swap
from .manager import EventManager as EventManager
from .verbs import add_handler as add_handler
from .verbs import add_sup_handler as add_sup_handler
from .verbs import call as call
from .verbs import delete_handler as delete_handler
from .verbs import notify as notify
from .verbs import swap_handler as swap_handler
from .verbs import swap_sup_handler as swap_sup_handler
from .verbs import sync_notify as sync_notify
from .verbs import which_handlers as which_handlers
