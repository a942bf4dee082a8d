"""What the model keeps of a process, and what it shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Mail(NamedTuple):
    """A message, who sent it, and its place among all that this one was sent."""

    content: tuple[Any, ...]
    sender: str
    step: int
    place: int
    """Of the messages that tell of one end, the same: they come in any order."""


class View(NamedTuple):
    """What can be seen of a living process from outside."""

    mail: list[Any]
    links: list[str]
    monitors: list[Any]
    monitored_by: list[str]
    trap: bool
    group_leader: str | None
    """None is the one that everybody had at first."""


class Monitor(NamedTuple):
    """Who watches whom, and what a message or a look at the watcher shows of it."""

    owner: str
    target: str
    shown: Any
    tag: str
    made: int


@dataclass
class Actor:
    """One process."""

    node: str
    trap: bool
    alive: bool = True
    gone: bool = False
    """Of an earlier start of its node: not even its pid is known there."""
    mail: list[Mail] = field(default_factory=list)
    links: set[str] = field(default_factory=set)
    made_monitors: list[str] = field(default_factory=list)
    node_monitors: int = 0
    node_monitor_made: int = 0
    group_leader: str | None = None
