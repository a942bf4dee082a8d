"""Whatever happens, a subscriber gets each value or is told that it missed it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from ergopy import Events, events
from tests.runtimes import mail, running, settle, sleeper

if TYPE_CHECKING:
    from ergopy import Process

WHO = st.integers(0, 2)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.just(0)),
        st.tuples(st.just("subscribe"), WHO),
        st.tuples(st.just("unsubscribe"), WHO),
        st.tuples(st.just("read"), WHO),
        st.tuples(st.just("kill"), WHO),
        st.tuples(st.just("again"), st.just(0)),
    ),
    max_size=40,
)


class Reader:
    """A subscriber as it should be: the values that are due to it, in order."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.subscribed = False
        self.due: list[Any] = []
        self.got: list[Any] = []
        self.waiting = 0

    def read(self) -> None:
        """Take everything out of the mailbox; count what was missed as it is told."""
        for kind, _, value in mail(self.process):
            if kind == "event":
                self.got.append(value)
            elif kind == "event_lag":
                self.got += ["missed"] * value
            else:
                self.got.append(kind)
        self.process.clear()

    def check(self) -> None:
        assert len(self.got) <= len(self.due)
        for got, due in zip(self.got, self.due, strict=False):
            assert got in (due, "missed")


@given(steps, st.integers(0, 3), st.sampled_from([None, 1, 3]))
@settings(max_examples=100)
def test_every_value_arrives_once_or_is_counted_as_missed(
    script: list[tuple[str, int]], buffer: int, max_lag: int | None
) -> None:
    async def follow() -> None:
        async with running() as runtime:
            root = runtime.root
            await root.start(Events, name="events")
            readers = [Reader(sleeper(runtime)) for _ in range(3)]

            async def register() -> Any:
                return await events.register(
                    "e", buffer=buffer, max_lag=max_lag, caller=root
                )

            event = await register()
            kept: list[int] = []
            number = 0
            for verb, who in script:
                reader = readers[who]
                match verb:
                    case "publish":
                        number += 1
                        await event.publish(number)
                        kept = [*kept, number][-buffer:] if buffer else []
                        for each in readers:
                            if each.subscribed:
                                each.due.append(number)
                    case "subscribe":
                        await events.subscribe("e", caller=reader.process)
                        if not reader.subscribed:
                            reader.due += kept
                        reader.subscribed = True
                    case "unsubscribe":
                        await events.unsubscribe("e", caller=reader.process)
                        # Nobody tells any more what it has missed until now.
                        reader.read()
                        reader.check()
                        reader.due, reader.got = [], []
                        reader.subscribed = False
                    case "read":
                        reader.read()
                    case "kill":
                        reader.process.kill()
                        await settle()
                        readers[who] = Reader(sleeper(runtime))
                    case "again":
                        event.unregister()
                        event, kept = await register(), []
                        for each in readers:
                            if each.subscribed:
                                each.due.append("event_down")
                            each.subscribed = False
                for each in readers:
                    # The end of an event is told in any case, and what was missed.
                    unread = [kind for kind, *_ in mail(each.process)]
                    values, ends = unread.count("event"), unread.count("event_down")
                    assert max_lag is None or values <= max_lag
                    assert unread.count("event_lag") <= values + ends
            event.unregister()
            for reader in readers:
                reader.read()
                if reader.subscribed:
                    # What was missed before the end is told with it.
                    reader.due.append("event_down")
                    assert len(reader.got) == len(reader.due)
                reader.check()

    trio.run(follow, clock=trio.testing.MockClock(autojump_threshold=0))
