"""What tests of programs that use ergopy need: nodes without sockets, and faults.

::

    async with node_pair() as (a, b):
        await b.start(Counter, name="counter")
        assert await a.call(("counter", b.name), Atom("value")) == 0

``lone_process`` runs one process without a node, and ``stand_in`` is a process that
the test plays; ``captured_io`` is a device that keeps what is printed to it. ``spy``,
``event_log``, ``replaced`` and ``faults`` are laid over a node that runs, and leave
nothing behind. ``beam_pair`` has a real BEAM as the other node.
It needs no test framework; ``ergopy.testing.plugin`` has fixtures for pytest.
"""

from .beam import Beam as Beam
from .beam import BeamGone as BeamGone
from .beam import BeamMissing as BeamMissing
from .beam import beam_pair as beam_pair
from .captured import CapturedIo as CapturedIo
from .captured import captured_io as captured_io
from .event_log import EventLog as EventLog
from .event_log import event_log as event_log
from .faults import Faults as Faults
from .faults import faults as faults
from .inside import inside as inside
from .log_events import CrashReport as CrashReport
from .log_events import MessageReceived as MessageReceived
from .log_events import MessageSent as MessageSent
from .log_events import NameRegistered as NameRegistered
from .log_events import NameUnregistered as NameUnregistered
from .log_events import ProcessEnded as ProcessEnded
from .log_events import ProcessLinked as ProcessLinked
from .log_events import ProcessStarted as ProcessStarted
from .log_events import ProcessUnlinked as ProcessUnlinked
from .log_events import ProgressReport as ProgressReport
from .log_events import SupervisorReport as SupervisorReport
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
from .replaced import replaced as replaced
from .spy import Spy as Spy
from .spy import spy as spy
from .stand_in import stand_in as stand_in
