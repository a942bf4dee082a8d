"""Processes: mailboxes, signals, calls and timers of one node, without a network."""

from .configured import ProcessConfig as ProcessConfig
from .context import self as self
from .limits import MailboxLimit as MailboxLimit
from .messages import Down as Down
from .messages import ExitMessage as ExitMessage
from .messages import NodeDownMessage as NodeDownMessage
from .messages import NodeUpMessage as NodeUpMessage
from .process import Process as Process
from .requests import MultiReply as MultiReply
from .requests import Request as Request
from .via import Via as Via
