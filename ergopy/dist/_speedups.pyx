# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The link codec, compiled: the same as :mod:`ergopy.dist.framing`, which explains it.

One call for each read cuts the packets and decodes their terms where they lie. Of what
was read nothing is kept but a packet that is not complete yet, in a buffer that grows
by what has really arrived; the pieces of a fragmented message are copied once, into the
buffer that joins them. Terms that cannot be decoded or encoded go through the
reference, which raises the error.
"""

cimport cython
from cpython.buffer cimport (
    PyBUF_READ,
    PyBUF_SIMPLE,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.memoryview cimport PyMemoryView_FromMemory
from cpython.object cimport PyObject
from libc.stdint cimport uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy, memmove, memset

from etf._speedups cimport (
    ATOM_SLOTS,
    MAX_REFERENCES,
    NEW_REFERENCE,
    U32_MAX,
    Change,
    Reader,
    SentAtom,
    SentAtoms,
    Writer,
    close_writer,
    decref,
    drop_writer,
    encode_again,
    get32,
    get64,
    incref,
    open_reader,
    open_writer,
    own,
    pause_gc,
    pending_refusal,
    put32,
    read_again,
    read_name,
    read_term,
    resume_gc,
    silent_read,
    silent_write,
    stop_writer,
    text_utf8,
    tuple_items,
    write_bytes,
    write_room,
    write_whole,
    xdecref,
)

from dataclasses import replace

import etf
from ergopy.errors import RemoteProtocolError

from . import frames
from .control import WITH_PAYLOAD
from .fragmenting import FRAGMENT_SIZE, LargeFrame
from .fragments import Fragments
from .limits import LinkLimits

include "_compiled/sizes.pxi"

# The way in.
include "_compiled/packets.pxi"
include "_compiled/received_atoms.pxi"
include "_compiled/decoder.pxi"

# The way out.
include "_compiled/sent_atoms.pxi"
include "_compiled/making.pxi"
include "_compiled/finishing.pxi"
include "_compiled/encoder.pxi"
