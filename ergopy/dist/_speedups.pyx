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
from cpython.memoryview cimport PyMemoryView_FromMemory
from cpython.object cimport PyObject
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from etf._speedups cimport (
    Reader,
    Writer,
    close_writer,
    drop_writer,
    encode_again,
    open_reader,
    open_writer,
    pending_refusal,
    read_again,
    read_name,
    read_term,
    stop_writer,
    write_bytes,
    write_whole,
)

from dataclasses import replace

import etf
from ergopy.errors import RemoteProtocolError

from . import framing
from .control import WITH_PAYLOAD
from .fragments import Fragments
from .limits import LinkLimits

cdef extern from *:
    """
    #define LINK_TUPLE_ITEMS(o) (((PyTupleObject *)(o))->ob_item)
    /* From 3.12 on CPython collects only between bytecodes: never inside of us. */
    #if PY_VERSION_HEX < 0x030C0000
      #define LINK_PAUSE_GC() PyGC_Disable()
      #define LINK_RESUME_GC(was) ((was) ? (void)PyGC_Enable() : (void)0)
    #else
      #define LINK_PAUSE_GC() 0
      #define LINK_RESUME_GC(was) ((void)(was))
    #endif
    static inline PyObject *link_own(PyObject *o) { return o; }
    """
    const uint64_t U32_MAX "((uint64_t)0xFFFFFFFFu)"
    int pause_gc "LINK_PAUSE_GC"()
    void resume_gc "LINK_RESUME_GC"(int)
    void decref "Py_DECREF"(PyObject*)
    void incref "Py_INCREF"(PyObject*)
    void xdecref "Py_XDECREF"(PyObject*)
    PyObject** tuple_items "LINK_TUPLE_ITEMS"(PyObject*)
    object own "link_own"(PyObject*)

ctypedef PyObject* (*silent_read)(Reader*) noexcept
ctypedef int (*silent_write)(Writer*, PyObject*) noexcept

cdef enum:
    LENGTH = 4
    SLOTS = 2048
    MAX_ATOMS = 255            # in one header
    FRAGMENT_HEAD = 18         # 131, 69 or 70, sequence, count or number
    KEPT_BUFFER = 65536        # bytes of the buffer that stay between packets

cdef bint HAS_PAYLOAD[256]
for _op in range(256):
    HAS_PAYLOAD[_op] = _op in WITH_PAYLOAD


cdef inline uint32_t get32(const unsigned char* p) noexcept:
    return (
        <uint32_t>p[0] << 24 | <uint32_t>p[1] << 16 | <uint32_t>p[2] << 8 | p[3]
    )


cdef inline uint64_t get64(const unsigned char* p) noexcept:
    return <uint64_t>get32(p) << 32 | get32(p + 4)


@cython.final
cdef class LinkDecoder:
    """What arrives on one established connection; see ``framing.LinkDecoder``."""

    cdef readonly Py_ssize_t ticks
    cdef readonly Py_ssize_t packets
    cdef readonly object error
    cdef bint header
    cdef bint busy
    cdef uint64_t max_packet
    cdef object options
    cdef object fragments
    cdef Reader reader
    cdef unsigned char* partial      # an incomplete packet, from its length on
    cdef Py_ssize_t held
    cdef Py_ssize_t room
    cdef PyObject* slots[SLOTS]      # the atoms that the peer has sent on this link
    cdef PyObject* refs[MAX_ATOMS]   # those of the current header
    cdef int ref_count

    def __init__(self, *, bint header, limits=None, options=None):
        limits = limits or LinkLimits()
        self.header = header
        self.max_packet = limits.max_packet
        self.options = replace(options or etf.DecodeOptions(), limits=limits.terms)
        self.fragments = Fragments(limits)

    def __dealloc__(self):
        cdef int i
        free(self.partial)
        self.drop_refs()
        for i in range(SLOTS):
            xdecref(self.slots[i])

    def receive_data(self, data):
        """Return every ``(control, message)`` that is now complete, oldest first."""
        cdef Py_buffer view
        cdef int collecting
        operations = []
        if self.error is not None:
            return operations
        if self.busy:
            raise RuntimeError("receive_data is running already")
        try:
            PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        except BufferError:
            return self.receive_data(bytes(data))
        self.busy = True
        # Decoding makes no garbage, but a lot of objects to look for it.
        collecting = pause_gc()
        try:
            open_reader(&self.reader, self.options)
            self.feed(<const unsigned char*>view.buf, view.len, operations)
        except RemoteProtocolError as exc:
            self.error = exc
        finally:
            resume_gc(collecting)
            self.busy = False
            PyBuffer_Release(&view)
        return operations

    cdef int feed(
        self, const unsigned char* p, Py_ssize_t left, list operations
    ) except -1:
        cdef Py_ssize_t used, size
        while self.held and left:
            used = self.complete(p, left, operations)
            p += used
            left -= used
        while left >= LENGTH:
            size = self.announced(p)
            if size > left - LENGTH:
                break
            self.take(p + LENGTH, size, operations)
            p += LENGTH + size
            left -= LENGTH + size
        if left:
            self.keep(p, left)
        return 0

    cdef Py_ssize_t announced(self, const unsigned char* p) except -1:
        cdef uint32_t size = get32(p)
        if size > self.max_packet:
            raise RemoteProtocolError(
                f"a packet of {size} bytes is announced, more than {self.max_packet}"
            )
        return size

    cdef Py_ssize_t complete(
        self, const unsigned char* p, Py_ssize_t left, list operations
    ) except -1:
        """Add to the incomplete packet; say how many bytes it took."""
        cdef Py_ssize_t wanted = LENGTH
        if self.held >= LENGTH:
            wanted += get32(self.partial)
        cdef Py_ssize_t more = min(wanted - self.held, left)
        self.keep(p, more)
        if self.held == LENGTH == wanted:
            wanted += self.announced(self.partial)
        if self.held == wanted:
            self.held = 0
            self.take(self.partial + LENGTH, wanted - LENGTH, operations)
            if self.room > KEPT_BUFFER:
                free(self.partial)
                self.partial = NULL
                self.room = 0
        return more

    cdef int keep(self, const unsigned char* p, Py_ssize_t size) except -1:
        cdef Py_ssize_t need = self.held + size
        cdef unsigned char* grown
        if need > self.room:
            need += min(need, 16 << 20)
            grown = <unsigned char*>realloc(self.partial, need)
            if grown == NULL:
                raise MemoryError
            self.partial = grown
            self.room = need
        memcpy(self.partial + self.held, p, size)
        self.held += size
        return 0

    cdef int take(
        self, const unsigned char* p, Py_ssize_t size, list operations
    ) except -1:
        """Decode one packet."""
        cdef Reader* r = &self.reader
        if size == 0:
            self.ticks += 1
            return 0
        self.packets += 1
        r.begin = r.cur = p
        r.end = p + size
        r.ref_count = 0
        if self.header:
            self.with_header(r, operations)
        else:
            self.pass_through(r, operations)
        return 0

    cdef int pass_through(self, Reader* r, list operations) except -1:
        if r.cur[0] != 112:
            raise RemoteProtocolError(f"a packet begins with {r.cur[0]}, not with 112")
        r.cur += 1
        self.version(r, "control term")
        control = self.control(r)
        if not has_payload(control):
            operations.append((control, None))
            return 0
        self.version(r, "message")
        operations.append((control, self.term(r, "message")))
        return 0

    cdef int version(self, Reader* r, str what) except -1:
        if r.cur == r.end or r.cur[0] != 131:
            raise RemoteProtocolError(f"no version byte before the {what}")
        r.cur += 1
        return 0

    cdef int with_header(self, Reader* r, list operations) except -1:
        cdef int kind
        self.version(r, "distribution header")
        kind = r.cur[0] if r.cur < r.end else -1
        if kind == 68:
            r.cur += 1
            self.atoms(r)
            control = self.control(r)
            message = self.term(r, "message") if has_payload(control) else None
            operations.append((control, message))
        elif kind == 69 or kind == 70:
            operation = self.fragment(r, kind)
            if operation is not None:
                operations.append(operation)
        else:
            raise RemoteProtocolError(
                f"no distribution header has the tag {None if kind < 0 else kind}"
            )
        return 0

    cdef object fragment(self, Reader* r, int kind):
        """Take a piece of a message; give what is whole with it."""
        cdef uint64_t sequence, number
        if r.end - r.begin < FRAGMENT_HEAD:
            raise RemoteProtocolError("the header of a fragment is cut short")
        sequence = get64(r.begin + 2)
        number = get64(r.begin + 10)
        r.cur = r.begin + FRAGMENT_HEAD
        if kind == 70:
            rest = rest_of(r)
            try:
                return self.whole(r, self.fragments.following(sequence, number, rest))
            finally:
                rest.release()
        self.fragments.check_first(sequence, number)
        self.atoms(r)
        control = self.control(r)
        if not has_payload(control):
            raise RemoteProtocolError(f"operation {control[0]} comes in fragments")
        atoms = tuple([<object>self.refs[i] for i in range(self.ref_count)])
        rest = rest_of(r)
        try:
            return self.whole(
                r, self.fragments.first(sequence, number, control, atoms, rest)
            )
        finally:
            rest.release()

    cdef object whole(self, Reader* r, assembled):
        """Decode a message, if it is complete, from where its pieces were joined."""
        cdef Py_buffer view
        if assembled is None:
            return None
        cdef tuple atoms = assembled.atoms
        r.refs = tuple_items(<PyObject*>atoms)
        r.ref_count = len(atoms)
        PyObject_GetBuffer(assembled.data, &view, PyBUF_SIMPLE)
        try:
            r.begin = r.cur = <const unsigned char*>view.buf
            r.end = r.begin + view.len
            return assembled.control, self.term(r, "message")
        finally:
            PyBuffer_Release(&view)

    cdef object control(self, Reader* r):
        control = self.term(r, "control term")
        if (
            type(control) is not tuple
            or not control
            or type((<tuple>control)[0]) is not int
        ):
            raise RemoteProtocolError(
                "the control term is no tuple that begins with a number"
            )
        return control

    cdef object term(self, Reader* r, str what):
        cdef const unsigned char* start = r.cur
        cdef PyObject* term = (<silent_read>read_term)(r)
        if term != NULL:
            return own(term)
        refusal = pending_refusal()
        try:
            return read_again(refusal, r, start, self.options)
        except etf.DecodeError as exc:
            raise RemoteProtocolError(f"bad {what}: {exc}") from exc

    # N:8 | flags: (N div 2 + 1) bytes, if N > 0 | N references; see atom_cache.
    cdef int atoms(self, Reader* r) except -1:
        cdef const unsigned char* flags
        cdef int count, k, half, width
        cdef Py_ssize_t slot, size
        cdef PyObject* atom
        self.drop_refs()
        count = self.step(r, 1)[0]
        if count == 0:
            return 0
        flags = self.step(r, count // 2 + 1)
        width = 2 if half_byte(flags, count) & 1 else 1
        for k in range(count):
            half = half_byte(flags, k)
            slot = (half & 7) << 8 | self.step(r, 1)[0]
            if half & 8:
                size = self.step(r, 1)[0]
                if width == 2:
                    size = size << 8 | self.step(r, 1)[0]
                self.fill(r, slot, self.step(r, size), size)
            atom = self.slots[slot]
            if atom == NULL:
                raise RemoteProtocolError(f"atom cache slot {slot} was never filled")
            incref(atom)
            self.refs[k] = atom
            self.ref_count = k + 1
        r.refs = self.refs
        r.ref_count = count
        return 0

    cdef const unsigned char* step(self, Reader* r, Py_ssize_t size) except NULL:
        """Step over a part of the header, if it is there."""
        cdef const unsigned char* here = r.cur
        if r.end - here < size:
            raise RemoteProtocolError("the distribution header is cut short")
        r.cur = here + size
        return here

    cdef int fill(
        self, Reader* r, Py_ssize_t slot, const unsigned char* name, Py_ssize_t size
    ) except -1:
        cdef PyObject* old
        cdef PyObject* atom = NULL
        try:
            atom = read_name(r, name, size)
        except ValueError:
            self.bad_atom(name[:size])
        old = self.slots[slot]
        self.slots[slot] = atom
        xdecref(old)
        return 0

    cdef int bad_atom(self, bytes name) except -1:
        try:
            etf.Atom(name.decode())
        except ValueError as exc:
            raise RemoteProtocolError(f"bad atom in a cache header: {exc}") from exc
        raise RemoteProtocolError("bad atom in a cache header")

    cdef void drop_refs(self) noexcept:
        cdef int i, count = self.ref_count
        self.ref_count = 0
        for i in range(count):
            decref(self.refs[i])


cdef inline bint has_payload(control) except -1:
    op = (<tuple>control)[0]
    return HAS_PAYLOAD[<int>op] if 0 <= op <= 255 else False


cdef inline int half_byte(const unsigned char* flags, int k) noexcept:
    return flags[k >> 1] >> 4 if k & 1 else flags[k >> 1] & 15


cdef inline object rest_of(Reader* r):
    """What is left of the packet, without a copy."""
    return PyMemoryView_FromMemory(<char*>r.cur, r.end - r.cur, PyBUF_READ)


@cython.final
cdef class LinkEncoder:
    """Operations as frames; see ``framing.LinkEncoder``."""

    cdef object options
    cdef object pure
    cdef bint header

    def __init__(self, *, bint header, options=None):
        self.header = header
        self.options = options or etf.EncodeOptions()
        self.pure = framing.LinkEncoder(header=header, options=self.options)

    def control(self, control):
        """Make a frame without a message."""
        cdef Writer w
        cdef unsigned char scratch[1024]
        self.begin(&w, scratch, sizeof(scratch))
        if (<silent_write>write_whole)(&w, <PyObject*>control) < 0:
            refusal = stop_writer(&w)
            return encode_again(refusal, self.pure.control, (control,))
        return finish(&w)

    def frame(self, control, message):
        """Make a frame with a message."""
        cdef Writer w
        cdef unsigned char scratch[1024]
        self.begin(&w, scratch, sizeof(scratch))
        if (
            (<silent_write>write_whole)(&w, <PyObject*>control) < 0
            or self.between(&w) < 0
            or (<silent_write>write_whole)(&w, <PyObject*>message) < 0
        ):
            refusal = stop_writer(&w)
            return encode_again(refusal, self.pure.frame, (control, message))
        return finish(&w)

    def payload(self, message):
        """Encode a message once, for :meth:`frame_payload` to many receivers."""
        cdef Writer w
        cdef unsigned char scratch[1024]
        open_writer(&w, scratch, sizeof(scratch), self.options)
        if (
            self.between(&w) < 0
            or (<silent_write>write_whole)(&w, <PyObject*>message) < 0
        ):
            refusal = stop_writer(&w)
            return encode_again(refusal, self.pure.payload, (message,))
        return close_writer(&w)

    def frame_payload(self, control, payload):
        """Make a frame with a message that was encoded before."""
        cdef Writer w
        cdef unsigned char scratch[1024]
        cdef Py_buffer view
        self.begin(&w, scratch, sizeof(scratch))
        if (<silent_write>write_whole)(&w, <PyObject*>control) < 0:
            refusal = stop_writer(&w)
            return encode_again(refusal, self.pure.frame_payload, (control, payload))
        PyObject_GetBuffer(payload, &view, PyBUF_SIMPLE)
        try:
            write_bytes(&w, <const unsigned char*>view.buf, view.len)
        finally:
            PyBuffer_Release(&view)
        return finish(&w)

    cdef int begin(
        self, Writer* w, unsigned char* scratch, Py_ssize_t size
    ) except -1:
        """Leave room for the length and write what precedes the control term."""
        open_writer(w, scratch, size, self.options)
        if self.header:
            memcpy(scratch + LENGTH, b"\x83\x44\x00", 3)
            w.pos = LENGTH + 3
        else:
            memcpy(scratch + LENGTH, b"\x70\x83", 2)
            w.pos = LENGTH + 2
        return 0

    cdef int between(self, Writer* w) except -1:
        """Write what precedes the message."""
        return 0 if self.header else write_bytes(w, b"\x83", 1)


cdef bytes finish(Writer* w):
    """Fill in the length."""
    cdef Py_ssize_t size = w.pos - LENGTH
    if <uint64_t>size > U32_MAX:
        drop_writer(w)
        raise etf.EncodeError(
            f"a frame of {size} bytes is longer than the protocol allows"
        )
    w.buf[0] = <unsigned char>(size >> 24)
    w.buf[1] = <unsigned char>(size >> 16)
    w.buf[2] = <unsigned char>(size >> 8)
    w.buf[3] = <unsigned char>size
    return close_writer(w)
