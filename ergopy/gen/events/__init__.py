"""Events: typed publish and subscribe, with an owner, on one node or many."""

from .event import Event as Event
from .messages import EventDown as EventDown
from .messages import EventLag as EventLag
from .messages import EventMessage as EventMessage
from .server import Events as Events
from .verbs import info as info
from .verbs import register as register
from .verbs import subscribe as subscribe
from .verbs import unsubscribe as unsubscribe
from .verbs import wait_for as wait_for
from .verbs import which as which
