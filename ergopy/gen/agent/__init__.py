"""Agents: processes around one value, and the verbs for them."""

from .agent import Agent as Agent
from .verbs import cast as cast
from .verbs import get as get
from .verbs import get_and_update as get_and_update
from .verbs import update as update
