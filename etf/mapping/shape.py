"""What a class was said to be; the encoder finds it on the class.

This is apart from the rest because the encoder imports it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, final

if TYPE_CHECKING:
    from collections.abc import Callable

    from .layouts import Layout

Extra: TypeAlias = Literal["error", "ignore"]

ATTRIBUTE: Final = "__etf_shape__"


@final
class Shape:
    """What a class was said to be, and its codec once that is needed."""

    __slots__ = ("cls", "dump", "ignore", "layout", "quiet")

    quiet: bool | None
    """Whether ``dump`` runs no code but the library's; None until that is known."""

    def __init__(self, cls: type, layout: Layout, extra: Extra) -> None:
        if extra not in ("error", "ignore"):
            raise ValueError(f'extra is "error" or "ignore", not {extra!r}')
        self.cls = cls
        self.layout = layout
        self.ignore = extra == "ignore"
        self.quiet = None
        self.dump: Callable[[Any], Any] = self._first_dump
        """Gives the term of an instance."""

    def _first_dump(self, value: Any) -> Any:
        from .annotations import compiled_class

        codec = compiled_class(self.cls)
        self.dump = codec.put
        self.quiet = codec.quiet
        return codec.put(value)


def shape_of(cls: type) -> Shape | None:
    """Give what was said about exactly this class."""
    found = cls.__dict__.get(ATTRIBUTE)
    return found if type(found) is Shape else None
