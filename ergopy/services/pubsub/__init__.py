"""Phoenix.PubSub, as its adapter PG2 speaks it (protocol 6.14).

``server`` is the process that other nodes send to, under the names that the workers of
the adapter have. ``topics`` is who has subscribed to what, and sends; ``messages`` is
a subscription of a program that is in no process. ``phoenix`` is what channels send.
"""

from . import phoenix as phoenix
from .messages import TopicMessages as TopicMessages
from .server import PubSub as PubSub
from .topics import Topics as Topics
