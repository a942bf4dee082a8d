"""Dispatchers: how a producer shares its events out among its consumers."""

from .base import Dispatcher as Dispatcher
from .base import Out as Out
from .broadcast import BroadcastDispatcher as BroadcastDispatcher
from .demand import DemandDispatcher as DemandDispatcher
from .partition import PartitionDispatcher as PartitionDispatcher
