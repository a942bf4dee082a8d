"""Sessions: two processes that follow one protocol, each step checked as it is done.

::

    SUM = Send(int) >> Send(int) >> Recv(int) >> End

    async def adder(proc, channel):                    # has the dual of it
        await channel.send(await channel.recv() + await channel.recv())

    async with session.spawn(adder, SUM) as channel:
        await channel.send(1)
        await channel.send(2)
        print(await channel.recv())

``protocol`` says what protocols are, ``position`` what may be done when, ``channel``
does it, ``opening`` brings two processes together, ``messages`` is what they send each
other, also for who plays the other side on a BEAM.
"""

from .channel import Channel as Channel
from .opening import accept as accept
from .opening import open as open
from .opening import spawn as spawn
from .protocol import Again as Again
from .protocol import Choose as Choose
from .protocol import End as End
from .protocol import Offer as Offer
from .protocol import Protocol as Protocol
from .protocol import Rec as Rec
from .protocol import Recv as Recv
from .protocol import Send as Send
