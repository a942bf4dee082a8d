"""Behaviours: processes with a fixed way to live."""

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
