"""What the functions of GenStage ask any stage, by call or by cast."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from etf import Atom

from ...errors import LocalProtocolError
from ...process import reasons
from ...process.atoms import ERROR, OK
from .. import system
from . import wire
from .options import keywords, read

if TYPE_CHECKING:
    from .stage import Stage

logger = logging.getLogger("ergopy.stage")

DEMAND = Atom("$demand")
ESTIMATE = Atom("$estimate_buffered_count")
INFO = Atom("$info")
SUBSCRIBE = Atom("$subscribe")

ACCUMULATE = Atom("accumulate")
FORWARD = Atom("forward")

_NOT_A_CONSUMER = (ERROR, Atom("not_a_consumer"))
_ALL = frozenset((DEMAND, ESTIMATE, INFO, SUBSCRIBE))


def is_request(request: Any) -> bool:
    """Tell whether a stage itself answers, and not its callbacks."""
    if request.__class__ is tuple and request:
        request = request[0]
    return request.__class__ is Atom and request in _ALL


def check_demand_mode(mode: Any) -> Atom:
    """Return the demand mode *mode*, or raise ``ValueError``."""
    if mode not in (ACCUMULATE, FORWARD):
        raise ValueError(f"a producer can forward or accumulate demand, not {mode!r}")
    return Atom(mode)


async def answer(stage: Stage, request: Any) -> Any:
    """Do what was asked for, and return the answer."""
    match request:
        case (Atom("$subscribe"), current, to, options):
            return await _subscribe(stage, current, to, options)
        case (Atom("$info"), message):
            return OK if stage._queue_info(message) else _too_many_infos(stage)
        case (Atom("$demand"), Atom("forward" | "accumulate") as mode):
            await stage._set_demand_mode(mode)
            return OK
        case Atom("$demand"):
            return stage._demand_mode
        case Atom("$estimate_buffered_count"):
            return _estimate(stage)
    return (ERROR, (Atom("bad_request"), request))


async def _subscribe(stage: Stage, current: Any, to: Any, given: Any) -> Any:
    inlet = stage._inlet
    if inlet is None:
        logger.error(
            "producer %s cannot subscribe to %s: it takes no events",
            stage.process.label,
            reasons.shown(to),
        )
        return _NOT_A_CONSUMER
    options = keywords(given)
    try:
        if options is None:
            raise ValueError("the options are a keyword list")
        checked = read(options)
        subscription = await inlet.subscribe_as_told(to, checked, current)
    except (ValueError, LocalProtocolError) as error:
        logger.error("consumer %s: %s", stage.process.label, error)
        return (ERROR, (wire.BAD_OPTS, str(error).encode()))
    return (OK, subscription.tag)


def _too_many_infos(stage: Stage) -> Any:
    if not stage._infos_refused:
        stage._infos_refused = True
        logger.error(
            "producer %s refuses an info, and all that follow while so many wait "
            "behind its events",
            stage.process.label,
        )
    return (ERROR, wire.SYSTEM_LIMIT)


def _estimate(stage: Stage) -> int:
    if stage._outlet is None:
        logger.error("consumer %s has no buffer to count", stage.process.label)
        return 0
    return stage._outlet.flow.buffered


def status(stage: Stage) -> Any:
    """Return the part of ``sys:get_status`` that is about a stage."""
    items: dict[str, Any] = {"Stage": stage._role}
    outlet, inlet = stage._outlet, stage._inlet
    if outlet is not None:
        items["Dispatcher"] = Atom(type(outlet.flow.dispatcher).__name__)
    if inlet is not None:
        items["Producers"] = [flow.to.peer for flow in inlet.flows.values()]
    if outlet is not None:
        items["Consumers"] = [flow.to.peer for flow in outlet.consumers.values()]
        items["Buffer size"] = outlet.flow.buffered
    return system.status_part(items)
