"""Sagas: transactions over processes and nodes, as those of ergo."""

from .core.transaction import SagaJob as SagaJob
from .core.transaction import SagaStep as SagaStep
from .core.transaction import SagaTransaction as SagaTransaction
from .graph import JobInfo as JobInfo
from .graph import SagaGraph as SagaGraph
from .graph import SagaInfo as SagaInfo
from .graph import SagaStatistics as SagaStatistics
from .graph import StepInfo as StepInfo
from .graph import TransactionInfo as TransactionInfo
from .log import MemorySagaLog as MemorySagaLog
from .log import SagaLog as SagaLog
from .log import SqliteSagaLog as SqliteSagaLog
from .messages import SagaCanceled as SagaCanceled
from .messages import SagaFailed as SagaFailed
from .observing import SagaEvent as SagaEvent
from .saga import Saga as Saga
from .verbs import graph as graph
from .verbs import graphs as graphs
from .verbs import max_transactions as max_transactions
from .verbs import set_max_transactions as set_max_transactions
from .verbs import show as show
from .verbs import statistics as statistics
from .verbs import which as which
from .worker import SagaWorker as SagaWorker
from .worker import WorkerJob as WorkerJob
