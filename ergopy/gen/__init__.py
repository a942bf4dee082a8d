"""Behaviours: processes with a fixed way to live."""

from . import agent as agent
from . import event_manager as event_manager
from . import events as events
from . import pool as pool
from . import saga as saga
from . import session as session
from . import stage as stage
from . import state_machine as state_machine
from . import supervisor as supervisor
from . import sys as sys
from .behaviour import Behaviour as Behaviour
from .returns import IGNORE as IGNORE
from .returns import NOREPLY as NOREPLY
from .returns import NoReply as NoReply
from .returns import Reply as Reply
from .returns import Stop as Stop
from .server import From as From
from .server import GenServer as GenServer
from .typed import Client as Client
from .typed import on_call as on_call
from .typed import on_cast as on_cast
from .typed import on_info as on_info
