"""Processes: mailboxes, signals, calls and timers of one node, without a network."""

from .context import self as self
from .messages import Down as Down
from .messages import ExitMessage as ExitMessage
from .process import Process as Process
