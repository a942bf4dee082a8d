"""ergopy: a Python process as a full member of an Erlang cluster, on Trio.

::

    class Counter(ergopy.GenServer):
        async def init(self, start):
            self.value = start

        async def handle_call(self, request, from_):
            match request:
                case (Atom("add"), int(n)):
                    self.value += n
                    return self.value

    async with ergopy.Node("py@127.0.0.1", cookie="secret") as node:
        await node.start(Counter, 10, name="counter")
        await node.wait_closed()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ._version import __version__ as __version__

if TYPE_CHECKING:
    from etf import Atom as Atom
    from etf import Pid as Pid
    from etf import Port as Port
    from etf import Reference as Reference
    from etf import keywords as keywords
    from etf import record as record
    from etf import struct as struct

    from . import abc as abc
    from ._main import Node as Node
    from ._main import NodeThread as NodeThread
    from ._main import run as run
    from .dist.limits import LinkLimits as LinkLimits
    from .dist.tls import Tls as Tls
    from .errors import AlreadyConnected as AlreadyConnected
    from .errors import AlreadyStarted as AlreadyStarted
    from .errors import ApplicationAlreadyLoaded as ApplicationAlreadyLoaded
    from .errors import ApplicationError as ApplicationError
    from .errors import ApplicationNotLoaded as ApplicationNotLoaded
    from .errors import ApplicationNotStarted as ApplicationNotStarted
    from .errors import ApplicationRunning as ApplicationRunning
    from .errors import ApplicationStartError as ApplicationStartError
    from .errors import ApplicationTerminated as ApplicationTerminated
    from .errors import BadRequest as BadRequest
    from .errors import CallError as CallError
    from .errors import CallExit as CallExit
    from .errors import CallTimeout as CallTimeout
    from .errors import CertificateError as CertificateError
    from .errors import ChildError as ChildError
    from .errors import ConnectError as ConnectError
    from .errors import CookieMismatch as CookieMismatch
    from .errors import DependencyCycle as DependencyCycle
    from .errors import EndOfLifespan as EndOfLifespan
    from .errors import ErgopyError as ErgopyError
    from .errors import EventError as EventError
    from .errors import EventMismatch as EventMismatch
    from .errors import EventOwnerError as EventOwnerError
    from .errors import EventTaken as EventTaken
    from .errors import EventUnknown as EventUnknown
    from .errors import Exit as Exit
    from .errors import HandlerError as HandlerError
    from .errors import HandshakeError as HandshakeError
    from .errors import HandshakeTimeout as HandshakeTimeout
    from .errors import HopLimitExceeded as HopLimitExceeded
    from .errors import Ignored as Ignored
    from .errors import IoError as IoError
    from .errors import LocalProtocolError as LocalProtocolError
    from .errors import LockNotTaken as LockNotTaken
    from .errors import MailboxFull as MailboxFull
    from .errors import MissingFlags as MissingFlags
    from .errors import NamesNotKept as NamesNotKept
    from .errors import NameTaken as NameTaken
    from .errors import NeededChildExited as NeededChildExited
    from .errors import NextTimeout as NextTimeout
    from .errors import NodeDown as NodeDown
    from .errors import NodeNameError as NodeNameError
    from .errors import NodeNotFound as NodeNotFound
    from .errors import NodeStopped as NodeStopped
    from .errors import NoProcess as NoProcess
    from .errors import NotAllowed as NotAllowed
    from .errors import NotDistribution as NotDistribution
    from .errors import NotExported as NotExported
    from .errors import NotPermitted as NotPermitted
    from .errors import NotRegistered as NotRegistered
    from .errors import ProtocolError as ProtocolError
    from .errors import ReceiveTimeout as ReceiveTimeout
    from .errors import RegistryClosed as RegistryClosed
    from .errors import RegistryFull as RegistryFull
    from .errors import RemoteProtocolError as RemoteProtocolError
    from .errors import ResultAlreadySent as ResultAlreadySent
    from .errors import RpcError as RpcError
    from .errors import SagaError as SagaError
    from .errors import SagaLogError as SagaLogError
    from .errors import SagaNotAllowed as SagaNotAllowed
    from .errors import SessionClosed as SessionClosed
    from .errors import SessionError as SessionError
    from .errors import SessionTimeout as SessionTimeout
    from .errors import SpecError as SpecError
    from .errors import StageError as StageError
    from .errors import StartError as StartError
    from .errors import StartNotSupported as StartNotSupported
    from .errors import SubscriptionCanceled as SubscriptionCanceled
    from .errors import SubscriptionRefused as SubscriptionRefused
    from .errors import SysError as SysError
    from .errors import SystemLimit as SystemLimit
    from .errors import TaskError as TaskError
    from .errors import TaskExit as TaskExit
    from .errors import TaskTimeout as TaskTimeout
    from .errors import Throw as Throw
    from .errors import TlsError as TlsError
    from .errors import TlsFileError as TlsFileError
    from .errors import TooManyPostponed as TooManyPostponed
    from .errors import TooManyTransactions as TooManyTransactions
    from .errors import TransactionCanceled as TransactionCanceled
    from .errors import TransactionInProgress as TransactionInProgress
    from .errors import UnknownJob as UnknownJob
    from .errors import UnknownSaga as UnknownSaga
    from .errors import UnknownTransaction as UnknownTransaction
    from .errors import WrongNode as WrongNode
    from .errors import WrongStep as WrongStep
    from .gen import IGNORE as IGNORE
    from .gen import NOREPLY as NOREPLY
    from .gen import Behaviour as Behaviour
    from .gen import GenServer as GenServer
    from .gen import NoReply as NoReply
    from .gen import Reply as Reply
    from .gen import Stop as Stop
    from .gen import agent as agent
    from .gen import event_manager as event_manager
    from .gen import events as events
    from .gen import pool as pool
    from .gen import saga as saga
    from .gen import session as session
    from .gen import stage as stage
    from .gen import state_machine as state_machine
    from .gen import supervisor as supervisor
    from .gen import sys as sys
    from .gen.agent import Agent as Agent
    from .gen.application import Application as Application
    from .gen.application import ApplicationInfo as ApplicationInfo
    from .gen.application import Applications as Applications
    from .gen.application import ApplicationSpec as ApplicationSpec
    from .gen.application import StartType as StartType
    from .gen.event_manager import EventHandler as EventHandler
    from .gen.event_manager import EventManager as EventManager
    from .gen.events import Event as Event
    from .gen.events import EventDown as EventDown
    from .gen.events import EventLag as EventLag
    from .gen.events import EventMessage as EventMessage
    from .gen.events import Events as Events
    from .gen.pool import Pool as Pool
    from .gen.pool import PoolStatistics as PoolStatistics
    from .gen.registry import Registry as Registry
    from .gen.registry import RemoteRegistry as RemoteRegistry
    from .gen.saga import MemorySagaLog as MemorySagaLog
    from .gen.saga import Saga as Saga
    from .gen.saga import SagaCanceled as SagaCanceled
    from .gen.saga import SagaEvent as SagaEvent
    from .gen.saga import SagaFailed as SagaFailed
    from .gen.saga import SagaJob as SagaJob
    from .gen.saga import SagaLog as SagaLog
    from .gen.saga import SagaStep as SagaStep
    from .gen.saga import SagaTransaction as SagaTransaction
    from .gen.saga import SagaWorker as SagaWorker
    from .gen.saga import SqliteSagaLog as SqliteSagaLog
    from .gen.saga import WorkerJob as WorkerJob
    from .gen.scope import Scope as Scope
    from .gen.stage import BroadcastDispatcher as BroadcastDispatcher
    from .gen.stage import Consumer as Consumer
    from .gen.stage import ConsumerSupervisor as ConsumerSupervisor
    from .gen.stage import DemandDispatcher as DemandDispatcher
    from .gen.stage import Dispatcher as Dispatcher
    from .gen.stage import IterableProducer as IterableProducer
    from .gen.stage import PartitionDispatcher as PartitionDispatcher
    from .gen.stage import Producer as Producer
    from .gen.stage import ProducerConsumer as ProducerConsumer
    from .gen.stage import StageStream as StageStream
    from .gen.stage import Subscription as Subscription
    from .gen.state_machine import StateMachine as StateMachine
    from .gen.supervisor import AutoShutdown as AutoShutdown
    from .gen.supervisor import Backoff as Backoff
    from .gen.supervisor import ChildSpec as ChildSpec
    from .gen.supervisor import DynamicSupervisor as DynamicSupervisor
    from .gen.supervisor import PartitionSupervisor as PartitionSupervisor
    from .gen.supervisor import Restart as Restart
    from .gen.supervisor import Shutdown as Shutdown
    from .gen.supervisor import Strategy as Strategy
    from .gen.supervisor import Supervisor as Supervisor
    from .gen.supervisor import SupervisorSpec as SupervisorSpec
    from .gen.supervisor import TreeNode as TreeNode
    from .gen.supervisor import current_supervisor as current_supervisor
    from .gen.supervisor import spawn_soon as spawn_soon
    from .gen.supervisor import supervision_tree as supervision_tree
    from .gen.task import Task as Task
    from .gen.task import TaskStream as TaskStream
    from .gen.task import TaskSupervisor as TaskSupervisor
    from .gen.typed import Client as Client
    from .gen.typed import on_call as on_call
    from .gen.typed import on_cast as on_cast
    from .gen.typed import on_info as on_info
    from .hosted import HostedNode as HostedNode
    from .node.cookies import CookieError as CookieError
    from .node.resolvers import DnsResolver as DnsResolver
    from .node.resolvers import EpmdResolver as EpmdResolver
    from .process import Down as Down
    from .process import ExitMessage as ExitMessage
    from .process import MailboxLimit as MailboxLimit
    from .process import MultiReply as MultiReply
    from .process import NodeDownMessage as NodeDownMessage
    from .process import NodeUpMessage as NodeUpMessage
    from .process import Process as Process
    from .process import ProcessConfig as ProcessConfig
    from .process import Request as Request
    from .process import Via as Via
    from .process import self as self
    from .services import io as io
    from .services.globals.registers import Globals as Globals
    from .services.io import IoDevice as IoDevice
    from .services.logger.handler import BeamLogHandler as BeamLogHandler
    from .services.pg import GroupChange as GroupChange
    from .services.pg import GroupChanges as GroupChanges
    from .services.pg import ProcessGroups as ProcessGroups
    from .services.pubsub import PubSub as PubSub
    from .services.pubsub import TopicMessages as TopicMessages
    from .services.pubsub import Topics as Topics
    from .services.pubsub import phoenix as phoenix
    from .services.ring import GroupRing as GroupRing
    from .services.ring import Ring as Ring
    from .services.ring import RingChange as RingChange
    from .services.ring import RingChanges as RingChanges

# Importing Trio takes longer than answering ``ergopy --help``, so names are fetched
# from their homes when they are first used. Those of a home are in order, whatever
# their case.
_HOMES = {
    "etf": "Atom keywords Pid Port record Reference struct",
    "._main": "Node NodeThread run",
    ".dist.limits": "LinkLimits",
    ".dist.tls": "Tls",
    ".errors": (
        "AlreadyConnected AlreadyStarted ApplicationAlreadyLoaded ApplicationError "
        "ApplicationNotLoaded ApplicationNotStarted ApplicationRunning "
        "ApplicationStartError ApplicationTerminated BadRequest CallError CallExit "
        "CallTimeout CertificateError ChildError ConnectError CookieMismatch "
        "DependencyCycle EndOfLifespan ErgopyError EventError EventMismatch "
        "EventOwnerError EventTaken EventUnknown Exit HandlerError HandshakeError "
        "HandshakeTimeout HopLimitExceeded Ignored IoError LocalProtocolError "
        "LockNotTaken MailboxFull MissingFlags NamesNotKept NameTaken "
        "NeededChildExited NextTimeout NodeDown NodeNameError NodeNotFound "
        "NodeStopped NoProcess NotAllowed NotDistribution NotExported NotPermitted "
        "NotRegistered ProtocolError ReceiveTimeout RegistryClosed RegistryFull "
        "RemoteProtocolError ResultAlreadySent RpcError SagaError SagaLogError "
        "SagaNotAllowed SessionClosed SessionError SessionTimeout SpecError "
        "StageError StartError StartNotSupported SubscriptionCanceled "
        "SubscriptionRefused SysError SystemLimit TaskError TaskExit TaskTimeout "
        "Throw TlsError TlsFileError TooManyPostponed TooManyTransactions "
        "TransactionCanceled TransactionInProgress UnknownJob UnknownSaga "
        "UnknownTransaction WrongNode WrongStep"
    ),
    ".gen": (
        "agent Behaviour event_manager events GenServer IGNORE NOREPLY NoReply pool "
        "Reply saga session stage state_machine Stop supervisor sys"
    ),
    ".gen.agent": "Agent",
    ".gen.application": (
        "Application ApplicationInfo Applications ApplicationSpec StartType"
    ),
    ".gen.event_manager": "EventHandler EventManager",
    ".gen.events": "Event EventDown EventLag EventMessage Events",
    ".gen.pool": "Pool PoolStatistics",
    ".gen.registry": "Registry RemoteRegistry",
    ".gen.saga": (
        "MemorySagaLog Saga SagaCanceled SagaEvent SagaFailed SagaJob SagaLog "
        "SagaStep SagaTransaction SagaWorker SqliteSagaLog WorkerJob"
    ),
    ".gen.scope": "Scope",
    ".gen.stage": (
        "BroadcastDispatcher Consumer ConsumerSupervisor DemandDispatcher Dispatcher "
        "IterableProducer PartitionDispatcher Producer ProducerConsumer StageStream "
        "Subscription"
    ),
    ".gen.state_machine": "StateMachine",
    ".gen.supervisor": (
        "AutoShutdown Backoff ChildSpec current_supervisor DynamicSupervisor "
        "PartitionSupervisor Restart Shutdown spawn_soon Strategy supervision_tree "
        "Supervisor SupervisorSpec TreeNode"
    ),
    ".gen.task": "Task TaskStream TaskSupervisor",
    ".gen.typed": "Client on_call on_cast on_info",
    ".hosted": "HostedNode",
    ".node.cookies": "CookieError",
    ".node.resolvers": "DnsResolver EpmdResolver",
    ".process": (
        "Down ExitMessage MailboxLimit MultiReply NodeDownMessage NodeUpMessage "
        "Process ProcessConfig Request self Via"
    ),
    ".services": "io",
    ".services.globals.registers": "Globals",
    ".services.io": "IoDevice",
    ".services.pg": "GroupChange GroupChanges ProcessGroups",
    ".services.pubsub": "phoenix PubSub TopicMessages Topics",
    ".services.logger.handler": "BeamLogHandler",
    ".services.ring": "GroupRing Ring RingChange RingChanges",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = ["__version__", "abc", *_HOME_OF]


def __getattr__(name: str) -> object:
    if name == "abc":
        return import_module(".abc", __name__)
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'ergopy' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home, __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
