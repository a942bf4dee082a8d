"""Logs of sagas: what they have to find again when they come back.

``base`` says what a log is; ``memory`` and ``sqlite`` are two, ``places`` where a file
is by default. A file is used by one thread (``writer``), that the sagas of an event
loop share (``sharing``); ``database`` is the file, ``making`` makes it,
``records`` are the bytes in it.
"""

from .base import SagaLog as SagaLog
from .memory import MemorySagaLog as MemorySagaLog
from .places import default_path as default_path
from .sqlite import SqliteSagaLog as SqliteSagaLog
