"""What the tools of a BEAM see of a node: observer, etop and Phoenix LiveDashboard.

They ask with rpc, and spawn processes that report to them. Here are the answers, in the
shapes of OTP's ``runtime_tools`` and of the dashboard's ``SystemInfo``; the numbers
behind them are taken when somebody asks, and cost nothing until then. The page "What a
BEAM sees" says which of them are true, which are estimates, and which are always empty.
"""

from .appmon import MASTERS
from .appmon import ROOM as APPMON
from .backend import ROOM as BACKEND
from .backend import start as start
from .dashboard import ROOM as DASHBOARD
from .modules import ROOM as MODULES
from .trace_port import ROOM as DBG

QUESTIONS = tuple(
    question
    for room in (APPMON, MASTERS, BACKEND, DASHBOARD, DBG, MODULES)
    for question in room.questions
)
"""What is answered of all that."""
