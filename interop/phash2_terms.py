"""Terms to hash: of every kind, of every length that a formula cares about."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from etf import Atom, BitBinary, Export, Fun, ImproperList, Pid, Port, Reference

if TYPE_CHECKING:
    from collections.abc import Callable

NODES = ("a@h", "py@127.0.0.1", "nonode@nohost")
ALPHABET = "Aé\x80ÿĀ€\U0001f600߿"
"""One character for each length in UTF-8, and for each side of its edges."""


def edges() -> list[Any]:
    """Return the terms at which a formula changes, and the long ones."""
    terms: list[Any] = [0, -1, 1.0, 0.0, -0.0, 5e-324, 1.7976931348623157e308]
    for bits in range(1, 200):
        for near in (-1, 0, 1):
            terms += [2**bits + near, -(2**bits) + near]
    for size in range(40):
        data = bytes(range(200, 200 + size))
        terms += [data, list(data), tuple(data), {byte: [] for byte in data}]
        terms += [[*data, 256, *data], Atom("x" * size), Atom("é€"[size % 2] * size)]
        terms += [BitBinary(data + b"\xff", bits) for bits in range(1, 8)]
        terms += [ImproperList([*data, 0], Atom("tail")), ImproperList([*data, []], 7)]
    terms += [[[], [[]]], ((), ((),)), {(): {}, 1: 2, 1.5: [1]}, True, False, None]
    terms += [
        b"long" * 20_000,
        [97] * 20_000,
        list(range(1000)),
        Atom("\U0001f600" * 255),
    ]
    return terms


class Generator:
    """Terms at random, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._funs = 0
        self._leaves: list[Callable[[], Any]] = [
            lambda: self._word(9) * (-1) ** self._below(2),
            lambda: self._random.getrandbits(self._below(1, 300)),
            lambda: self._random.uniform(-1, 1) * 10 ** self._below(-200, 200),
            lambda: self._random.randbytes(self._below(30)),
            lambda: list(self._random.randbytes(self._below(9))),
            lambda: BitBinary(
                self._random.randbytes(self._below(1, 9)), self._below(1, 8)
            ),
            lambda: Atom("".join(self._random.choices(ALPHABET, k=self._below(5)))),
            lambda: self._random.choice([True, False, None, [], (), {}, b""]),
            lambda: Pid(self._node(), self._word(), self._word(), self._word()),
            lambda: Port(self._node(), self._word(64), self._word()),
            lambda: Reference(
                self._node(),
                self._word(),
                tuple(self._word() for _ in range(self._below(1, 6))),
            ),
            lambda: Export(f"m{self._below(99)}", "é", self._below(256)),
        ]
        self._containers: list[Callable[[int], Any]] = [
            lambda depth: tuple(self._terms(depth)),
            self._terms,
            lambda depth: ImproperList([self.term(depth), *self._terms(depth)], 1.5),
            lambda depth: dict(enumerate(self._terms(depth))),
            lambda depth: {b"%d" % key: [key] for key in range(self._below(90))},
            self._fun,
        ]

    def term(self, depth: int = 4) -> Any:
        """Return the next one."""
        if depth == 0 or self._below(3) == 0:
            return self._random.choice(self._leaves)()
        return self._random.choice(self._containers)(depth - 1)

    def _terms(self, depth: int) -> list[Any]:
        return [self.term(depth) for _ in range(self._below(6))]

    def _fun(self, depth: int) -> Fun:
        # A BEAM keeps what it first saw of a fun's module, so each has its own.
        self._funs += 1
        free = tuple(self._terms(depth)[:3])
        old_uniq = self._word(self._below(1, 59)) * (-1) ** self._below(2)
        uniq = self._random.randbytes(16)
        name = f"fun_{self._funs}_{uniq.hex()}"
        pid = Pid("a@h", 1, 2, 3)
        index = self._word(self._below(1, 33))
        arity = self._below(len(free), 20)
        return Fun(name, arity, uniq, index, self._below(99), old_uniq, pid, free)

    def _below(self, first: int, end: int | None = None) -> int:
        return (
            self._random.randrange(first)
            if end is None
            else (self._random.randrange(first, end))
        )

    def _word(self, bits: int = 32) -> int:
        return self._random.getrandbits(bits)

    def _node(self) -> str:
        return self._random.choice(NODES)
