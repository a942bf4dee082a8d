"""What is said to a stage from outside, here or on a BEAM: the functions of GenStage.

``caller=`` is who acts: a process, a behaviour, or a node for a program. By default it
is the process that runs the code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom

from ...errors import StageError
from ...process import reasons
from ...process.atoms import ERROR, OK
from ..caller import acting
from . import wire
from .options import read
from .requests import DEMAND, ESTIMATE, INFO, SUBSCRIBE, check_demand_mode

if TYPE_CHECKING:
    from .subscription import Subscription


async def sync_subscribe(
    consumer: Any,
    to: Any,
    *,
    timeout: float | None = 5.0,
    caller: Any = None,
    **options: Any,
) -> Any:
    """Have *consumer* subscribe to *to*; return the tag; ``GenStage.sync_subscribe/3``.

    When it returns the consumer has asked the producer, which need not have answered.

    Args:
        consumer: A stage, of this node or another one.
        to: The producer: a pid, a name or ``(name, node)``, as the consumer sees it.
        timeout: Seconds; None waits for ever.
        caller: See above.
        options: ``max_demand``, ``min_demand``, ``cancel``, and others for the
            producer: see :meth:`ergopy.Consumer.subscribe`.

    Raises:
        StageError: It is no consumer, or does not like an option.
        ValueError: An option makes no sense; nothing was sent.
        NoProcess, CallTimeout, CallExit, NodeDown: As for :meth:`ergopy.Process.call`.
            Cancelled or timed out, it may have subscribed.
    """
    request = _subscribe(None, to, options)
    return await _tag(consumer, request, timeout, caller)


async def sync_resubscribe(
    consumer: Any,
    tag: Any,
    reason: Any,
    to: Any,
    *,
    timeout: float | None = 5.0,
    caller: Any = None,
    **options: Any,
) -> Any:
    """End the subscription *tag* with *reason* and subscribe anew; return the new tag.

    The consumer takes the end of the old one as any: if that was ``permanent``, it ends
    with it. As :func:`sync_subscribe` for the rest; ``GenStage.sync_resubscribe/5``.
    """
    request = _subscribe((tag, reasons.as_reason(reason)), to, options)
    return await _tag(consumer, request, timeout, caller)


async def async_subscribe(
    consumer: Any, to: Any, *, caller: Any = None, **options: Any
) -> None:
    """Have *consumer* subscribe, without waiting; ``GenStage.async_subscribe/2``.

    Raises:
        ValueError: An option makes no sense; nothing was sent.
    """
    await acting(caller).cast(consumer, _subscribe(None, to, options))


async def async_resubscribe(
    consumer: Any, tag: Any, reason: Any, to: Any, *, caller: Any = None, **options: Any
) -> None:
    """As :func:`sync_resubscribe`, without waiting."""
    request = _subscribe((tag, reasons.as_reason(reason)), to, options)
    await acting(caller).cast(consumer, request)


async def ask(subscription: Subscription, count: int, *, caller: Any = None) -> None:
    """Ask a producer for events, as a process that is no stage; ``GenStage.ask/2``.

    The caller is the one that has subscribed. A stage uses its own method, which knows
    what was asked for.

    Raises:
        ValueError: *count* is no number of events.
    """
    if type(count) is not int or count < 0:
        raise ValueError(f"one asks for a number of events, not {count!r}")
    if count:
        await _say(subscription, (wire.ASK, count), caller)


async def cancel(
    subscription: Subscription, reason: Any = "normal", *, caller: Any = None
) -> None:
    """End a subscription at its producer; ``GenStage.cancel/2``.

    The producer tells the consumer. A plain ``str`` is taken for an atom.
    """
    await _say(subscription, (wire.CANCEL, reasons.as_reason(reason)), caller)


async def demand(
    producer: Any,
    mode: str | None = None,
    *,
    timeout: float | None = 5.0,
    caller: Any = None,
) -> Atom | None:
    """Hold the demand of a producer back, or let it go on; ``GenStage.demand/2``.

    Args:
        producer: A stage, of this node or another one.
        mode: ``"accumulate"`` or ``"forward"``; this does not wait. None asks which one
            it is.
        timeout: Seconds for the answer.
        caller: See above.

    Raises:
        ValueError: There is no such mode.
    """
    process = acting(caller)
    if mode is None:
        answer: Atom = await process.call(producer, DEMAND, timeout)
        return answer
    await process.cast(producer, (DEMAND, check_demand_mode(mode)))
    return None


async def sync_info(
    dest: Any, message: Any, *, timeout: float | None = 5.0, caller: Any = None
) -> None:
    """Give ``handle_info`` a message when all events of now are sent.

    It returns when the message is queued behind them; ``GenStage.sync_info/3``. To a
    consumer, which keeps no events, it is an ordinary message.

    Raises:
        StageError: So many of them wait there already (``max_infos``) that it was
            refused; of :func:`async_info` only the log of the stage tells.
    """
    match await acting(caller).call(dest, (INFO, message), timeout):
        case (Atom() as error, reason) if error == ERROR:
            raise StageError(dest, reason)


async def async_info(dest: Any, message: Any, *, caller: Any = None) -> None:
    """As :func:`sync_info`, without waiting; ``GenStage.async_info/2``."""
    await acting(caller).cast(dest, (INFO, message))


async def estimate_buffered_count(
    dest: Any, *, timeout: float | None = 5.0, caller: Any = None
) -> int:
    """Return how many events a producer has buffered; 0 for a consumer."""
    count: int = await acting(caller).call(dest, ESTIMATE, timeout)
    return count


def _subscribe(current: Any, to: Any, options: dict[str, Any]) -> Any:
    return (SUBSCRIBE, current, _name(to), list(read(options).given))


def _name(to: Any) -> Any:
    """Return a destination as a term: a name is an atom."""
    match to:
        case Atom():
            return to
        case str():
            return Atom(to)
        case (str(name), str(node)):
            return (Atom(name), Atom(node))
    return to


async def _tag(consumer: Any, request: Any, timeout: float | None, caller: Any) -> Any:
    answer = await acting(caller).call(consumer, request, timeout)
    match answer:
        case (Atom() as ok, tag) if ok == OK:
            return tag
        case (_, reason):
            raise StageError(consumer, reason)
    raise StageError(consumer, answer)


async def _say(subscription: Subscription, request: Any, caller: Any) -> None:
    process = acting(caller)
    peer, tag = subscription
    await process.send(peer, (wire.GEN_PRODUCER, (process.pid, tag), request))
