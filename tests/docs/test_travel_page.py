"""The tutorial on sagas, with a saga of another Python node for the hotel in Elixir."""

from __future__ import annotations

import ergopy
from ergopy import Atom
from tests.docs.pages import DOCS, blocks, program

PAGE = DOCS / "tutorial" / "4-travel.md"
TRIPS = ("trips", "py@127.0.0.1")


class Hotel(ergopy.Saga):
    log = ergopy.MemorySagaLog()

    async def init(self, rooms: int) -> None:
        self.rooms = rooms

    async def handle_tx_new(self, tx: ergopy.SagaTransaction, city: bytes) -> None:
        if self.rooms == 0:
            await self.cancel_transaction(tx, "no room")
            return
        self.rooms -= 1
        await self.send_result(tx, b"a room in " + city)


def shown(name: str) -> list[str]:
    (text,) = [b.text for b in blocks(PAGE, "text") if b.info == name]
    return text.splitlines()


async def test_a_trip_is_booked_as_one_as_the_page_shows(peer, start, tmp_path) -> None:
    (tmp_path / "trips.py").write_text(program(PAGE), "utf-8")
    await peer.start(Hotel, 1, name="hotel")
    async with start("trips.py") as running:
        assert await running.line() == "py@127.0.0.1 is up"
        rome = await peer.call(TRIPS, b"Rome")
        parts = [b"a seat to Rome", b"a car in Rome", b"a room in Rome"]
        assert rome == (Atom("ok"), parts)
        assert [await running.line() for _ in shown("rome")] == shown("rome")
        assert await peer.call(TRIPS, b"Bonn") == (Atom("error"), b"no room")
        said = [await running.line() for _ in shown("bonn")]
        assert sorted(said) == sorted(shown("bonn"))
