# The cursor over the output: options, room, levels.

cdef object _writer_options = None
cdef Writer _writer_proto


cdef int open_writer(
    Writer* w, unsigned char* scratch, Py_ssize_t size, object options
) except -1:
    """Start to write into *scratch*; what is longer moves into a bytes object.

    *options* must live as long as the writer.
    """
    global _writer_options, _writer_proto
    cdef Writer made
    if options is not _writer_options:
        made.buf = NULL
        made.owner = NULL
        made.pos = made.cap = 0
        made.options = <PyObject*>options
        made.atoms = NULL
        made.levels = min(<int>options.max_depth, MAX_RECURSION)
        made.careful = made.wary = False
        made.undefined = options.none == "undefined"
        if type(options) is EncodeOptions:
            _writer_options = options
            _writer_proto = made
        w[0] = made
    else:
        w[0] = _writer_proto
    w.buf = scratch
    w.cap = size
    return 0


cdef bytes close_writer(Writer* w):
    """What was written."""
    cdef PyObject* owner = w.owner
    if owner == NULL:
        return PyBytes_FromStringAndSize(<char*>w.buf, w.pos)
    w.owner = NULL
    resize_bytes(&owner, w.pos)
    return <bytes>own(owner)


cdef void drop_writer(Writer* w) noexcept:
    """Forget what was written."""
    xdecref(w.owner)
    w.owner = NULL


cdef int grow(Writer* w, Py_ssize_t size) except -1:
    """Get room for *size* more bytes, and a quarter of all so that this stays rare."""
    cdef Py_ssize_t cap = w.pos + size
    cdef PyObject* owner = w.owner
    if cap < w.pos:
        raise MemoryError
    if owner == NULL:
        cap += 1024 if size < 65536 else 64
        owner = new_bytes(NULL, cap)
        memcpy(bytes_data(owner), w.buf, w.pos)
    else:
        w.owner = NULL
        cap += cap >> 2 if size > cap >> 1 else cap
        resize_bytes(&owner, cap)
    w.owner = owner
    w.buf = <unsigned char*>bytes_data(owner)
    w.cap = cap
    return 0


cdef unsigned char* write_room(Writer* w, Py_ssize_t size) except NULL:
    """``room`` for other modules, and when there is none yet."""
    cdef unsigned char* here
    if w.cap - w.pos < size:
        grow(w, size)
    here = w.buf + w.pos
    w.pos += size
    return here


# Called as one that raises nothing, because whoever called ``room`` looks for NULL: a
# second look makes it too long to be inlined.
ctypedef unsigned char* (*silent_room)(Writer*, Py_ssize_t) noexcept


cdef inline unsigned char* room(Writer* w, Py_ssize_t size) except NULL:
    """Where the next *size* bytes go; they count as written."""
    cdef unsigned char* here = w.buf + w.pos
    if w.cap - w.pos < size:
        return (<silent_room>write_room)(w, size)
    w.pos += size
    return here


cdef int write_bytes(Writer* w, const unsigned char* data, Py_ssize_t size) except -1:
    memcpy(room(w, size), data, size)
    return 0


cdef int put_head(Writer* w, int tag, Py_ssize_t size) except -1:
    """Tag and 32 bits of length, of a container."""
    cdef unsigned char* p = room(w, 5)
    if <uint64_t>size > U32_MAX:
        refuse("a size that does not fit in 32 bits")
    p[0] = tag
    put32(p + 1, <uint32_t>size)
    return 0


cdef inline int dive(Writer* w, int levels) except -1:
    """Open a container, as ``descend`` does."""
    if w.levels < levels:
        raise _Unable("nested too deep")
    w.levels -= levels
    return 0
