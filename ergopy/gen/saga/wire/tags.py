"""The first atoms of the messages of sagas, and the verbs of ergopy's own."""

from __future__ import annotations

from typing import Final

from etf import Atom

NEXT: Final = Atom("$saga_next")
RESULT: Final = Atom("$saga_result")
INTERIM: Final = Atom("$saga_interim")
CANCEL: Final = Atom("$saga_cancel")
COMMIT: Final = Atom("$saga_commit")

ERGOPY: Final = Atom("$saga_ergopy")
"""What only sagas of ergopy say to each other; one of these verbs is in it:"""
JOINED: Final = Atom("joined")
PREPARE: Final = Atom("prepare")
VOTE: Final = Atom("vote")
DECIDE: Final = Atom("commit")
ACK: Final = Atom("ack")
ASK: Final = Atom("ask")

JOB_START: Final = Atom("$saga_job_start")
JOB_CANCEL: Final = Atom("$saga_job_cancel")
JOB_COMMIT: Final = Atom("$saga_job_commit")
JOB_RESULT: Final = Atom("$saga_job_result")
JOB_INTERIM: Final = Atom("$saga_job_interim")
