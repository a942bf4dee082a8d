"""What the verbs of a saga are given: found and checked before anything is sent."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import etf

from ...errors import NoProcess, UnknownSaga
from ...errors.text import shown
from ...process.via import Via

if TYPE_CHECKING:
    from ...process.signals import RemoteNode
    from .core.transaction import SagaTransaction
    from .saga import Saga


def locate(saga: Saga, dest: Any) -> tuple[Any, Any, RemoteNode | None]:
    """Return whom to send to, where it is found after a restart, and the way there.

    Raises:
        UnknownSaga: Nobody of this node has that name.
        LocalProtocolError: *dest* names nobody.
    """
    runtime = saga.process.runtime
    if isinstance(dest, str):
        pid = runtime.whereis(dest)
        if pid is None:
            raise UnknownSaga(dest)
        return pid, (etf.Atom(dest), runtime.name), None
    if isinstance(dest, Via):
        try:
            pid = dest.whereis(runtime)
        except NoProcess:
            pid = None
        if pid is None:
            raise UnknownSaga(dest)
        return pid, pid, runtime.remote(pid)
    way, _, address = runtime.locate(dest)
    return dest, address, way


def check_limit(limit: Any) -> None:
    """Raise ValueError if *limit* is no number of transactions, nor None."""
    if limit is not None and (type(limit) is not int or limit < 0):
        raise ValueError(f"a limit is a number of transactions, not {limit!r}")


def check_term(saga: Saga, value: Any) -> None:
    """Raise if *value* is no term: it will leave the node, or go into the log."""
    etf.encode(value, saga.process.runtime.encode_options)


def as_term(saga: Saga, reason: Any) -> Any:
    """Return why a worker has ended, as text if it is no term: others will hear it."""
    try:
        check_term(saga, reason)
    except etf.EncodeError:
        return shown(reason)
    return reason


def check_record(saga: Saga, tx: SagaTransaction, value: Any) -> None:
    """Raise if a step or job with *value* cannot be written down, or what it is of."""
    check_term(saga, value)
    if not tx.log_size:
        check_term(saga, tx.value)


def method_of(saga: Saga, compensate: Any) -> str:
    """Return the name of a compensation.

    Raises:
        TypeError: It is no async method of this saga, nor the name of one.
    """
    name = getattr(compensate, "__name__", compensate)
    method = getattr(saga, name, None) if isinstance(name, str) else None
    is_its = name is compensate or compensate in (
        method,
        getattr(method, "__func__", None),
    )
    if not is_its or not inspect.iscoroutinefunction(method):
        raise TypeError(
            f"compensate= is an async method of the saga, or its name, "
            f"not {compensate!r}"
        )
    return str(name)
