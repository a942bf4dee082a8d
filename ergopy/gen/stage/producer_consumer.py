"""The stage between others: it takes events, and gives what it makes of them."""

from __future__ import annotations

import math
from typing import Any

from etf import Atom

from .consuming import Consuming
from .passage import Passage
from .producing import Producing


class ProducerConsumer(Consuming, Producing):
    """A stage in the middle: ``handle_events`` returns what to send on.

    ::

        class Squares(ergopy.ProducerConsumer):
            subscribe_to = ["counter"]

            async def handle_events(self, events, subscription):
                return [event * event for event in events]

    It handles events only while its consumers want some; until then they wait, and
    nothing more is asked for. What it makes of a batch may be more than is wanted, and
    is buffered, by default without a limit.
    """

    buffer_size: float | str = math.inf

    _role = Atom("producer_consumer")

    async def _open(self) -> None:
        self._passage = passage = Passage()
        await super()._open()
        assert self._inlet is not None
        passage.inlet, passage.outlet = self._inlet, self._giving()

    async def _demanded(self, count: int) -> None:
        assert self._passage is not None
        await self._passage.pump()

    def _pass_info(self, message: Any) -> None:
        assert self._passage is not None
        if not self._passage.put_info(message):
            super()._pass_info(message)
