"""Terms as text: what an Erlang or Elixir shell would print, on one line.

Erlang text is that of ``io_lib:format("~0tp")``: a list of printable Latin-1 characters
is a ``"string"``, as in a plain ``erl``; a binary of printable UTF-8 is
``<<"text"/utf8>>``, as in ``erl +pc unicode``. Elixir text is that of ``inspect`` with
no limits and no structs known: ``%{__struct__: Foo}``; charlists are ``~c"abc"``, which
all releases read. Where we print otherwise than the BEAM:

- characters that Unicode does not call printable are always escaped, so the text is
  safe in a terminal and in a log;
- integers of more than 4,000 digits are in base 16;
- pids, references and ports have the name of their node instead of a number that only
  one node understands;
- a value that is no term is written as ``#Python<its.Class>`` instead of failing, and a
  container inside itself as ``...``.

``parse`` reads the text back, except for what has no source form: pids, references,
ports, funs other than ``fun m:f/1``, values that are no terms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._errors import EncodeError
from ._format_elixir import ElixirWriter
from ._format_erlang import ErlangWriter
from ._order import kind_of, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._syntax import Syntax
    from ._writer import Step, Writer, Written

_WRITERS: dict[str, type[Writer]] = {"erlang": ErlangWriter, "elixir": ElixirWriter}


def format(term: object, syntax: Syntax = "erlang", *, limit: int | None = None) -> str:
    """Print a term on one line, as source of *syntax*.

    Never fails because of the term; nesting costs no recursion.

    Args:
        term: Any value; one that is no term is shown as ``#Python<its.Class>``.
        syntax: ``"erlang"`` or ``"elixir"``.
        limit: The most characters to give; longer text ends in ``...``. The work is
            bounded with it: what would not be shown is not looked at, except that a
            binary or list which goes on past the limit is judged by its visible part.

    Raises:
        ValueError: An unknown syntax, or a negative limit.
    """
    if syntax not in _WRITERS:
        raise ValueError(f'syntax is "erlang" or "elixir", not {syntax!r}')
    if limit is None:
        return "".join(_pieces(term, _WRITERS[syntax](None)))
    if limit < 0:
        raise ValueError(f"limit is a number of characters, not {limit}")
    return _cut(_pieces(term, _WRITERS[syntax](limit)), limit)


def _cut(pieces: Iterator[str], limit: int) -> str:
    kept, length = [], 0
    for piece in pieces:
        kept.append(piece)
        length += len(piece)
        if length > limit:
            return ("".join(kept)[: max(limit - 3, 0)] + "...")[:limit]
    return "".join(kept)


def _pieces(term: object, writer: Writer) -> Iterator[str]:
    steps: Iterator[Step] = iter((("", term),))
    stack, owners = [steps], [0]
    open_containers: set[int] = set()
    while stack:
        step = next(stack[-1], None)
        if step is None:
            stack.pop()
            open_containers.discard(owners.pop())
            continue
        yield step[0]
        if len(step) == 1:
            continue
        written = _written(step[1], writer)
        if isinstance(written, str):
            yield written
        elif id(step[1]) in open_containers:
            yield "..."
        else:
            stack.append(written)
            owners.append(id(step[1]))
            open_containers.add(id(step[1]))


def _written(item: Any, writer: Writer) -> Written:
    kind = kind_of(item)
    if kind is None:
        try:
            item = replaced(item)
        except EncodeError:
            return f"#Python<{type(item).__module__}.{type(item).__qualname__}>"
        kind = kind_of(item)
    return writer.forms[kind](item)
