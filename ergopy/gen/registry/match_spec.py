"""Match specifications, as ``ets`` has them, over Python's form of terms.

A pattern is a term in which ``Atom("_")`` stands for anything and ``Atom("$1")``,
``Atom("$2")`` and so on for something to be remembered, the same each time. A map
matches every map that has those keys and more. What is compared is compared
as terms, with ``=:=``; of values that are no terms, with Python's ``==``.

A guard is a tuple such as ``(Atom(">"), Atom("$1"), 10)``, and one that cannot be
evaluated does not hold. In the body, and as an operand, ``Atom("$_")`` is all that was
matched and ``Atom("$$")`` the list of what was remembered; a tuple is written as a
tuple in a tuple, ``((a, b),)``, and ``(Atom("const"), x)`` is *x* itself. A name that
is given as a plain ``str`` is a binary, as everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from etf import Atom, EncodeError, same

from . import guard_functions

Bindings: TypeAlias = dict[int, Any]
Match: TypeAlias = Callable[[Any, Bindings], bool]
Value: TypeAlias = Callable[[Any, Bindings], Any]

_ANYTHING = "_"
_ALL = "$$"
_WHOLE = "$_"


def compiled(spec: Iterable[Any]) -> Callable[[Any], list[Any]]:
    """Return what finds the values that a match specification makes of a subject.

    These are none or one: the body of the first clause that matches.

    Raises:
        ValueError: It is no match specification.
    """
    clauses = [_clause(clause) for clause in spec]

    def run(subject: Any) -> list[Any]:
        for match, guards, body in clauses:
            bindings: Bindings = {}
            if match(subject, bindings) and holds(guards, subject, bindings):
                return [[part(subject, bindings) for part in body][-1]]
        return []

    return run


def _clause(clause: Any) -> tuple[Match, list[Value], list[Value]]:
    match clause:
        case (head, list(guards), [_, *_] as body):
            return pattern(head), expressions(guards), expressions(body)
    raise ValueError(f"no clause of a match specification: {clause!r}")


def pattern(term: Any) -> Match:
    """Return what tells whether a value matches, and remembers parts of it."""
    if isinstance(term, Atom):
        number = _variable(term)
        if term == _ANYTHING:
            return lambda value, bindings: True
        if number is not None:
            return _remembering(number)
    elif isinstance(term, Mapping):
        return _map(term)
    elif _has_pattern(term):
        return _sequence(term, tuple if isinstance(term, tuple) else list)
    return lambda value, bindings: equal(term, value)


def equal(term: Any, value: Any) -> bool:
    """Tell whether two values are the same; values need not be terms."""
    try:
        return same(term, value)
    except EncodeError:
        return term is value or bool(term == value)


def _has_pattern(term: Any) -> bool:
    """Tell whether there is something inside that is not matched by being the same."""
    if isinstance(term, Atom):
        return term == _ANYTHING or _variable(term) is not None
    if isinstance(term, tuple | list):
        return any(map(_has_pattern, term))
    return isinstance(term, Mapping)


def _variable(atom: str) -> int | None:
    digits = atom[1:]
    return int(digits) if atom[:1] == "$" and digits.isdecimal() else None


def _remembering(number: int) -> Match:
    def match(value: Any, bindings: Bindings) -> bool:
        if number in bindings:
            return equal(bindings[number], value)
        bindings[number] = value
        return True

    return match


def _sequence(term: Any, kind: type[tuple[Any, ...] | list[Any]]) -> Match:
    parts = [pattern(part) for part in term]

    def match(value: Any, bindings: Bindings) -> bool:
        return (
            isinstance(value, kind)
            and len(value) == len(parts)
            and all(p(v, bindings) for p, v in zip(parts, value, strict=True))
        )

    return match


def _map(term: Mapping[Any, Any]) -> Match:
    parts = [(key, pattern(part)) for key, part in term.items()]

    def match(value: Any, bindings: Bindings) -> bool:
        if not isinstance(value, Mapping):
            return False
        for key, part in parts:
            found = guard_functions.find_key(key, value)
            if not found or not part(found[0], bindings):
                return False
        return True

    return match


def expressions(terms: Iterable[Any]) -> list[Value]:
    """Return what evaluates guards, or the parts of a body."""
    return [_expression(term) for term in terms]


def holds(guards: Iterable[Value], subject: Any, bindings: Bindings) -> bool:
    """Tell whether all guards are true; one that fails is not."""
    try:
        return all(guard(subject, bindings) is True for guard in guards)
    except guard_functions.FAILURES:
        return False


def _expression(term: Any) -> Value:
    if isinstance(term, Atom):
        return _name(term)
    if isinstance(term, list):
        parts = expressions(term)
        return lambda subject, bindings: [part(subject, bindings) for part in parts]
    if isinstance(term, Mapping):
        pairs = [(_expression(k), _expression(v)) for k, v in term.items()]
        return lambda subject, bindings: {
            key(subject, bindings): value(subject, bindings) for key, value in pairs
        }
    if isinstance(term, tuple):
        return _call(term)
    return lambda subject, bindings: term


def _name(term: Atom) -> Value:
    number = _variable(term)
    if number is not None:
        return lambda subject, bindings: bindings[number]
    if term == _WHOLE:
        return lambda subject, bindings: subject
    if term == _ALL:
        return lambda subject, bindings: [bindings[n] for n in sorted(bindings)]
    return lambda subject, bindings: term


def _call(term: tuple[Any, ...]) -> Value:
    match term:
        case (tuple(parts),):
            made = expressions(parts)
            return lambda subject, bindings: tuple(
                [part(subject, bindings) for part in made]
            )
        case ("const", value) if isinstance(term[0], Atom):
            return lambda subject, bindings: value
        case (Atom() as name, *operands):
            return _application(name, expressions(operands))
    raise ValueError(f"no expression of a match specification: {term!r}")


def _application(name: Atom, operands: list[Value]) -> Value:
    of_many = guard_functions.OF_MANY.get(name)
    if of_many is not None:
        return lambda subject, bindings: of_many(
            part(subject, bindings) for part in operands
        )
    function = guard_functions.FUNCTIONS.get((name, len(operands)))
    if function is None:
        raise ValueError(f"{name}/{len(operands)} is not allowed in a guard")
    return lambda subject, bindings: function(
        *[part(subject, bindings) for part in operands]
    )
