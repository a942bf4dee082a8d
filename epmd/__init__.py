"""EPMD, the port mapper of Erlang nodes: messages, client and a complete server.

It maps the short name of a node to the port where that node listens. This package
needs neither Erlang nor the rest of ergopy. ``python -m epmd`` is the program.
"""

from ._addresses import DEFAULT_PORT as DEFAULT_PORT
from ._addresses import default_port as default_port
from ._auto import Mode as Mode
from ._auto import PortMapper as PortMapper
from ._client import dump as dump
from ._client import kill as kill
from ._client import lookup as lookup
from ._client import names as names
from ._client import stop as stop
from ._errors import CannotListen as CannotListen
from ._errors import EpmdError as EpmdError
from ._errors import EpmdProtocolError as EpmdProtocolError
from ._errors import EpmdRefused as EpmdRefused
from ._errors import EpmdUnreachable as EpmdUnreachable
from ._errors import EpmdValueError as EpmdValueError
from ._errors import NameTaken as NameTaken
from ._errors import NotRegistered as NotRegistered
from ._errors import PortBusy as PortBusy
from ._listings import DumpEntry as DumpEntry
from ._listings import NodeEntry as NodeEntry
from ._messages import HIDDEN as HIDDEN
from ._messages import NORMAL as NORMAL
from ._messages import NodeInfo as NodeInfo
from ._registration import Registration as Registration
from ._registration import random_creation as random_creation
from ._registration import register as register
from ._registry import Registry as Registry
from ._server import Server as Server
from ._server import ServerStatistics as ServerStatistics
from ._server import serve as serve
