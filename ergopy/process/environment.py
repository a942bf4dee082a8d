"""The environment of a process: what it was given by whoever started it.

One rule: a process begins with what its starter has at that moment, and changes only
its own. Neither the starter nor the siblings see a change, nor does a child that runs
already. So a process and all that it starts are a group with one environment, into
which each of them can put more for those below it.

It is no part of Erlang, where an environment belongs to an application or to the
operating system's process. The values are any Python objects, are shared and never
leave the node: what a peer starts here begins with the environment of the node.

The mapping of a process is never changed in place. So to inherit is to point at the
same one, and a process that changes nothing costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, final

if TYPE_CHECKING:
    from .process import Process

EMPTY: Mapping[str, Any] = {}
"""What a node begins with that was given none."""


@final
class Environment(MutableMapping[str, Any]):
    """The environment of one process, to be read and changed like a ``dict``.

    Its helper tasks share it. A name is a ``str``. That of another process may be read;
    what is put into it is a surprise for the program there.
    """

    __slots__ = ("_process",)

    def __init__(self, process: Process) -> None:
        self._process = process

    def __repr__(self) -> str:
        # Not the values: there may be secrets among them.
        return f"<Environment of {self._process.pid}: {', '.join(self) or 'empty'}>"

    def __getitem__(self, name: str) -> Any:
        return self._process.environment[name]

    def __setitem__(self, name: str, value: Any) -> None:
        extend(self._process, {name: value})

    def __delitem__(self, name: str) -> None:
        kept = dict(self._process.environment)
        del kept[name]
        self._process.environment = kept

    def __iter__(self) -> Iterator[str]:
        return iter(self._process.environment)

    def __len__(self) -> int:
        return len(self._process.environment)


def checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of *values*.

    Raises:
        TypeError: It is no mapping, or one of its names is no ``str``.
    """
    if not isinstance(values, Mapping):
        raise TypeError(f"an environment is a mapping, not {type(values).__name__}")
    for name in values:
        if not isinstance(name, str):
            raise TypeError(f"the name of a variable is a str, not {name!r}")
    return dict(values)


def extend(process: Process, values: Mapping[str, Any]) -> None:
    """Put *values* on top of what *process* has."""
    process.environment = {**process.environment, **checked(values)}
