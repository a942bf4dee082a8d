"""Erlang terms in Python: types, the external term format, order and text.

::

    >>> import etf
    >>> etf.encode((etf.Atom("ok"), [1, 2.5], {"key": None})).hex()
    '836803...'

``encode`` and ``decode`` are the whole codec. A compiled form of it is used when it was
built; ``ERGOPY_PURE=1`` in the environment forces the pure Python one, which does
exactly the same. ``etf.__compiled__`` tells which one runs.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeAlias

from ._containers import BitBinary as BitBinary
from ._containers import Charlist as Charlist
from ._containers import FrozenList as FrozenList
from ._containers import ImproperList as ImproperList
from ._containers import TermMap as TermMap
from ._errors import DecodeError as DecodeError
from ._errors import EncodeError as EncodeError
from ._errors import EtfError as EtfError

try:
    from ._format import format as format
except ImportError:
    pass
from ._options import DecodeOptions as DecodeOptions
from ._options import EncodeOptions as EncodeOptions
from ._options import Limits as Limits

try:
    from ._order import compare as compare, same as same, sort_key as sort_key
except ImportError:
    pass
try:
    from ._parse import parse as parse
except ImportError:
    pass
from ._types import Atom as Atom
from ._types import Export as Export
from ._types import Fun as Fun
from ._types import LocalTerm as LocalTerm
from ._types import Pid as Pid
from ._types import Port as Port
from ._types import Reference as Reference

Term: TypeAlias = Any
"""Any value that ``encode`` takes and ``decode`` gives; see the package's types."""

if TYPE_CHECKING:
    from ._decode import decode as decode
    from ._decode import decode_prefix as decode_prefix
    from ._encode import encode as encode

    __compiled__: bool
else:
    __compiled__ = False
    if os.environ.get("ERGOPY_PURE") != "1":
        try:
            from ._speedups import decode, decode_prefix, encode

            __compiled__ = True
        except ImportError:
            pass
    if not __compiled__:
        try:
            from ._decode import decode, decode_prefix
            from ._encode import encode
        except ImportError:
            pass
