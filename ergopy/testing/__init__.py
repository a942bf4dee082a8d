"""What tests of programs that use ergopy need: nodes without sockets, and faults.

::

    async with node_pair() as (a, b):
        await b.start(Counter, name="counter")
        assert await a.call(("counter", b.name), Atom("value")) == 0

``lone_process`` runs one process without a node, and ``stand_in`` is a process that
the test plays. It needs no test framework; ``ergopy.testing.plugin`` has fixtures for
pytest.
"""

from .lone import Probe as Probe
from .lone import lone_process as lone_process
from .network import MemoryNetwork as MemoryNetwork
from .outside import Called as Called
from .outside import Demonitored as Demonitored
from .outside import ExitSent as ExitSent
from .outside import Linked as Linked
from .outside import Monitored as Monitored
from .outside import Sent as Sent
from .outside import Spawned as Spawned
from .outside import Unlinked as Unlinked
from .pair import node_pair as node_pair
from .stand_in import stand_in as stand_in
