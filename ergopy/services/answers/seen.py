"""``ergopy``: what Python nodes ask each other: supervision trees, and sagas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...gen.saga import snapshot
from ...node.questions import Room

if TYPE_CHECKING:
    from ...gen.saga.graph import SagaInfo, TransactionInfo
    from ...gen.supervisor import TreeNode

ROOM = Room("ergopy")


@ROOM.reads
def supervision_tree(node: Any) -> list[TreeNode]:
    """The supervision trees, as ``ergopy tree`` shows them."""
    return list(node.supervision_tree())


@ROOM.reads
def sagas(node: Any, limit: int = snapshot.LIMIT) -> list[SagaInfo]:
    """The sagas; values and results are never told."""
    return snapshot.all_sagas(node.runtime, limit)


@ROOM.reads
def saga_transaction(node: Any, tx: Any) -> list[TransactionInfo]:
    """What they know of a transaction."""
    return snapshot.everywhere(node.runtime, snapshot.which(tx))
