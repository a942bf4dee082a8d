"""Erlang terms in Python: types, the external term format, order and text.

::

    >>> etf.encode((etf.Atom("ok"), b"hi", [1, 2])).hex()
    '83680377026f6b6d0000000268696b00020102'
    >>> etf.decode(bytes.fromhex("836802770269646202000000"))
    (Atom('id'), 33554432)

``encode`` and ``decode`` are the whole codec. A compiled form of it is used when it was
built; ``ERGOPY_PURE=1`` in the environment forces the pure Python one, which does
exactly the same. ``etf.__compiled__`` tells which one runs.
"""

from __future__ import annotations

from os import environ as _environ
from typing import TYPE_CHECKING, Any, TypeAlias

from . import converters as converters
from ._containers import BitBinary as BitBinary
from ._containers import Charlist as Charlist
from ._containers import FrozenList as FrozenList
from ._containers import ImproperList as ImproperList
from ._containers import TermMap as TermMap
from ._decode import decode as decode
from ._decode import decode_prefix as decode_prefix
from ._encode import encode as encode
from ._errors import DecodeError as DecodeError
from ._errors import EncodeError as EncodeError
from ._errors import EtfError as EtfError
from ._format import format as format
from ._integers import WideInteger as WideInteger
from ._lexer import ParseError as ParseError
from ._options import DecodeOptions as DecodeOptions
from ._options import EncodeOptions as EncodeOptions
from ._options import Limits as Limits
from ._order import compare as compare
from ._order import identity_key as identity_key
from ._order import same as same
from ._order import sort_key as sort_key
from ._parse import parse as parse
from ._phash2 import phash2 as phash2
from ._types import Atom as Atom
from ._types import Export as Export
from ._types import Fun as Fun
from ._types import LocalTerm as LocalTerm
from ._types import Pid as Pid
from ._types import Port as Port
from ._types import Reference as Reference
from .mapping.converter import Converter as Converter
from .mapping.converter import Converters as Converters
from .mapping.converter import Key as Key
from .mapping.errors import NOTHING as NOTHING
from .mapping.errors import MappingError as MappingError
from .mapping.keywords import keyword_dict as keyword_dict
from .mapping.keywords import keywords as keywords
from .mapping.shapes import keyword_list as keyword_list
from .mapping.shapes import mapped as mapped
from .mapping.shapes import record as record
from .mapping.shapes import struct as struct
from .mapping.verbs import as_term as as_term
from .mapping.verbs import convert as convert
from .mapping.verbs import loader as loader

Term: TypeAlias = Any
"""Any value that ``encode`` takes and ``decode`` gives; see the package's types."""

__compiled__: bool = False
"""Whether the compiled codec runs."""

if not TYPE_CHECKING and _environ.get("ERGOPY_PURE") != "1":
    try:
        from ._speedups import decode as decode
        from ._speedups import decode_prefix as decode_prefix
        from ._speedups import encode as encode

        __compiled__ = True
    except ImportError:
        pass
