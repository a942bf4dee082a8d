"""What names a subscription, on either side of it."""

from __future__ import annotations

from typing import Any, NamedTuple

from etf import Reference, identity_key


def key_of(tag: Any) -> Any:
    """Return what stands for *tag* in a table: 1 and 1.0 are two tags, as on a BEAM.

    Raises:
        EncodeError: It is no term.
    """
    return tag if tag.__class__ is Reference else identity_key(tag)


class Subscription(NamedTuple):
    """``{Pid, Tag}``: the other side of a subscription, and the tag of it.

    Callbacks are given one, and ``ask`` and ``cancel`` take it. As a term it is the
    tuple that GenStage calls ``from``. It can be a key, whatever the tag.
    """

    peer: Any
    """The pid of the other stage; for a consumer, the name that it subscribed to."""
    tag: Any
    """What the consumer chose: the reference of its monitor, or any other term."""

    def __hash__(self) -> int:
        # The tags of one stage differ, and this is done for each batch.
        return hash(key_of(self.tag))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Subscription) or self.tag.__class__ is Reference:
            return tuple.__eq__(self, other)
        return self.peer == other.peer and bool(key_of(self.tag) == key_of(other.tag))

    def __ne__(self, other: object) -> bool:
        # A tuple has one of its own.
        return not self == other
