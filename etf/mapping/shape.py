"""What a class was said to be; the encoder finds it on the class.

This is apart from the rest because the encoder imports it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, final

if TYPE_CHECKING:
    from .classes import ClassCodec
    from .layouts import Layout

Extra: TypeAlias = Literal["error", "ignore"]

ATTRIBUTE: Final = "__etf_shape__"


@final
class Shape:
    """What a class was said to be, and its codec once that is needed."""

    __slots__ = ("_codec", "cls", "ignore", "layout")

    def __init__(self, cls: type, layout: Layout, extra: Extra) -> None:
        if extra not in ("error", "ignore"):
            raise ValueError(f'extra is "error" or "ignore", not {extra!r}')
        self.cls = cls
        self.layout = layout
        self.ignore = extra == "ignore"
        self._codec: ClassCodec | None = None

    @property
    def codec(self) -> ClassCodec:
        """The codec, compiled when it is first asked for."""
        if self._codec is None:
            from .annotations import compiled_class

            self._codec = compiled_class(self.cls)
        return self._codec

    @property
    def quiet(self) -> bool:
        """Whether ``dump`` runs no code but the library's."""
        return self.codec.quiet

    def dump(self, value: Any) -> Any:
        """Give the term of an instance."""
        return self.codec.put(value)


def shape_of(cls: type) -> Shape | None:
    """Give what was said about exactly this class."""
    found = cls.__dict__.get(ATTRIBUTE)
    return found if type(found) is Shape else None
