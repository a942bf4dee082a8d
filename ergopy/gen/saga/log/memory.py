"""A saga log in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from .base import SagaLog
from .records import Records, dump_key, load_key

if TYPE_CHECKING:
    from etf import DecodeOptions, EncodeOptions, Reference

    from .base import Then


@final
class MemorySagaLog(SagaLog):
    """A log that lasts as long as this object.

    Made once in a module, and given to a saga, it survives the crash of that saga: the
    one that is started in its place finds everything. It does not survive the node:
    one that has decided has forgotten that, and tells those who ask that nothing was
    decided, while others may have been told of the commit. So does one that has voted
    forget its promise, and confirms a commit of which it knows nothing.

    Records are encoded when they are appended, so that a saga gets from it what it
    would get from a file. ``then`` is called within ``append``.

    Args:
        encode: How your classes become terms: as ``encode=`` of :class:`ergopy.Node`.
        decode: What they become again, likewise.
    """

    durable = False

    def __init__(
        self,
        *,
        encode: EncodeOptions | None = None,
        decode: DecodeOptions | None = None,
    ) -> None:
        self._records = Records(encode, decode)
        self._sagas: dict[str, dict[bytes, list[bytes]]] = {}

    def __repr__(self) -> str:
        return f"<MemorySagaLog of {len(self._sagas)} sagas>"

    async def open(self, saga: str) -> dict[Reference, list[Any]]:
        """Return all that *saga* has left; does not wait."""
        return {
            load_key(key): [self._records.load(record) for record in records]
            for key, records in self._sagas.get(saga, {}).items()
        }

    def append(
        self, saga: str, tx: Reference, record: Any, then: Then | None = None
    ) -> None:
        """Add a record, and call *then* before this returns."""
        data = self._records.dump(record)
        kept = self._sagas.setdefault(saga, {})
        kept.setdefault(dump_key(tx), []).append(data)
        if then is not None:
            then(None)

    def forget(self, saga: str, tx: Reference) -> None:
        """Drop all records of a transaction, at once."""
        kept = self._sagas.get(saga, {})
        kept.pop(dump_key(tx), None)
        if not kept:
            self._sagas.pop(saga, None)

    def close(self, saga: str) -> None:
        """Do nothing: the records stay, for who opens it next."""
