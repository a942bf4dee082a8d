"""What a callback of a state machine returns."""

from __future__ import annotations

from typing import Any, Final, TypeAlias, final

from ..returns import Control, Stop
from .actions import Action


class Outcome(Control):
    """Where a callback leads to, and the actions on the way."""

    __slots__ = ("actions",)

    def __init__(self, *actions: Action) -> None:
        for action in actions:
            if not isinstance(action, Action):
                raise TypeError(f"no action of a state machine: {action!r}")
        self.actions = actions

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.actions))})"


@final
class Next(Outcome):
    """Go to *state*, any term; ``{next_state, State, Data, Actions}``.

    Postponed events are handled again, and the state timeout ends, if it is another
    state than before by Erlang's ``=:=``. The same state is ``Keep``.
    """

    __slots__ = ("state",)

    def __init__(self, state: Any, *actions: Action) -> None:
        super().__init__(*actions)
        self.state = state

    def __repr__(self) -> str:
        return f"Next({', '.join(map(repr, (self.state, *self.actions)))})"


@final
class Keep(Outcome):
    """Stay; ``{keep_state, Data, Actions}``. ``None`` is the same without actions."""

    __slots__ = ()


@final
class Repeat(Outcome):
    """Stay, but make the state enter call again; ``{repeat_state, Data, Actions}``."""

    __slots__ = ()


KEEP: Final = Keep()

Result: TypeAlias = Outcome | Stop | None
