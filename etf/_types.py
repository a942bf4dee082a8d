"""The Erlang types that Python lacks, beside atoms: identifiers and funs.

Every value is immutable and hashable, compares by all its fields (the old and new
encodings of a pid are the same pid), can be copied and pickled, and is matched by
position: ``case Pid(node, id)``. Plain slotted classes, because building one is on
the path of every message.
"""

from __future__ import annotations

from typing import Any, final

from ._atoms import Atom as Atom
from ._atoms import atom_table as atom_table
from ._atoms import new_atom as new_atom
from ._tags import MAX_FREE_VARIABLES, MAX_REFERENCE_WORDS, MAX_SMALL


class Value:
    """An immutable record; ``__match_args__`` names its fields in order."""

    __slots__ = ()
    __match_args__: tuple[str, ...] = ()

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, name) for name in self.__match_args__)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self})"


_set = object.__setattr__


@final
class Pid(Value):
    """A process identifier. ``str()`` gives ``<node.id.serial>``.

    A pid is somebody's only together with its ``creation``: the number that tells
    two runs of a node of the same name apart.

    Raises:
        ValueError: A field does not fit in 32 bits.
    """

    __slots__ = ("creation", "id", "node", "serial")
    __match_args__ = ("node", "id", "serial", "creation")

    node: Atom
    id: int
    serial: int
    creation: int

    def __init__(self, node: str, id: int, serial: int, creation: int) -> None:
        _set(self, "node", _atom(node, "node"))
        _set(self, "id", _unsigned(id, 32, "id"))
        _set(self, "serial", _unsigned(serial, 32, "serial"))
        _set(self, "creation", _unsigned(creation, 32, "creation"))

    def __eq__(self, other: object) -> bool:
        if type(other) is not Pid:
            return NotImplemented
        return (
            self.id == other.id
            and self.serial == other.serial
            and self.creation == other.creation
            and self.node == other.node
        )

    def __hash__(self) -> int:
        return hash((self.id, self.serial, self.creation, self.node))

    def __str__(self) -> str:
        return f"<{self.node}.{self.id}.{self.serial}>"


_set_pid = [Pid.__dict__[name].__set__ for name in Pid.__match_args__]


def new_pid(node: Atom, id: int, serial: int, creation: int) -> Pid:
    """Make a pid of fields that are known to fit."""
    pid = Pid.__new__(Pid)
    set_node, set_id, set_serial, set_creation = _set_pid
    set_node(pid, node)
    set_id(pid, id)
    set_serial(pid, serial)
    set_creation(pid, creation)
    return pid


@final
class Reference(Value):
    """A reference: a unique value, a monitor, or an alias of a process.

    ``words`` are in wire order, so ``str()`` prints them from the last to the first,
    as ``#Ref<node.3.2.1>``. OTP 28 aliases have five of them.

    Raises:
        ValueError: More than five words, or a field does not fit in 32 bits.
    """

    __slots__ = ("creation", "node", "words")
    __match_args__ = ("node", "creation", "words")

    node: Atom
    creation: int
    words: tuple[int, ...]

    def __init__(self, node: str, creation: int, words: tuple[int, ...]) -> None:
        words = tuple(words)
        if len(words) > MAX_REFERENCE_WORDS:
            raise ValueError(f"a reference has at most 5 words, not {len(words)}")
        for word in words:
            _unsigned(word, 32, "word")
        _set(self, "node", _atom(node, "node"))
        _set(self, "creation", _unsigned(creation, 32, "creation"))
        _set(self, "words", words)

    def __eq__(self, other: object) -> bool:
        if type(other) is not Reference:
            return NotImplemented
        return (
            self.words == other.words
            and self.creation == other.creation
            and self.node == other.node
        )

    def __hash__(self) -> int:
        return hash((self.words, self.creation, self.node))

    def __str__(self) -> str:
        return f"#Ref<{'.'.join([self.node, *map(str, reversed(self.words))])}>"


_set_reference = [Reference.__dict__[name].__set__ for name in Reference.__match_args__]


def new_reference(node: Atom, creation: int, words: tuple[int, ...]) -> Reference:
    """Make a reference of fields that are known to fit."""
    reference = Reference.__new__(Reference)
    set_node, set_creation, set_words = _set_reference
    set_node(reference, node)
    set_creation(reference, creation)
    set_words(reference, words)
    return reference


@final
class Port(Value):
    """A port identifier; opaque here. ``id`` has up to 64 bits.

    Raises:
        ValueError: A field does not fit.
    """

    __slots__ = ("creation", "id", "node")
    __match_args__ = ("node", "id", "creation")

    node: Atom
    id: int
    creation: int

    def __init__(self, node: str, id: int, creation: int) -> None:
        _set(self, "node", _atom(node, "node"))
        _set(self, "id", _unsigned(id, 64, "id"))
        _set(self, "creation", _unsigned(creation, 32, "creation"))

    def __eq__(self, other: object) -> bool:
        if type(other) is not Port:
            return NotImplemented
        return (self.id, self.creation, self.node) == (
            other.id,
            other.creation,
            other.node,
        )

    def __hash__(self) -> int:
        return hash((self.id, self.creation, self.node))

    def __str__(self) -> str:
        return f"#Port<{self.node}.{self.id}>"


@final
class Export(Value):
    """A reference to an exported function: ``fun lists:map/2``.

    Raises:
        ValueError: ``arity`` is not 0..255.
    """

    __slots__ = ("arity", "function", "module")
    __match_args__ = ("module", "function", "arity")

    module: Atom
    function: Atom
    arity: int

    def __init__(self, module: str, function: str, arity: int) -> None:
        _set(self, "module", _atom(module, "module"))
        _set(self, "function", _atom(function, "function"))
        _set(self, "arity", _unsigned(arity, 8, "arity"))

    def __eq__(self, other: object) -> bool:
        if type(other) is not Export:
            return NotImplemented
        return (self.arity, self.function, self.module) == (
            other.arity,
            other.function,
            other.module,
        )

    def __hash__(self) -> int:
        return hash((Export, self.arity, self.function, self.module))

    def __str__(self) -> str:
        return f"fun {self.module}:{self.function}/{self.arity}"


@final
class Fun(Value):
    """A BEAM fun. It cannot run here; sent back, it has the same bytes.

    Two are equal if module, index, uniq, arity and captured variables (``free``) are;
    ``pid``, who made it, does not count, as releases differ in what they put there.

    Raises:
        ValueError: A field does not fit, or more than 255 captured variables.
    """

    __slots__ = (
        "_hash",
        "arity",
        "free",
        "index",
        "module",
        "old_index",
        "old_uniq",
        "pid",
        "uniq",
    )
    __match_args__ = (
        "module",
        "arity",
        "uniq",
        "index",
        "old_index",
        "old_uniq",
        "pid",
        "free",
    )

    module: Atom
    arity: int
    uniq: bytes
    index: int
    old_index: int
    old_uniq: int
    pid: Pid
    free: tuple[Any, ...]
    _hash: int | None

    def __init__(
        self,
        module: str,
        arity: int,
        uniq: bytes,
        index: int,
        old_index: int,
        old_uniq: int,
        pid: Pid,
        free: tuple[Any, ...] = (),
    ) -> None:
        if type(uniq) is not bytes or len(uniq) != 16:
            raise ValueError("uniq must be 16 bytes")
        if type(pid) is not Pid:
            raise TypeError(f"pid must be a Pid, not {type(pid).__name__}")
        free = tuple(free)
        if len(free) > MAX_FREE_VARIABLES:
            raise ValueError(f"at most 255 captured variables, not {len(free)}")
        _set(self, "module", _atom(module, "module"))
        _set(self, "arity", _unsigned(arity, 8, "arity"))
        _set(self, "uniq", uniq)
        _set(self, "index", _unsigned(index, 32, "index"))
        _set(self, "old_index", _small(old_index, "old_index"))
        _set(self, "old_uniq", _small(old_uniq, "old_uniq"))
        _set(self, "pid", pid)
        _set(self, "free", free)
        _set(self, "_hash", None)

    def _key(self) -> tuple[Any, ...]:
        return self.module, self.index, self.uniq, self.arity, self.free

    def __eq__(self, other: object) -> bool:
        if type(other) is not Fun:
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        # Kept, so that funs inside funs hash without recursion when built inside out.
        if self._hash is None:
            _set(self, "_hash", hash(self._key()))
        return hash(self._hash)

    def __str__(self) -> str:
        return f"#Fun<{self.module}.{self.index}.{self.old_uniq}>"


@final
class LocalTerm(Value):
    """A term that only the node which wrote it can read.

    ``term_to_binary(T, [local])`` makes it. ``data`` is everything after the tag. It
    can only be a whole stand-alone term.
    """

    __slots__ = ("data",)
    __match_args__ = ("data",)

    data: bytes

    def __init__(self, data: bytes) -> None:
        if type(data) is not bytes:
            raise TypeError(f"data must be bytes, not {type(data).__name__}")
        _set(self, "data", data)

    def __eq__(self, other: object) -> bool:
        if type(other) is not LocalTerm:
            return NotImplemented
        return self.data == other.data

    def __hash__(self) -> int:
        return hash((LocalTerm, self.data))

    def __str__(self) -> str:
        return repr(self.data)


def _atom(value: str, what: str) -> Atom:
    if type(value) is Atom:
        return value
    if not isinstance(value, str):
        raise TypeError(f"{what} must be an Atom or str, not {type(value).__name__}")
    return Atom(value)


def _unsigned(value: int, bits: int, what: str) -> int:
    if type(value) is not int:
        raise TypeError(f"{what} must be an int, not {type(value).__name__}")
    if value >> bits:
        raise ValueError(f"{what} must fit in {bits} bits: {value}")
    return value


def _small(value: int, what: str) -> int:
    if type(value) is not int:
        raise TypeError(f"{what} must be an int, not {type(value).__name__}")
    if not -MAX_SMALL <= value < MAX_SMALL:
        raise ValueError(f"{what} must fit in 60 bits")
    return value
