"""Events: the server that has the events of a node, and passes on those of others.

One runs per node, under a name that all nodes agree on (``events`` by default). Python
processes use the functions of ``ergopy.events``. Everybody else calls it::

    gen_server:call({events, Node}, {subscribe, Name})      {ok, #{buffer => N}}
    gen_server:call({events, Node}, {unsubscribe, Name})    ok
    gen_server:call({events, Node}, {register, Name})       ok; with #{buffer => N} too
    gen_server:call({events, Node}, {publish, Name, Value}) ok
    gen_server:call({events, Node}, {unregister, Name})     ok
    gen_server:call({events, Node}, {wait_for, Name})       ok, when there is one
    gen_server:call({events, Node}, {info, Name})           a map
    gen_server:call({events, Node}, events)                 the names

The caller is the subscriber or the owner. ``{error, Reason}`` is ``unknown``, ``{taken,
Pid}``, ``{not_owner, Pid}``, ``mismatch`` or ``system_limit``. Processes of this node
may give a third element to ``subscribe`` and ``unsubscribe``: the node that has the
event, which is then passed on from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

from etf import Atom, EncodeError, Pid, encode, identity_key

from ...errors import EventMismatch, EventOwnerError, EventTaken, EventUnknown
from ...process.atoms import BADARG, ERROR, GEN_CAST, OK, SYSTEM_LIMIT
from ...process.messages import Down
from ...process.refusals import refuse
from ..returns import NOREPLY
from ..server import GenServer
from .away import Away
from .channel import Channel
from .event import Event
from .messages import EventDown
from .relay import BUFFER
from .waiting import Waiting
from .watches import Watches

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .event import Accepts

MISMATCH = Atom("mismatch")
NOT_OWNER = Atom("not_owner")
TAKEN = Atom("taken")
UNKNOWN = Atom("unknown")

DEFAULT_LAG = 1000
"""Messages that may wait for a subscriber, unless the event says otherwise."""


@final
@dataclass(frozen=True)
class Declaration:
    """What an owner of this node registers."""

    handed_over: ClassVar[bool] = True  # see process/configured/copying.py

    name: Any
    accepts: Accepts
    keep: int
    max_lag: int | None


class Events(GenServer):
    """The events of a node; see the module.

    ::

        await node.start(ergopy.Events, name="events")

    Args:
        max_events: How many may be registered; as many calls may wait for others, and
            as many of other nodes be passed on here.
        max_subscribers: How many one event may have; a node with an event server is
            one.
        max_buffer: How many values one may keep for late subscribers.
        max_lag: How many messages may wait for a subscriber here to an event of
            another node, before it misses values.

    If it ends, all its events do; subscribers and owners hear of it (``EventDown``).
    """

    child_defaults: ClassVar[Mapping[str, Any]] = {"id": "events"}

    def __init__(
        self,
        *,
        max_events: int = 10_000,
        max_subscribers: int = 100_000,
        max_buffer: int = 10_000,
        max_lag: int | None = DEFAULT_LAG,
    ) -> None:
        self._max_events = max_events
        self._max_subscribers = max_subscribers
        self._max_buffer = max_buffer
        self._max_lag = max_lag
        self._events: dict[Any, Event] = {}

    async def init(self) -> None:
        process = self.process
        self._watches = Watches(process)
        self._away = Away(
            process, self._watches, self._max_events, self._max_lag, self._max_buffer
        )
        self._waiting = Waiting(process, self._max_events)
        process.watchers[self] = self

    def fire(self, reason: Any) -> None:
        """Take the end of this very process: tell all, also if it was killed."""
        for event in list(self._events.values()):
            down = EventDown(event.channel.event, reason)
            self._forget(event, reason)
            self.process.send_one(event.owner, down)
        self._away.end(reason)

    async def handle_call(self, request: Any, from_: Any) -> Any:
        try:
            match from_:
                case (Pid() as caller, _):
                    return self._do(request, caller, from_)
            raise TypeError(f"asked by nobody: {from_!r}")
        except EventUnknown:
            return (ERROR, UNKNOWN)
        except EventMismatch:
            return (ERROR, MISMATCH)
        except EventTaken as error:
            return (ERROR, (TAKEN, error.owner))
        except EventOwnerError as error:
            return (ERROR, (NOT_OWNER, error.owner))
        except (TypeError, ValueError, EncodeError):
            refuse(self.process, from_, BADARG)
            return NOREPLY

    def _do(self, request: Any, caller: Pid, from_: Any) -> Any:
        match request:
            case (Atom("subscribe"), name):
                return self._subscribe(name, caller, from_)
            case (Atom("subscribe"), name, Atom() as node):
                if self._is_here(node):
                    return self._subscribe(name, caller, from_)
                if not self._is_here(caller.node):
                    raise ValueError("whom a node connects to is not for others to say")
                self._away.subscribe(name, node, caller, from_)
                return NOREPLY
            case (Atom("unsubscribe"), name):
                self._find(name).channel.remove(caller)
            case (Atom("unsubscribe"), name, Atom() as node):
                if self._is_here(node):
                    self._find(name).channel.remove(caller)
                else:
                    self._away.unsubscribe(name, node, caller)
            case (Atom("publish"), name, value):
                self._find(name).publish_as(caller, value)
            case (Atom("unregister"), name):
                self._find(name).unregister_as(caller)
            case (Atom("wait_for"), name):
                return self._wait_for(name, from_)
            case Declaration():
                return self._register(request, caller)
            case (Atom("register"), name):
                return self._register_wire(name, {}, caller)
            case (Atom("register"), name, dict(options)):
                return self._register_wire(name, options, caller)
            case (Atom("info"), name):
                return _info(self._find(name))
            case Atom("events"):
                return [event.name for event in self._events.values()]
            case _:
                raise ValueError(f"no request: {request!r}")
        return OK

    def _is_here(self, node: Atom) -> bool:
        return self.process.runtime.is_local(node)

    def _find(self, name: Any) -> Event:
        event = self._events.get(identity_key(name))
        if event is None:
            raise EventUnknown(name)
        return event

    def _subscribe(self, name: Any, pid: Pid, from_: Any) -> Any:
        channel = self._find(name).channel
        if len(channel) >= self._max_subscribers and pid not in channel:
            return (ERROR, SYSTEM_LIMIT)
        # Who waits for the answer has it before the first value.
        self.process.reply_nowait(from_, (OK, {BUFFER: channel.keep}))
        if pid not in channel:
            channel.add(pid)
            channel.replay(pid)
        return NOREPLY

    def _register(self, what: Declaration, owner: Pid) -> Any:
        key = identity_key(what.name)
        # Or it could not be listed for another node.
        encode(what.name)
        taken = self._events.get(key)
        if taken is not None:
            raise EventTaken(what.name, taken.owner)
        if len(self._events) >= self._max_events or what.keep > self._max_buffer:
            return (ERROR, SYSTEM_LIMIT)
        channel = Channel(
            self.process,
            self._watches,
            (what.name, self.process.runtime.name),
            keep=what.keep,
            max_lag=what.max_lag,
        )
        event = Event(owner, channel, what.accepts, self.process, self._forget)
        if self._watches.watch(owner, event):
            self._events[key] = event
            self._waiting.registered(key)
        return event

    def _wait_for(self, name: Any, from_: Any) -> Any:
        key = identity_key(name)
        if key in self._events:
            return OK
        self._waiting.add(key, from_, SYSTEM_LIMIT)
        return NOREPLY

    def _register_wire(self, name: Any, options: dict[Any, Any], owner: Pid) -> Any:
        keep = options.get(BUFFER, 0)
        if options.keys() - {BUFFER} or type(keep) is not int or keep < 0:
            raise ValueError(f"not options of an event: {options!r}")
        made = self._register(Declaration(name, None, keep, DEFAULT_LAG), owner)
        return OK if isinstance(made, Event) else made

    def _forget(self, event: Event, reason: Any) -> None:
        key = identity_key(event.name)
        if self._events.get(key) is event:
            del self._events[key]
        self._watches.unwatch(event)
        event.end(reason)

    async def handle_cast(self, request: Any) -> None:
        # Whoever sends one by a slip is not to end all events.
        await super().handle_info((GEN_CAST, request))

    async def handle_info(self, message: Any) -> None:
        taken = isinstance(message, Down) and self._watches.took(message)
        if not taken and not self._away.took(message):
            await super().handle_info(message)


def _info(event: Event) -> dict[Atom, Any]:
    channel = event.channel
    return {
        Atom("name"): event.name,
        Atom("owner"): event.owner,
        Atom("subscribers"): len(channel),
        Atom("published"): channel.published,
        Atom("missed"): channel.missed,
        BUFFER: channel.keep,
    }
