"""Book a trip as one: python examples/saga_travel.py

Flight and room are held; the car, which a thread finds, is given back if need be.
"""

import ergopy


class Held(ergopy.Saga):
    log = ergopy.MemorySagaLog()

    async def init(self, count):
        self.count, self.held = count, set()

    async def handle_tx_new(self, tx, thing):
        self.held.add(tx)
        if len(self.held) > self.count:
            await self.cancel_transaction(tx, f"no {thing}")
        else:
            await self.send_result(tx, thing)

    async def handle_tx_cancel(self, tx, reason):
        self.held.discard(tx)


class Trips(ergopy.Saga):
    async def handle_call(self, city, from_):
        self.caller = from_
        await self.start_transaction(city, two_phase_commit=True)
        return ergopy.NOREPLY

    async def handle_tx_new(self, tx, city):
        await self.start_job(tx, city, worker="a car in {}".format, compensate="undo")

    async def handle_job_result(self, tx, job, car):
        await self.next(tx, "flights", f"flight to {tx.value}")
        await self.next(tx, "rooms", f"room in {tx.value}")

    async def handle_tx_result(self, tx, step, result):
        if not tx.open:
            await self.send_result(tx, [step.value for step in tx.steps.values()])

    async def undo(self, tx, job, car):
        await self.reply(self.caller, f"{tx.reason}, {car} is given back")

    async def handle_tx_done(self, tx, parts):
        await self.reply(self.caller, " and ".join(parts))


async def main():
    async with ergopy.Node("py@127.0.0.1", cookie="secret") as node:
        await node.start(Held, 9, name="flights")
        await node.start(Held, 2, name="rooms")
        trips = await node.start(Trips)
        for city in "Rome", "Oslo", "Bonn":
            print(await node.call(trips, city))


ergopy.run(main)
