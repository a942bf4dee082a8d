"""The messages of sagas: those of ergo, those between sagas of ergopy, and of workers.

All are ``{Tag, SenderPid, Parts}``::

    $saga_next       {TxId, Ref, Value, Parents, Options}   down
    $saga_result     {TxId, Origin, Result}                 up
    $saga_interim    {TxId, Origin, Interim}                up
    $saga_cancel     {TxId, Origin or Ref, Reason}          up, down
    $saga_commit     {TxId, Ref, Final}                     down
    $saga_ergopy     {TxId, Ref, Verb, Value}               up, down
    $saga_job_start  {JobRef, TxRef, Key, Value, TwoPhase}  to a worker
    $saga_job_cancel {JobRef, Reason}                       to a worker
    $saga_job_commit {JobRef, Final}                        to a worker
    $saga_job_result, $saga_job_interim {JobRef, Value}     from a worker

``Ref`` is what the sender of ``$saga_next`` knows that step by, and the monitor that
it has on the saga; the receiver calls it the origin, and says it in all it answers.
"""

from __future__ import annotations

from .making import ack as ack
from .making import ask as ask
from .making import cancel_message as cancel_message
from .making import commit_message as commit_message
from .making import decide as decide
from .making import interim_message as interim_message
from .making import job_cancel as job_cancel
from .making import job_commit as job_commit
from .making import job_interim as job_interim
from .making import job_result as job_result
from .making import job_start as job_start
from .making import joined as joined
from .making import next_message as next_message
from .making import prepare as prepare
from .making import result_message as result_message
from .making import vote as vote
from .options import DEFAULT_LIFESPAN as DEFAULT_LIFESPAN
from .options import MAX_HOPS as MAX_HOPS
from .options import MAX_LIFESPAN as MAX_LIFESPAN
from .reading import MAX_PARENTS as MAX_PARENTS
from .reading import read as read
from .reasons import read_reason as read_reason
from .tags import JOB_CANCEL as JOB_CANCEL
from .tags import JOB_COMMIT as JOB_COMMIT
from .tags import JOB_START as JOB_START
from .tags import NEXT as NEXT
