"""Layers: methods of one object that are exchanged while somebody wants that.

The class of the object becomes a subclass with other methods. So nobody else pays, and
what is there by default stays as fast as it is. Layers may be taken off in any order;
the object must not mind, as one of a class with ``__slots__`` all the way down, or one
with a ``__dict__``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

if TYPE_CHECKING:
    from collections.abc import Callable


@final
class Layer:
    """What is laid over the classes of objects.

    Args:
        methods: Makes the methods, by name, from the class that they are laid over,
            whose own methods they may call.
    """

    def __init__(self, methods: Callable[[Any], dict[str, Any]]) -> None:
        self._methods = methods
        self._classes: dict[type, type] = {}

    def put_on(self, it: Any) -> None:
        """Exchange the methods of *it*, above what is laid over it already."""
        it.__class__ = self._over(type(it))

    def take_off(self, it: Any) -> None:
        """Undo it; what was laid above or below stays. It need not be there."""
        above: list[Layer] = []
        cls: Any = type(it)
        while (layer := cls.__dict__.get("_layer")) is not None:
            cls = cls.__base__
            if layer is self:
                for each in reversed(above):
                    cls = each._over(cls)
                it.__class__ = cls
                return
            above.append(layer)

    def _over(self, cls: type) -> type:
        laid = self._classes.get(cls)
        if laid is None:
            body = {"__slots__": (), "_layer": self, **self._methods(cls)}
            laid = self._classes[cls] = type(cls.__name__, (cls,), body)
        return laid
