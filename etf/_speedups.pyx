# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, binding=False
"""Bytes to terms and terms to bytes, compiled: the same as ``_decode`` and ``_encode``.

Those two are the reference. Here is only what speed needs: two C cursors, ``Reader``
and ``Writer``, that go over the bytes and the values in one pass.

Errors come from the reference. Where this code refuses something, the same input goes
through the reference, which raises the error with its text, offset or path. Should the
reference accept it, the refusal itself is raised as an error, so that no disagreement
passes unseen.

Nesting uses the C stack: at most ``MAX_RECURSION`` levels, which the default limit does
not exceed, of at most 420 bytes, so that a thread of 512 KiB has room. What is nested
deeper is left to the reference, which needs no stack at all.

A value that the peer announces takes at least one byte, and ``Reader.owed`` counts what
all open containers still wait for: what is allocated before it is read is never more
than eight times the input.

Atoms, pids, references and short map keys come again and again, so the objects made for
them are found by their bytes, in a bounded table and three bounded caches. All of them
are immutable, and which one is found does not depend on the options.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_Clear, PyErr_ExceptionMatches, PyErr_Occurred
from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, strlen

import os as _os

from . import _decode as _pure_decode
from . import _encode as _pure_encode
from . import _leaf_readers as _readers
from ._container_writers import open_fun
from ._containers import BitBinary, Charlist, FrozenList, ImproperList, TermMap
from ._duplicates import may_repeat, refuse_duplicates
from ._errors import DecodeError, EncodeError
from ._options import DecodeOptions, EncodeOptions
from .mapping.shape import shape_of
from ._types import (
    Atom,
    Export,
    Fun,
    LocalTerm,
    Pid,
    Port,
    Reference,
    atom_table,
    new_atom,
)

# What is C and what is constant; c/bytes and c/objects come with _speedups.pxd.
include "_compiled/c/values.pxi"
include "_compiled/limits.pxi"
include "_compiled/refusals.pxi"
include "_compiled/constants.pxi"

# Bytes to terms.
include "_compiled/reading/atom_table.pxi"
include "_compiled/reading/reader.pxi"
include "_compiled/reading/atoms.pxi"
include "_compiled/reading/identifiers.pxi"
include "_compiled/reading/term.pxi"
include "_compiled/reading/leaves.pxi"
include "_compiled/reading/lists.pxi"
include "_compiled/reading/maps.pxi"
include "_compiled/reading/rare.pxi"
include "_compiled/reading/decode.pxi"

# Terms to bytes.
include "_compiled/writing/writer.pxi"
include "_compiled/writing/atoms.pxi"
include "_compiled/writing/binaries.pxi"
include "_compiled/writing/numbers.pxi"
include "_compiled/writing/identifiers.pxi"
include "_compiled/writing/term.pxi"
include "_compiled/writing/lists.pxi"
include "_compiled/writing/maps.pxi"
include "_compiled/writing/rare.pxi"
include "_compiled/writing/encode.pxi"
