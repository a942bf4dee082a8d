"""Streams: events for a loop in plain Trio code, and stages made of iterables."""

from .source import IterableProducer as IterableProducer
from .source import from_iterable as from_iterable
from .stream import StageStream as StageStream
from .stream import subscribe as subscribe
