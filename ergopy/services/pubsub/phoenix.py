"""What Phoenix sends its channels: ``%Phoenix.Socket.Broadcast{}``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from etf import Atom

_STRUCT = Atom("__struct__")
_BROADCAST = Atom("Elixir.Phoenix.Socket.Broadcast")
_TOPIC, _EVENT, _PAYLOAD = Atom("topic"), Atom("event"), Atom("payload")


@final
@dataclass(frozen=True, slots=True)
class Broadcast:
    """An event for the channels of a topic; ``%Phoenix.Socket.Broadcast{}``."""

    topic: str
    event: str
    payload: Any
    """A map, which Phoenix makes JSON of for the browsers."""

    def __etf__(self) -> dict[Any, Any]:
        return {
            _STRUCT: _BROADCAST,
            _TOPIC: self.topic,
            _EVENT: self.event,
            _PAYLOAD: self.payload,
        }


def read(message: Any) -> Any:
    """Return the :class:`Broadcast` that a message is, or what it is otherwise."""
    if isinstance(message, dict) and message.get("__struct__") is _BROADCAST:
        match message:
            case {"topic": topic, "event": event, "payload": payload}:
                return Broadcast(_text(topic), _text(event), payload)
    return message


def _text(value: Any) -> Any:
    """Return text as a ``str``, and anything that is none as it is."""
    try:
        return value.decode() if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        return value
