# ``LinkEncoder``: operations in, frames out.

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
        if (<silent_frame>write_frame)(&m, control, message) < 0:
            return self.again(self.stop(&m), self.pure.frame, (control, message), 1)
        return self.finish(&m, None, 1)

    def call(self, watch, control, message):
        """Make a frame without a message, and one with a message behind it."""
        cdef Making m
        cdef unsigned char scratch[SCRATCH]
        self.begin(&m, scratch)
        if (<silent_call>write_call)(&m, watch, control, message) < 0:
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
        m.header = self.header
        m.fragments = self.fragments
        m.before = m.before_end = m.message = 0
        if self.atoms != NULL and not self.busy:
            self.busy = True
            self.atoms.change_count = 0
            m.w.atoms = self.atoms
        return leave_room(m)

    cdef object finish(self, Making* m, payload, int count):
        """Give the frames. What was not sent may not be in the cache."""
        try:
            made = whole_frame(m) if payload is None else attached(m, payload)
        except BaseException:
            self.undo(m)
            drop_writer(&m.w)
            raise
        if m.w.atoms != NULL:
            self.busy = False
            commit(m.w.atoms)
        self.frames += count
        return made

    cdef object stop(self, Making* m):
        """Forget what was made, and give the refusal that is pending."""
        self.undo(m)
        return stop_writer(&m.w)

    cdef void undo(self, Making* m) noexcept:
        if m.w.atoms != NULL:
            self.busy = False
            undo(m.w.atoms)

    cdef object again(self, refusal, pure, tuple arguments, int count):
        """Let the reference make the frames, or say what is wrong."""
        made = encode_again(refusal, pure, arguments)
        self.frames += count
        return made
