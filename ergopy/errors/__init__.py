"""Every exception that ergopy raises on purpose; ``etf`` and ``epmd`` have their own.

::

    ErgopyError
    ├── ProtocolError
    │   ├── LocalProtocolError      we asked for something illegal: a bug in the caller
    │   └── RemoteProtocolError     the peer broke the rules: the connection closes
    ├── ConnectError(OSError)
    │   ├── NodeNotFound            no such name, or nobody listening
    │   ├── HandshakeError
    │   │   ├── CookieMismatch
    │   │   ├── MissingFlags        .flags: names, not numbers
    │   │   ├── NotAllowed          the peer said no
    │   │   ├── AlreadyConnected
    │   │   ├── WrongNode           .name: who answers under that address instead
    │   │   ├── HandshakeTimeout    the peer went silent
    │   │   ├── NotDistribution     whatever answers there is no Erlang node
    │   │   └── TlsError            .reason: what was wrong with TLS
    │   │       └── CertificateError    .reason: what was wrong with a certificate
    │   └── NodeDown                it was up and is not any more
    ├── NodeNameError(ValueError)   a node name that cannot work
    ├── TlsFileError(ValueError)    .path: a certificate or key that cannot be used
    ├── CallError
    │   ├── CallTimeout(TimeoutError)
    │   ├── NoProcess
    │   │   └── RegistryClosed      .dest: a registry that is closing, or has ended
    │   ├── BadRequest              .problem: what a typed handler says does not fit
    │   ├── SysError                .reason: what a behaviour said to a sys request
    │   ├── IoError                 .reason: what a device said to an I/O request
    │   └── CallExit                .reason: the exit reason, as a term
    ├── StartError                  .reason: why a behaviour did not come up
    │   ├── AlreadyStarted          .pid: who has the name
    │   ├── StartNotSupported       by a registry without start=
    │   └── Ignored                 its init said so: nothing failed, nothing runs
    ├── SpecError(ValueError)       .reason: what is wrong with a child specification
    ├── ChildError                  .id, .reason: what a supervisor did not do, and why
    ├── ApplicationError            .application: its name
    │   ├── ApplicationNotLoaded    .needed_by: the one that depends on it
    │   ├── ApplicationAlreadyLoaded
    │   ├── ApplicationRunning      it has to be stopped first
    │   ├── ApplicationNotStarted   .needed_by: the one that depends on it
    │   ├── DependencyCycle         .cycle: those that need each other
    │   ├── ApplicationStartError   .reason: why it did not come up
    │   └── ApplicationTerminated   .reason, .start_type: its end ended the node
    ├── EventError                  .event: its name
    │   ├── EventTaken              .owner: whose event of that name there is
    │   ├── EventUnknown            there is none, or none any more
    │   ├── EventOwnerError         .owner: who alone may publish
    │   └── EventMismatch(TypeError)    .value: what the event does not accept
    ├── TaskError                   .task: whose value did not come
    │   ├── TaskExit                .reason: the task ended without one
    │   └── TaskTimeout(TimeoutError)   .seconds: it still runs
    ├── NotExported                 .module, .function: nothing to take back
    ├── RpcError                    .kind, .reason, .stacktrace, from the far side
    ├── NodeStopped                 .node: it does not run, or has ended meanwhile
    ├── NameTaken, NotRegistered
    ├── RegistryFull                .what, .limit: of entries, or of what a peer asks
    ├── SagaError                   what a saga was asked for, and did not do
    │   ├── UnknownTransaction      .transaction: it takes no part in that
    │   ├── TransactionCanceled     .transaction, .reason
    │   │   ├── EndOfLifespan       its time was over
    │   │   └── NextTimeout         another saga gave no result in time
    │   ├── TransactionInProgress   .open: sagas and jobs that still work for it
    │   ├── ResultAlreadySent       .what: a transaction, or job
    │   ├── SagaNotAllowed          .what, .why: not in that state
    │   ├── HopLimitExceeded        .transaction: it has gone through too many
    │   ├── TooManyTransactions     .limit
    │   ├── UnknownSaga             .saga: a name that nobody has
    │   ├── UnknownJob              .job: it is over, or of another saga
    │   └── SagaLogError            .path, .why: its log cannot be used
    ├── NamesNotKept                .node, .why: it keeps no global names
    ├── LockNotTaken                .id: another requester has that lock
    ├── SessionError                .expected: what the protocol of a session wants
    │   ├── WrongStep               .got: what was done, or came, instead
    │   ├── SessionClosed           .reason: why the other side is not there any more
    │   └── SessionTimeout(TimeoutError)    .seconds
    ├── StageError                  .dest, .reason: what a stage did not do, and why
    ├── SubscriptionCanceled        .subscription, .reason: why a stream breaks off
    ├── SubscriptionRefused         .reason: why a dispatcher takes no such consumer
    ├── NotPermitted                .pid, .what: what that process may not do
    ├── SystemLimit                 .who, .limit: too many processes
    ├── MailboxFull                 .pid, .limit: the receiver takes no more messages
    ├── TooManyPostponed            .limit: what a state machine has put off
    ├── HandlerError                .handler, .reason: an event manager says no
    ├── ReceiveTimeout(TimeoutError, trio.TooSlowError)
    ├── Exit                        raised by user code to leave with a reason
    │   └── NeededChildExited       .pid, .why: a scope cannot go on without it
    └── Throw                       raised by an exported function: a ``throw``

An error carries its data as attributes and builds its message from them.
Raising never logs; whoever ends the propagation does, once.
"""

from .applications import ApplicationAlreadyLoaded as ApplicationAlreadyLoaded
from .applications import ApplicationError as ApplicationError
from .applications import ApplicationNotLoaded as ApplicationNotLoaded
from .applications import ApplicationNotStarted as ApplicationNotStarted
from .applications import ApplicationRunning as ApplicationRunning
from .applications import ApplicationStartError as ApplicationStartError
from .applications import ApplicationTerminated as ApplicationTerminated
from .applications import DependencyCycle as DependencyCycle
from .base import ErgopyError as ErgopyError
from .base import LocalProtocolError as LocalProtocolError
from .base import ProtocolError as ProtocolError
from .base import RemoteProtocolError as RemoteProtocolError
from .behaviours import EventError as EventError
from .behaviours import EventMismatch as EventMismatch
from .behaviours import EventOwnerError as EventOwnerError
from .behaviours import EventTaken as EventTaken
from .behaviours import EventUnknown as EventUnknown
from .behaviours import HandlerError as HandlerError
from .behaviours import RegistryFull as RegistryFull
from .behaviours import TaskError as TaskError
from .behaviours import TaskExit as TaskExit
from .behaviours import TaskTimeout as TaskTimeout
from .behaviours import TooManyPostponed as TooManyPostponed
from .calls import BadRequest as BadRequest
from .calls import CallError as CallError
from .calls import CallExit as CallExit
from .calls import CallTimeout as CallTimeout
from .calls import IoError as IoError
from .calls import NoProcess as NoProcess
from .calls import NotExported as NotExported
from .calls import RegistryClosed as RegistryClosed
from .calls import RpcError as RpcError
from .calls import SysError as SysError
from .connections import AlreadyConnected as AlreadyConnected
from .connections import CertificateError as CertificateError
from .connections import ConnectError as ConnectError
from .connections import CookieMismatch as CookieMismatch
from .connections import HandshakeError as HandshakeError
from .connections import HandshakeTimeout as HandshakeTimeout
from .connections import MissingFlags as MissingFlags
from .connections import NodeDown as NodeDown
from .connections import NodeNameError as NodeNameError
from .connections import NodeNotFound as NodeNotFound
from .connections import NodeStopped as NodeStopped
from .connections import NotAllowed as NotAllowed
from .connections import NotDistribution as NotDistribution
from .connections import TlsError as TlsError
from .connections import TlsFileError as TlsFileError
from .connections import WrongNode as WrongNode
from .globals import LockNotTaken as LockNotTaken
from .globals import NamesNotKept as NamesNotKept
from .processes import Exit as Exit
from .processes import MailboxFull as MailboxFull
from .processes import NameTaken as NameTaken
from .processes import NeededChildExited as NeededChildExited
from .processes import NotPermitted as NotPermitted
from .processes import NotRegistered as NotRegistered
from .processes import ReceiveTimeout as ReceiveTimeout
from .processes import SystemLimit as SystemLimit
from .processes import Throw as Throw
from .sagas import EndOfLifespan as EndOfLifespan
from .sagas import HopLimitExceeded as HopLimitExceeded
from .sagas import NextTimeout as NextTimeout
from .sagas import ResultAlreadySent as ResultAlreadySent
from .sagas import SagaError as SagaError
from .sagas import SagaLogError as SagaLogError
from .sagas import SagaNotAllowed as SagaNotAllowed
from .sagas import TooManyTransactions as TooManyTransactions
from .sagas import TransactionCanceled as TransactionCanceled
from .sagas import TransactionInProgress as TransactionInProgress
from .sagas import UnknownJob as UnknownJob
from .sagas import UnknownSaga as UnknownSaga
from .sagas import UnknownTransaction as UnknownTransaction
from .sessions import SessionClosed as SessionClosed
from .sessions import SessionError as SessionError
from .sessions import SessionTimeout as SessionTimeout
from .sessions import WrongStep as WrongStep
from .stages import StageError as StageError
from .stages import SubscriptionCanceled as SubscriptionCanceled
from .stages import SubscriptionRefused as SubscriptionRefused
from .starting import AlreadyStarted as AlreadyStarted
from .starting import ChildError as ChildError
from .starting import Ignored as Ignored
from .starting import SpecError as SpecError
from .starting import StartError as StartError
from .starting import StartNotSupported as StartNotSupported

# Who meets one, in a traceback or in an exit reason on another node, is to see the name
# that it is imported by.
for _thing in list(vars().values()):
    if isinstance(_thing, type):
        _thing.__module__ = __name__
