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
    NEW_REFERENCE,
    Change,
    Reader,
    SentAtom,
    SentAtoms,
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
    write_room,
    write_whole,
)

from dataclasses import replace

import etf
from ergopy.errors import RemoteProtocolError

from . import frames
from .control import WITH_PAYLOAD
from .fragmenting import FRAGMENT_SIZE, LargeFrame
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
    const char* text_utf8 "PyUnicode_AsUTF8AndSize"(
        PyObject*, Py_ssize_t*) except NULL

ctypedef PyObject* (*silent_read)(Reader*) noexcept
ctypedef int (*silent_write)(Writer*, PyObject*) noexcept
ctypedef int (*silent_frame)(LinkEncoder, Making*, object, object) noexcept
ctypedef int (*silent_call)(LinkEncoder, Making*, object, object, object) noexcept

# The frames that one call of the encoder makes.
cdef struct Making:
    Writer w
    bint cached
    Py_ssize_t before          # where the frame without a message is, if there are two
    Py_ssize_t before_end
    Py_ssize_t terms           # where the terms of the last frame begin
    Py_ssize_t message         # and its message, if it has one

cdef Py_ssize_t FRAGMENT = FRAGMENT_SIZE

cdef enum:
    LENGTH = 4
    SLOTS = 2048
    MAX_ATOMS = 255            # in one header
    FRAGMENT_HEAD = 18         # 131, 69 or 70, sequence, count or number
    KEPT_BUFFER = 65536        # bytes of the buffer that stay between packets
    HEAD = 128                 # room for what precedes the terms of a frame
    SCRATCH = 1280             # on the stack, for frames that are not longer

cdef bint HAS_PAYLOAD[256]
for _op in range(256):
    HAS_PAYLOAD[_op] = _op in WITH_PAYLOAD


cdef inline void put32(unsigned char* p, uint32_t value) noexcept:
    p[0] = <unsigned char>(value >> 24)
    p[1] = <unsigned char>(value >> 16)
    p[2] = <unsigned char>(value >> 8)
    p[3] = <unsigned char>value


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
    cdef object options              # for messages
    cdef object plain                # for control terms, which are not the user's
    cdef int flags                   # of the reader, for messages
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
        self.plain = etf.DecodeOptions(limits=limits.terms)
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
            self.flags = self.reader.flags
            self.feed(<const unsigned char*>view.buf, view.len, operations)
        except RemoteProtocolError as exc:
            self.error = exc
        finally:
            resume_gc(collecting)
            self.busy = False
            PyBuffer_Release(&view)
        return operations

    def grow_older(self, seconds):
        """Say that time has passed; return how the peer broke a limit on it, if so."""
        try:
            self.fragments.grow_older(seconds)
        except RemoteProtocolError as exc:
            self.error = self.error or exc
        return self.error

    @property
    def unfinished(self):
        """Messages of which some pieces have come."""
        return len(self.fragments)

    def forget(self):
        """Give back what is held of messages that will never be whole."""
        self.fragments.clear()
        if not self.busy:
            free(self.partial)
            self.partial = NULL
            self.held = self.room = 0

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
        operations.append((control, self.term(r, "message", self.options)))
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
            message = (
                self.term(r, "message", self.options) if has_payload(control) else None
            )
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
                r,
                self.fragments.first(
                    sequence, number, control, atoms, rest, r.cur - r.begin
                ),
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
            return assembled.control, self.term(r, "message", self.options)
        finally:
            PyBuffer_Release(&view)

    cdef object control(self, Reader* r):
        r.flags = 0
        control = self.term(r, "control term", self.plain)
        r.flags = self.flags
        if (
            type(control) is not tuple
            or not control
            or type((<tuple>control)[0]) is not int
        ):
            raise RemoteProtocolError(
                "the control term is no tuple that begins with a number"
            )
        return control

    cdef object term(self, Reader* r, str what, object options):
        cdef const unsigned char* start = r.cur
        cdef PyObject* term = (<silent_read>read_term)(r)
        if term != NULL:
            return own(term)
        refusal = pending_refusal()
        try:
            return read_again(refusal, r, start, options)
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
    """Operations as frames; see ``frames.LinkEncoder``.

    Terms are written behind some room for what precedes them, because the header can
    be written only when it is known which atoms occur in them.
    """

    cdef readonly Py_ssize_t frames
    cdef object options
    cdef object pure                 # without cache, for what cannot be made here
    cdef bint header
    cdef bint fragments
    cdef bint busy                   # a converter may come back amid a frame
    cdef SentAtoms* atoms            # NULL: no cache

    def __init__(
        self, *, bint header, bint cache=False, bint fragments=False, options=None
    ):
        self.header = header
        self.fragments = fragments
        self.options = options or etf.EncodeOptions()
        self.pure = frames.LinkEncoder(
            header=header, fragments=fragments, options=self.options
        )
        if cache and self.atoms == NULL:
            self.atoms = <SentAtoms*>calloc(1, sizeof(SentAtoms))
            if self.atoms == NULL:
                raise MemoryError

    def __dealloc__(self):
        cdef int i
        if self.atoms != NULL:
            for i in range(ATOM_SLOTS):
                xdecref(self.atoms.slots[i].atom)
            free(self.atoms)

    def control(self, control):
        """Make a frame without a message."""
        cdef Making m
        cdef unsigned char scratch[SCRATCH]
        self.begin(&m, scratch)
        if (<silent_write>write_whole)(&m.w, <PyObject*>control) < 0:
            return self.again(self.stop(&m), self.pure.control, (control,), 1)
        return self.finish(&m, None, 1)

    def frame(self, control, message):
        """Make a frame with a message."""
        cdef Making m
        cdef unsigned char scratch[SCRATCH]
        self.begin(&m, scratch)
        if (<silent_frame>write_frame)(self, &m, control, message) < 0:
            return self.again(self.stop(&m), self.pure.frame, (control, message), 1)
        return self.finish(&m, None, 1)

    def call(self, watch, control, message):
        """Make a frame without a message, and one with a message behind it."""
        cdef Making m
        cdef unsigned char scratch[SCRATCH]
        self.begin(&m, scratch)
        if (<silent_call>write_call)(self, &m, watch, control, message) < 0:
            arguments = (watch, control, message)
            return self.again(self.stop(&m), self.pure.call, arguments, 2)
        return self.finish(&m, None, 2)

    def payload(self, message):
        """Encode a message once, for :meth:`frame_payload` to many receivers."""
        cdef Writer w
        cdef unsigned char scratch[SCRATCH]
        open_writer(&w, scratch, SCRATCH, self.options)
        if not self.header:
            write_bytes(&w, b"\x83", 1)
        if (<silent_write>write_whole)(&w, <PyObject*>message) < 0:
            refusal = stop_writer(&w)
            return encode_again(refusal, self.pure.payload, (message,))
        return close_writer(&w)

    def frame_payload(self, control, payload):
        """Make a frame with a message that was encoded before."""
        cdef Making m
        cdef unsigned char scratch[SCRATCH]
        self.begin(&m, scratch)
        if (<silent_write>write_whole)(&m.w, <PyObject*>control) < 0:
            arguments = (control, payload)
            return self.again(self.stop(&m), self.pure.frame_payload, arguments, 1)
        return self.finish(&m, payload, 1)

    cdef int begin(self, Making* m, unsigned char* scratch) except -1:
        """Begin the first of the frames that are made together."""
        open_writer(&m.w, scratch, SCRATCH, self.options)
        m.before = m.before_end = m.message = 0
        m.cached = self.atoms != NULL and not self.busy
        if m.cached:
            self.busy = True
            self.atoms.change_count = 0
            m.w.atoms = self.atoms
        return self.leave_room(m)

    cdef int leave_room(self, Making* m) except -1:
        """Leave room for what precedes the terms, or write it if it is known."""
        if m.cached:
            self.atoms.message += 1
            self.atoms.count = self.atoms.new_count = 0
            self.atoms.new_bytes = 0
            self.atoms.long_names = False
            write_room(&m.w, HEAD)
        elif self.header:
            memcpy(write_room(&m.w, LENGTH + 3), b"\0\0\0\0\x83\x44\x00", LENGTH + 3)
        else:
            memcpy(write_room(&m.w, LENGTH + 2), b"\0\0\0\0\x70\x83", LENGTH + 2)
        m.terms = m.w.pos
        return 0

    cdef Py_ssize_t head(self, Making* m) except -1:
        """Write what precedes the terms; say where the frame begins."""
        cdef Py_ssize_t begin, need, more, size = m.w.pos - m.terms
        if not m.cached:
            begin = m.terms - (LENGTH + 3 if self.header else LENGTH + 2)
        else:
            need = LENGTH + 2 + references_size(self.atoms)
            if need > HEAD:
                more = need - HEAD
                write_room(&m.w, more)
                memmove(m.w.buf + m.terms + more, m.w.buf + m.terms, size)
                m.terms += more
                m.message += more
            begin = m.terms - need
            memcpy(m.w.buf + begin + LENGTH, b"\x83\x44", 2)
            write_references(self.atoms, m.w.buf + begin + LENGTH + 2)
        put32(m.w.buf + begin, <uint32_t>(m.w.pos - begin - LENGTH))
        return begin

    cdef object finish(self, Making* m, payload, int count):
        """Give the frames. What was not sent may not be in the cache."""
        try:
            made = self.whole(m) if payload is None else self.attached(m, payload)
        except BaseException:
            self.undo(m)
            drop_writer(&m.w)
            raise
        self.commit(m)
        self.frames += count
        return made

    cdef object whole(self, Making* m):
        cdef Py_ssize_t size = m.before_end - m.before
        cdef Py_ssize_t begin = self.head(m)
        if m.message > m.terms and self.is_large(m, m.message, m.w.pos):
            return self.large(m, begin)
        if <uint64_t>(m.w.pos - begin - LENGTH) > U32_MAX:
            raise etf.EncodeError(
                f"a frame of {m.w.pos - begin - LENGTH} bytes is longer than the "
                "protocol allows"
            )
        if size:
            begin -= size
            memmove(m.w.buf + begin, m.w.buf + m.before, size)
        if m.w.owner == NULL:
            return PyBytes_FromStringAndSize(<char*>m.w.buf + begin, m.w.pos - begin)
        if begin:
            m.w.pos -= begin
            memmove(m.w.buf, m.w.buf + begin, m.w.pos)
        return close_writer(&m.w)

    cdef object attached(self, Making* m, payload):
        """The same with a payload; a large one is not copied."""
        cdef Py_buffer view
        PyObject_GetBuffer(payload, &view, PyBUF_SIMPLE)
        try:
            if self.is_large(m, m.w.pos, m.w.pos + view.len):
                made = self.parts(m, self.head(m), m.w.pos, memoryview(payload))
                drop_writer(&m.w)
                return made
            write_bytes(&m.w, <const unsigned char*>view.buf, view.len)
            return self.whole(m)
        finally:
            PyBuffer_Release(&view)

    cdef bint is_large(self, Making* m, Py_ssize_t middle, Py_ssize_t end):
        return self.fragments and middle - m.terms <= FRAGMENT < end - m.terms

    cdef object large(self, Making* m, Py_ssize_t begin):
        made = self.parts(m, begin, m.message, None)
        made.payload = memoryview(close_writer(&m.w))[m.message :]
        return made

    cdef object parts(self, Making* m, Py_ssize_t begin, Py_ssize_t end, payload):
        cdef char* p = <char*>m.w.buf
        cdef Py_ssize_t references = begin + LENGTH + 2
        return LargeFrame(
            PyBytes_FromStringAndSize(p + m.before, m.before_end - m.before),
            PyBytes_FromStringAndSize(p + references, m.terms - references),
            PyBytes_FromStringAndSize(p + m.terms, end - m.terms),
            payload,
        )

    cdef object stop(self, Making* m):
        """Forget what was made, and give the refusal that is pending."""
        self.undo(m)
        return stop_writer(&m.w)

    cdef object again(self, refusal, pure, tuple arguments, int count):
        """Let the reference make the frames, or say what is wrong."""
        made = encode_again(refusal, pure, arguments)
        self.frames += count
        return made

    cdef void undo(self, Making* m) noexcept:
        cdef Change* change
        cdef SentAtom* here
        if not m.cached:
            return
        self.busy = False
        while self.atoms.change_count:
            self.atoms.change_count -= 1
            change = &self.atoms.changes[self.atoms.change_count]
            here = &self.atoms.slots[change.slot]
            decref(here.atom)
            here.atom = change.before

    cdef void commit(self, Making* m) noexcept:
        cdef int i
        if not m.cached:
            return
        self.busy = False
        for i in range(self.atoms.change_count):
            xdecref(self.atoms.changes[i].before)
        self.atoms.change_count = 0


cdef int write_frame(
    LinkEncoder self, Making* m, object control, object message
) except -1:
    write_whole(&m.w, <PyObject*>control)
    m.message = m.w.pos
    if not self.header:
        write_bytes(&m.w, b"\x83", 1)
    return write_whole(&m.w, <PyObject*>message)


cdef int write_call(
    LinkEncoder self, Making* m, object watch, object control, object message
) except -1:
    write_whole(&m.w, <PyObject*>watch)
    m.before = self.head(m)
    m.before_end = m.w.pos
    self.leave_room(m)
    return write_frame(self, m, control, message)


# N:8 | flags: (N div 2 + 1) bytes, if N > 0 | N references; see atom_cache.
cdef inline Py_ssize_t references_size(SentAtoms* sent) noexcept:
    if sent.count == 0:
        return 1
    return (
        2 + (sent.count >> 1) + sent.count
        + (2 if sent.long_names else 1) * sent.new_count + sent.new_bytes
    )


cdef int write_references(SentAtoms* sent, unsigned char* p) except -1:
    cdef unsigned char* flags = p + 1
    cdef int k, count = sent.count
    cdef uint16_t ref
    p[0] = <unsigned char>count
    if count == 0:
        return 0
    memset(flags, 0, (count >> 1) + 1)
    p = flags + (count >> 1) + 1
    for k in range(count):
        ref = sent.refs[k]
        p[0] = <unsigned char>ref
        p += 1
        flags[k >> 1] |= (
            ((ref >> 8) & 7 | (8 if ref & NEW_REFERENCE else 0)) << (4 * (k & 1))
        )
        if ref & NEW_REFERENCE:
            p = write_name(sent.slots[ref & (ATOM_SLOTS - 1)].atom, p, sent.long_names)
    flags[count >> 1] |= <unsigned char>(sent.long_names << (4 * (count & 1)))
    return 0


cdef unsigned char* write_name(
    PyObject* atom, unsigned char* p, bint wide
) except NULL:
    cdef Py_ssize_t size
    cdef const char* name = text_utf8(atom, &size)
    if wide:
        p[0] = <unsigned char>(size >> 8)
        p += 1
    p[0] = <unsigned char>size
    memcpy(p + 1, name, size)
    return p + 1 + size
