"""The messages of stages (protocol 6.15): their atoms, and how they are read and sent.

A tag is any term: a reference for most, and a tuple of two for the streams of GenStage.
"""

from __future__ import annotations

from typing import Any

from etf import Atom, EncodeError, Pid, Reference

from ..tell import tell as tell
from ..tell import tell_and_wait as tell_and_wait
from .subscription import key_of

GEN_CONSUMER = Atom("$gen_consumer")
GEN_PRODUCER = Atom("$gen_producer")

ASK = Atom("ask")
CANCEL = Atom("cancel")
DOWN = Atom("down")
SUBSCRIBE = Atom("subscribe")

ALREADY_SUBSCRIBED = Atom("already_subscribed")
DUPLICATED_SUBSCRIPTION = Atom("duplicated_subscription")
UNKNOWN_SUBSCRIPTION = Atom("unknown_subscription")
BAD_OPTS = Atom("bad_opts")
MAILBOX_FULL = Atom("mailbox_full")
SYSTEM_LIMIT = Atom("system_limit")
INFINITY = Atom("infinity")

MANY = 32
"""Events that leave by themselves, and do not wait for what else this step sends."""


def read(message: tuple[Any, ...]) -> tuple[Pid, Any, Any] | None:
    """Return who sent it, the tag, and what it says; None if it is no such message."""
    if len(message) != 3:
        return None
    _, from_, body = message
    if not isinstance(from_, tuple) or len(from_) != 2:
        return None
    peer, tag = from_
    if peer.__class__ is not Pid:
        return None
    if tag.__class__ is not Reference and not is_tag(tag):
        # A process of this node may say anything.
        return None
    return peer, tag, body


def is_tag(tag: Any) -> bool:
    """Tell whether *tag* is a term."""
    try:
        key_of(tag)
    except EncodeError:
        return False
    return True
