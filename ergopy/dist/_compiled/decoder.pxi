# ``LinkDecoder``: bytes in, operations out.

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
    cdef Partial partial
    cdef ReceivedAtoms received

    def __init__(self, *, bint header, limits=None, options=None):
        limits = limits or LinkLimits()
        self.header = header
        self.max_packet = limits.max_packet
        self.options = replace(options or etf.DecodeOptions(), limits=limits.terms)
        self.plain = etf.DecodeOptions(limits=limits.terms)
        self.fragments = Fragments(limits)

    def __dealloc__(self):
        drop_partial(&self.partial)
        drop_received(&self.received)

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
            drop_partial(&self.partial)

    cdef int feed(
        self, const unsigned char* p, Py_ssize_t left, list operations
    ) except -1:
        cdef Py_ssize_t used, size
        while self.partial.held and left:
            used = self.complete(p, left, operations)
            p += used
            left -= used
        while left >= LENGTH:
            size = announced(p, self.max_packet)
            if size > left - LENGTH:
                break
            self.take(p + LENGTH, size, operations)
            p += LENGTH + size
            left -= LENGTH + size
        if left:
            keep(&self.partial, p, left)
        return 0

    cdef Py_ssize_t complete(
        self, const unsigned char* p, Py_ssize_t left, list operations
    ) except -1:
        """Add to the incomplete packet; say how many bytes it took."""
        cdef Partial* partial = &self.partial
        cdef Py_ssize_t wanted = LENGTH
        if partial.held >= LENGTH:
            wanted += get32(partial.data)
        cdef Py_ssize_t more = min(wanted - partial.held, left)
        keep(partial, p, more)
        if partial.held == LENGTH == wanted:
            wanted += announced(partial.data, self.max_packet)
        if partial.held == wanted:
            partial.held = 0
            self.take(partial.data + LENGTH, wanted - LENGTH, operations)
            if partial.room > KEPT_BUFFER:
                drop_partial(partial)
        return more

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
            read_references(&self.received, r)
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
        read_references(&self.received, r)
        control = self.control(r)
        if not has_payload(control):
            raise RemoteProtocolError(f"operation {control[0]} comes in fragments")
        atoms = all_references(&self.received)
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


cdef inline object rest_of(Reader* r):
    """What is left of the packet, without a copy."""
    return PyMemoryView_FromMemory(<char*>r.cur, r.end - r.cur, PyBUF_READ)
