"""The named processes that a BEAM expects on every node.

``STANDARD`` is what ``ergopy.Node`` starts; each is a function of the node. Those that
are processes run as the application ``kernel``. ``QUESTIONS`` is what it answers.
"""

from . import answers, erpc, kernel, observer, shell
from . import globals as cluster_names
from .globals.answers import ROOM as OF_GLOBAL
from .pg.answers import ROOM as OF_PG

STANDARD = (
    cluster_names.start,
    kernel.start,
    erpc.start,
    observer.start,
    shell.start,
)

QUESTIONS = (
    *answers.QUESTIONS,
    *OF_GLOBAL.questions,
    *OF_PG.questions,
    *observer.QUESTIONS,
)

__all__ = ["QUESTIONS", "STANDARD"]
