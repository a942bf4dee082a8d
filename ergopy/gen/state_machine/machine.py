"""StateMachine: ``gen_statem``, with its data on ``self``.

The rules of its transitions are in :mod:`.engine`; here is what has to wait: the
mailbox, the callbacks, the timers.
"""

from __future__ import annotations

import enum
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, final

import trio

from etf import Atom

from ...process.atoms import GEN_CALL, GEN_CAST, INITIAL_CALL, SYSTEM
from ...process.messages import ExitMessage, SystemMessage
from .. import system
from ..loop import Ending, Loop
from ..portable import portable
from ..returns import Stop
from .actions import CALL, CAST, INFO, INTERNAL, TIMEOUT, SetTimeout
from .engine import Engine, Event, Transition
from .results import Next, Outcome
from .timeouts import Timeouts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ...process.process import Process
    from ...process.timers import Timer

CALLBACK_MODES = ("handle_event_function", "state_functions")

ENTER = Atom("enter")
INIT_EVENT: Event = (INTERNAL, Atom("init_state"))
"""What the first transition is the handling of, as in OTP."""


@final
class _TimerEnded(SystemMessage):
    """``{timeout, Token, Key}``, from a timer of the machine to its mailbox."""

    __slots__ = ()

    def __new__(cls, token: int, key: Any) -> _TimerEnded:
        return tuple.__new__(cls, (TIMEOUT, token, key))


class StateMachine(Loop):
    """A state, and events that are handled as the state says; ``gen_statem``.

    ``init`` returns ``Next(state, *actions)``. Then each event is handled by one
    callback, which returns ``Next``, ``Keep``, ``Repeat``, ``Stop(reason)``, or None to
    stay as it is. The state is any term; a plain ``str`` is shown to a BEAM as an atom.
    What OTP calls the data are the attributes of ``self``.

    ``("call", from_)``
        ``gen_statem:call``, ``gen_server:call``, ``node.call``: answer with the action
        ``Reply(from_, value)``, at any time.
    ``"cast"``, ``"info"``
        A cast; any other message.
    ``"timeout"``, ``"state_timeout"``, ``("timeout", name)``
        A timeout that an action has started.
    ``"internal"``
        From the action ``NextEvent``.
    ``"enter"``
        With ``state_enter = True``, when a state begins; the content is the state
        before. No event: it can neither be postponed nor lead to another state.

    Unlike in OTP an exception leaves the attributes as they are by then; ``terminate``
    sees these.
    """

    callback_mode: ClassVar[str] = "handle_event_function"
    """``"state_functions"``: the callback of a state is the method of its name."""

    state_enter: ClassVar[bool] = False
    """Whether the callback is told that a state begins."""

    max_postponed: ClassVar[int] = 100_000
    """Events that may be postponed at a time.

    Past it the machine crashes with ``TooManyPostponed``. OTP has no such limit. A
    limit of the mailbox does not count them: they have left it.
    """

    _kind = "state machine"

    _callbacks = Loop._callbacks | {"handle_event"}

    _engine: Engine
    _callback: Callable[[Any, Any, Any], Awaitable[Any]]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.callback_mode not in CALLBACK_MODES:
            raise ValueError(f"no callback mode: {cls.callback_mode!r}")

    @property
    def state(self) -> Any:
        """The state that the machine is in; the old one during a state enter call.

        To set it is for ``ergopy.sys.replace_state``: that is no change of state, with
        what belongs to it.
        """
        return self._engine.state

    @state.setter
    def state(self, state: Any) -> None:
        self._engine.state = state

    async def handle_event(self, kind: Any, content: Any, state: Any) -> Any:
        """Handle an event; return where it leads to."""
        raise NotImplementedError(f"no handle_event for {kind!r}")

    def format_state(self) -> Any:
        """Say what ``sys:get_state`` shows: ``{State, Data}``, with a map as data."""
        return (_shown(self.state), system.attributes(self))

    def _status_parts(self, state: Atom, parent: Any, events: list[Any]) -> list[Any]:
        pending = [portable(timeout) for timeout in self._engine.timeouts.pending()]
        postponed = [portable(event) for event in self._engine.postponed[::-1]]
        module = self.process.dictionary[INITIAL_CALL][0]
        return [
            system.status_part(
                {
                    "Status": state,
                    "Parent": parent,
                    "Modules": [module],
                    "Time-outs": (len(pending), pending),
                    "Logged Events": events,
                    "Postponed": postponed,
                }
            ),
            system.status_part({"State": system.shown_state(self)}),
        ]

    def _started(self, result: Any) -> Next:
        if not isinstance(result, Next):
            raise TypeError(f"init of a state machine returns Next, not {result!r}")
        timeouts = Timeouts(self._start_timer)
        self._engine = Engine(result.state, timeouts, self.max_postponed)
        if self.callback_mode == "state_functions":
            # What has no callback is found before anybody hears that it runs.
            _state_function(self, result.state)
            self._callback = self._handle_in_state
        else:
            self._callback = self.handle_event
        return result

    async def _handle_in_state(self, kind: Any, content: Any, state: Any) -> Any:
        return await _state_function(self, state)(kind, content)

    async def _serve(self, process: Process, started: Any) -> NoReturn:
        engine = self._engine
        try:
            await self._begin(started)
            while True:
                event = engine.next_event()
                if event is None:
                    event = await self._take(await process.receive())
                    if event is None:
                        continue
                else:
                    process.budget -= 1
                    if process.budget <= 0:
                        await process.let_others_run()
                await self._handle(event)
        finally:
            engine.timeouts.clear()

    async def _take(self, message: Any) -> Event | None:
        """Make the event of a message, if it is one."""
        shape = message[0] if message.__class__ is tuple and message else None
        if shape is SYSTEM and len(message) == 3:
            await self._system(message)
            return None
        if shape is GEN_CALL and len(message) == 3:
            return (CALL, message[1]), message[2]
        if shape is GEN_CAST and len(message) == 2:
            return CAST, message[1]
        if message.__class__ is _TimerEnded:
            return self._engine.timeouts.expire(message[2], message[1])
        if message.__class__ is ExitMessage:
            ending = self._ended_by(message)
            if ending is not None:
                raise ending
        return INFO, message

    async def _begin(self, started: Next) -> None:
        transition = Transition(INIT_EVENT, started.state)
        await self._add(transition, started)
        transition.enters = True
        # There is nothing yet that could be handled again.
        transition.postpone = False
        await self._finish(transition)

    async def _handle(self, event: Event) -> None:
        engine = self._engine
        state = engine.state
        if self._debug is not None:
            self._debug.took(event)
        result = await self._callback(*event, state)
        if result is None:
            engine.keep()
            return
        transition = Transition(event, state)
        await self._add(transition, result)
        await self._finish(transition)

    async def _finish(self, transition: Transition) -> None:
        engine = self._engine
        while transition.enters and self.state_enter:
            transition.enter()
            state = transition.state
            result = await self._callback(ENTER, engine.state, state)
            transition.enters = False
            if isinstance(result, Stop):
                engine.state = state
            if result is not None:
                await self._add(transition, result)
        engine.commit(transition)

    async def _add(self, transition: Transition, result: Any) -> None:
        """Let *transition* take a result of a callback; give the answers in it."""
        if isinstance(result, Outcome):
            for reply in transition.add(result):
                await self._reply(reply.from_, reply.value)
            return
        if not isinstance(result, Stop):
            raise TypeError(f"a callback of a state machine returned {result!r}")
        if result.has_reply and not transition.in_enter_call:
            match transition.event:
                case (("call", from_), _):
                    await self._reply(from_, result.reply)
        raise Ending(result.reason)

    def _start_timer(self, action: SetTimeout, token: int) -> Timer:
        process, seconds = self.process, action.seconds
        assert seconds is not None
        if action.absolute:
            seconds = max(0.0, seconds - trio.current_time())
        ended = _TimerEnded(token, action.key)
        return process.timers.start(seconds, partial(process.deliver, ended))


def _state_function(
    machine: StateMachine, state: Any
) -> Callable[[Any, Any], Awaitable[Any]]:
    """Return the method of *state*, which must be none that a machine has anyway."""
    cls = type(machine)
    name = str.__str__(state) if isinstance(state, str) else ""
    known = callable(getattr(cls, name, None)) and not hasattr(StateMachine, name)
    if not known or name.startswith("_"):
        raise ValueError(f"{cls.__qualname__} has no callback for the state {state!r}")
    return getattr(machine, name)  # type: ignore[no-any-return]


def _shown(state: Any) -> Any:
    if isinstance(state, enum.Enum) and not isinstance(state, str):
        return Atom(state.name)
    return Atom(str.__str__(state)) if isinstance(state, str) else state
