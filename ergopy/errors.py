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
    ├── RpcError                    .kind, .reason, .stacktrace, from the far side
    ├── NodeStopped                 .node: it does not run, or has ended meanwhile
    ├── NameTaken, NotRegistered
    ├── RegistryFull                .what, .limit: no more entries, or no longer key
    ├── SessionError                .expected: what the protocol of a session wants
    │   ├── WrongStep               .got: what was done, or came, instead
    │   ├── SessionClosed           .reason: why the other side is not there any more
    │   └── SessionTimeout(TimeoutError)    .seconds
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

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from etf import Pid


class ErgopyError(Exception):
    """The root of ergopy's own exceptions."""


class ProtocolError(ErgopyError):
    """A rule of the distribution protocol was broken."""


class LocalProtocolError(ProtocolError):
    """We asked for something the protocol forbids: a bug in the calling code."""


class RemoteProtocolError(ProtocolError):
    """The peer broke the protocol; its connection is closed, nothing else is."""


class ConnectError(ErgopyError, OSError):
    """A connection to another node could not be made, or is no more."""

    def __init__(self, peer: str, problem: str) -> None:
        super().__init__(f"{peer}: {problem}")
        self.peer = peer
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.peer}: {self.problem}"


class NodeNotFound(ConnectError):
    """No such node name at its port mapper, or nobody listens where it should."""


class HandshakeError(ConnectError):
    """The two nodes talked, but did not become connected."""


class CookieMismatch(HandshakeError):
    """The peer does not have our cookie, or we do not have its."""

    def __init__(self, peer: str, problem: str = "the cookies differ") -> None:
        super().__init__(peer, problem)


class MissingFlags(HandshakeError):
    """The peer cannot do something that we need; ``flags`` has the names."""

    def __init__(self, peer: str, flags: Iterable[str]) -> None:
        self.flags = tuple(flags)
        super().__init__(peer, f"lacks mandatory flags: {', '.join(self.flags)}")


class NotAllowed(HandshakeError):
    """The peer answered ``not_allowed``: flags or its allow list."""

    def __init__(self, peer: str, problem: str = "the node does not allow us") -> None:
        super().__init__(peer, problem)


class AlreadyConnected(HandshakeError):
    """A connection between the two nodes is up, or is being made, already."""

    def __init__(self, peer: str, problem: str = "already connected") -> None:
        super().__init__(peer, problem)


class WrongNode(HandshakeError):
    """Another node answers at that address; ``name`` is what it is called."""

    def __init__(self, peer: str, name: str) -> None:
        self.name = name
        super().__init__(peer, f"the node there is called {name}: use that name")


class HandshakeTimeout(HandshakeError):
    """The peer went silent before the handshake was complete."""

    def __init__(self, peer: str, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(peer, f"silent for {seconds:g} s during the handshake")


class NotDistribution(HandshakeError):
    """Something answers at that port, but it does not speak distribution."""


class TlsError(HandshakeError):
    """TLS could not be agreed on; ``reason`` is a word that says why.

    ``plain`` (the peer does not speak TLS), ``version`` and ``cipher`` (the two have
    none in common), ``closed`` (the peer gave no reason), ``alert`` (the peer's reason
    is in the message), ``broken`` (the bytes make no sense, or were changed).
    """

    def __init__(self, peer: str, problem: str, reason: str) -> None:
        self.reason = reason
        super().__init__(peer, problem)


class CertificateError(TlsError):
    """A certificate was refused; ``reason`` is a word that says why.

    ``expired``, ``not_yet_valid``, ``wrong_name``, ``unknown_authority``,
    ``self_signed``, ``missing``, ``revoked``, or ``bad`` for what else can be wrong
    with it. ``ours`` tells whether it is our certificate, which the peer refused.
    """

    def __init__(
        self, peer: str, problem: str, reason: str, *, ours: bool = False
    ) -> None:
        self.ours = ours
        super().__init__(peer, problem, reason)


class NodeDown(ConnectError):
    """The connection to that node is gone."""

    def __init__(self, peer: str, problem: str = "the node is down") -> None:
        super().__init__(peer, problem)


class NodeNameError(ErgopyError, ValueError):
    """A node name that cannot work; the message says what to write instead."""


class TlsFileError(ErgopyError, ValueError):
    """A file with a certificate or a key cannot be used; ``path`` says which."""

    def __init__(self, path: object, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem


class CallError(ErgopyError):
    """A call got no answer; ``dest`` is whom it was for."""

    def __init__(self, dest: object, problem: str) -> None:
        super().__init__(f"call to {dest!r}: {problem}")
        self.dest = dest


class CallTimeout(CallError, TimeoutError):
    """No answer in time. A late one is dropped, it never reaches a mailbox."""

    def __init__(self, dest: object, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(dest, f"no answer within {seconds:g} s")


class NoProcess(CallError):
    """Nobody is there: ``noproc``."""

    def __init__(self, dest: object) -> None:
        super().__init__(dest, "no such process (noproc)")


class RegistryClosed(NoProcess):
    """The registry is shutting down, or has ended; ``dest`` is its name or pid.

    A registry that is not there never reads as an empty one.
    """

    def __init__(self, dest: object) -> None:
        CallError.__init__(self, dest, "the registry is closing, or has ended")


class BadRequest(CallError):
    """A typed handler refused a request of ``Client``; ``problem`` says where and why.

    For anybody else it is the reply ``{error, {bad_request, Text}}``.
    """

    def __init__(self, dest: object, problem: str) -> None:
        self.problem = problem
        super().__init__(dest, f"bad request: {problem}")


class SysError(CallError):
    """A behaviour refused a request of ``ergopy.sys``; ``reason`` is a term."""

    def __init__(self, dest: object, reason: Any) -> None:
        self.reason = reason
        super().__init__(dest, f"the behaviour refused: {reason!r}")


class CallExit(CallError):
    """The called process ended before it answered; ``reason`` is a term."""

    def __init__(self, dest: object, reason: Any) -> None:
        self.reason = reason
        super().__init__(dest, f"the process ended: {reason!r}")


class StartError(ErgopyError):
    """A process did not come up; ``reason`` is the exit reason of its ``init``."""

    def __init__(self, what: object, reason: Any) -> None:
        self.reason = reason
        super().__init__(f"{what} did not start: {reason!r}")


class AlreadyStarted(StartError):
    """The name belongs to a live process; ``pid`` is that process."""

    def __init__(self, name: object, pid: Pid) -> None:
        self.pid = pid
        self.name = name
        super().__init__(
            f"name {name!r} is taken by {pid!r}; it", ("already_started", pid)
        )


class StartNotSupported(StartError):
    """A registry without ``start=`` was asked to start a process; nothing happened."""

    def __init__(self, what: object) -> None:
        super().__init__(what, "start_not_supported")


class Ignored(StartError):
    """``init`` returned ``IGNORE``: the process ended, and nothing went wrong."""

    def __init__(self, what: object) -> None:
        super().__init__(what, "ignore")


class ApplicationError(ErgopyError):
    """Something about an application; ``application`` is its name."""

    def __init__(self, application: str, problem: str) -> None:
        super().__init__(f"application {application}: {problem}")
        self.application = application


class ApplicationNotLoaded(ApplicationError):
    """No such application is known here, or ``needed_by`` needs one that is not."""

    def __init__(self, application: str, needed_by: str | None = None) -> None:
        self.needed_by = needed_by
        whose = f", and {needed_by} needs it" if needed_by else ""
        super().__init__(application, f"not loaded{whose}")


class ApplicationAlreadyLoaded(ApplicationError):
    """Another application of that name is loaded."""

    def __init__(self, application: str) -> None:
        super().__init__(application, "another one of that name is loaded")


class ApplicationRunning(ApplicationError):
    """It runs, or is on its way up or down; stop it first."""

    def __init__(self, application: str) -> None:
        super().__init__(application, "already started")


class ApplicationNotStarted(ApplicationError):
    """It does not run, or ``needed_by`` needs one that does not."""

    def __init__(self, application: str, needed_by: str | None = None) -> None:
        self.needed_by = needed_by
        whose = f", and {needed_by} needs it" if needed_by else ""
        super().__init__(application, f"not started{whose}")


class DependencyCycle(ApplicationError):
    """Applications need each other; ``cycle`` begins and ends with the same name."""

    def __init__(self, cycle: Sequence[str]) -> None:
        self.cycle = tuple(cycle)
        super().__init__(cycle[0], f"needs itself: {' -> '.join(cycle)}")


class ApplicationStartError(ApplicationError):
    """It did not come up; ``reason`` is the exit reason, as a term."""

    def __init__(self, application: str, reason: Any) -> None:
        self.reason = reason
        super().__init__(application, f"did not start: {reason!r}")


class ApplicationTerminated(ApplicationError):
    """The end of a permanent or transient application ended its node.

    ``reason`` is its exit reason, ``start_type`` how it was started, and ``clean``
    tells whether it had ended by itself, with nothing wrong.
    """

    def __init__(
        self, application: str, reason: Any, start_type: str, *, clean: bool = False
    ) -> None:
        self.reason = reason
        self.start_type = start_type
        self.clean = clean
        super().__init__(application, f"{start_type}, and terminated: {reason!r}")


class SpecError(ErgopyError, ValueError):
    """A specification of a child or a supervisor that cannot work.

    ``reason`` is the term that ``supervisor`` of OTP has for it, such as
    ``{invalid_restart_type, often}`` or ``missing_id``.
    """

    def __init__(self, reason: Any) -> None:
        super().__init__(f"a bad specification: {reason!r}")
        self.reason = reason


class ChildError(ErgopyError):
    """A supervisor refused what it was asked to do with a child.

    ``dest`` is the supervisor, ``id`` the child, and ``reason`` what it answered:
    ``not_found``, ``running``, ``restarting``, ``already_present``,
    ``simple_one_for_one``, ``max_children``, or what is wrong with a specification.
    """

    def __init__(self, dest: object, id: Any, reason: Any) -> None:
        super().__init__(f"supervisor {dest!r}, child {id!r}: {reason!r}")
        self.dest = dest
        self.id = id
        self.reason = reason


class EventError(ErgopyError):
    """Something about an event cannot be; ``event`` is its name."""

    def __init__(self, event: object, problem: str) -> None:
        super().__init__(f"event {event!r}: {problem}")
        self.event = event


class EventTaken(EventError):
    """There is an event of that name; ``owner`` is the pid of who has it."""

    def __init__(self, event: object, owner: object) -> None:
        self.owner = owner
        super().__init__(event, f"{owner!r} has registered it")


class EventUnknown(EventError):
    """There is no such event, or it has ended."""

    def __init__(self, event: object) -> None:
        super().__init__(event, "nobody has registered it")


class EventOwnerError(EventError):
    """Only the owner of an event publishes; ``owner`` is the pid of that."""

    def __init__(self, event: object, owner: object, pid: object) -> None:
        self.owner = owner
        super().__init__(event, f"it belongs to {owner!r}, not to {pid!r}")


class EventMismatch(EventError, TypeError):
    """The event does not accept ``value``; nobody has got it."""

    def __init__(self, event: object, value: object) -> None:
        self.value = value
        super().__init__(event, f"a {type(value).__qualname__} is not accepted")


class TaskError(ErgopyError):
    """The value of a task did not come; ``task`` is an :class:`ergopy.Task`."""

    def __init__(self, task: object, problem: str) -> None:
        super().__init__(f"{task!r} {problem}")
        self.task = task


class TaskExit(TaskError):
    """The task ended without a value; ``reason`` is its exit reason, a term.

    ``{nodedown, Node}`` if the node of the task was lost.
    """

    def __init__(self, task: object, reason: Any) -> None:
        self.reason = reason
        super().__init__(task, f"ended: {reason!r}")


class TaskTimeout(TaskError, TimeoutError):
    """No value in time: the task still runs."""

    def __init__(self, task: object, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(task, f"had no value within {seconds:g} s")


class RpcError(ErgopyError):
    """A remote function did not return.

    ``kind`` is ``"throw"``, ``"exit"``, ``"error"``, ``"signal"`` when its process was
    ended from outside, or ``"erpc"`` when the call itself failed (``noconnection``,
    ``timeout``, ``notsup``). ``reason`` and ``stacktrace`` are terms, as the far side
    made them.
    """

    def __init__(self, kind: str, reason: Any, stacktrace: Sequence[Any] = ()) -> None:
        where = ""
        if stacktrace and isinstance(stacktrace[0], tuple) and len(stacktrace[0]) > 2:
            module, function, arity = stacktrace[0][:3]
            count = len(arity) if isinstance(arity, list) else arity
            where = f" in {module}:{function}/{count}"
        super().__init__(f"{kind}: {reason!r}{where}")
        self.kind = kind
        self.reason = reason
        self.stacktrace = list(stacktrace)


class NodeStopped(ErgopyError):
    """A thread asked a node that is not running, or that ended before it answered."""

    def __init__(self, node: str) -> None:
        super().__init__(f"node {node} is not running, or has ended meanwhile")
        self.node = node


class NameTaken(ErgopyError):
    """That name belongs to somebody; unregister it, or take another."""

    def __init__(self, name: object, owner: object) -> None:
        shown = str(name) if isinstance(name, str) else name
        super().__init__(f"the name {shown!r} is taken by {owner}")
        self.name = name
        self.owner = owner


class NotRegistered(ErgopyError):
    """Nobody has that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"nobody is registered as {name!r}")
        self.name = name


class RegistryFull(ErgopyError):
    """The registry has its ``limit`` of entries, or the key has more bytes than that.

    ``what`` tells which: ``"entries"`` or ``"key"``.
    """

    def __init__(self, registry: object, what: str, limit: int) -> None:
        unit = "bytes" if what == "key" else "entries"
        super().__init__(f"registry {registry}: no more than {limit} {unit}")
        self.registry = registry
        self.what = what
        self.limit = limit


class SessionError(ErgopyError):
    """A session did not go as its protocol says; ``expected`` is what that wants next.

    It is text, such as ``Send(int)`` or ``Offer(buy, leave)``, as this side sees it.
    """

    def __init__(self, expected: str, problem: str) -> None:
        super().__init__(f"{problem}; the protocol has {expected} next")
        self.expected = expected


class WrongStep(SessionError):
    """Something was done that is not what the protocol has next. Nothing was sent."""

    def __init__(self, expected: str, got: str, problem: str = "") -> None:
        super().__init__(expected, f"{got} does not fit: {problem}" if problem else got)
        self.got = got


class SessionClosed(SessionError):
    """The other side of a session has left it, ended, or cannot be reached.

    ``reason`` is a term: an exit reason, ``{left, Why}`` of a side that left before the
    end, ``{refused, Protocol}`` of one that follows another protocol, or ``{broken,
    Problem}`` if it sent what the protocol does not allow.
    """

    def __init__(self, expected: str, reason: Any) -> None:
        super().__init__(expected, f"the other side is gone: {reason!r}")
        self.reason = reason


class SessionTimeout(SessionError, TimeoutError):
    """The other side did nothing for ``seconds``. The session goes on as it was."""

    def __init__(self, expected: str, seconds: float) -> None:
        super().__init__(expected, f"nothing came within {seconds:g} s")
        self.seconds = seconds


class NotPermitted(ErgopyError):
    """The configuration of process ``pid`` does not allow it ``what``.

    ``what`` is the name of the right in ``ProcessConfig``. Nothing was done.
    """

    def __init__(self, pid: Pid, what: str) -> None:
        super().__init__(f"process {pid!r} has no right to that: {what}")
        self.pid = pid
        self.what = what


class SystemLimit(ErgopyError):
    """There are ``limit`` processes, and no more may be; ``system_limit``.

    ``who`` has the limit: a node, by its name, or a process, by its pid, that may have
    started only so many.
    """

    def __init__(self, who: Pid | str, limit: int) -> None:
        super().__init__(f"{who}: no more than {limit} processes (system_limit)")
        self.who = who
        self.limit = limit


class MailboxFull(ErgopyError):
    """The receiver, of this node, has its ``limit`` of messages; it did not get this.

    Only a process with ``MailboxLimit(n, "raise")`` refuses like that.
    """

    def __init__(self, pid: Pid, limit: int) -> None:
        super().__init__(f"the mailbox of {pid!r} is full: {limit} messages wait")
        self.pid = pid
        self.limit = limit


class TooManyPostponed(ErgopyError):
    """A state machine has postponed ``limit`` events, and now one more; it ends."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} events are postponed already")
        self.limit = limit


class HandlerError(ErgopyError):
    """An event manager does not do what it was asked with a handler.

    ``reason`` is its answer: ``bad_module`` or ``module_not_found`` if there is no such
    handler, ``{'EXIT', Why}`` if it crashed, or what its ``init`` returned.
    """

    def __init__(self, handler: Any, reason: Any) -> None:
        super().__init__(f"event handler {handler!r}: {reason!r}")
        self.handler = handler
        self.reason = reason


class ReceiveTimeout(ErgopyError, TimeoutError, trio.TooSlowError):
    """No message (that matches) arrived in time; the mailbox is as it was."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"no message within {seconds:g} s")


class Exit(ErgopyError):
    """Raise it inside a process to end that process with *reason*, any term."""

    def __init__(self, reason: Any = "normal") -> None:
        super().__init__(reason)
        self.reason = reason


class NeededChildExited(Exit):
    """A needed child of a scope has ended; ``pid`` and ``why`` say which, and why.

    Who does not catch it ends with ``{needed_child_exited, Pid, Why}``.
    """

    def __init__(self, word: str, pid: Pid, why: Any) -> None:
        super().__init__((word, pid, why))
        self.pid = pid
        self.why = why


class Throw(ErgopyError):
    """Raise it in an exported function to let the remote caller see ``throw(Term)``."""

    def __init__(self, term: Any) -> None:
        super().__init__(term)
        self.term = term
