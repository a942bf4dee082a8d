# Frames while they are made: their terms, with room for what precedes them.

cdef struct Making:
    Writer w                   # with atoms, if they may be cached
    bint header                # what the link has negotiated
    bint fragments
    Py_ssize_t before          # where the frame without a message is, if there are two
    Py_ssize_t before_end
    Py_ssize_t terms           # where the terms of the last frame begin
    Py_ssize_t message         # and its message, if it has one

ctypedef int (*silent_frame)(Making*, object, object) noexcept
ctypedef int (*silent_call)(Making*, object, object, object) noexcept


cdef int leave_room(Making* m) except -1:
    """Leave room for what precedes the terms, or write it if it is known."""
    if m.w.atoms != NULL:
        begin_message(m.w.atoms)
        write_room(&m.w, HEAD)
    elif m.header:
        memcpy(write_room(&m.w, LENGTH + 3), b"\0\0\0\0\x83\x44\x00", LENGTH + 3)
    else:
        memcpy(write_room(&m.w, LENGTH + 2), b"\0\0\0\0\x70\x83", LENGTH + 2)
    m.terms = m.w.pos
    return 0


cdef int write_frame(Making* m, object control, object message) except -1:
    write_whole(&m.w, <PyObject*>control)
    m.message = m.w.pos
    if not m.header:
        write_bytes(&m.w, b"\x83", 1)
    return write_whole(&m.w, <PyObject*>message)


cdef int write_call(
    Making* m, object watch, object control, object message
) except -1:
    write_whole(&m.w, <PyObject*>watch)
    m.before = head(m)
    m.before_end = m.w.pos
    leave_room(m)
    return write_frame(m, control, message)


cdef Py_ssize_t head(Making* m) except -1:
    """Write what precedes the terms; say where the frame begins."""
    cdef Py_ssize_t begin, need, more, size = m.w.pos - m.terms
    if m.w.atoms == NULL:
        begin = m.terms - (LENGTH + 3 if m.header else LENGTH + 2)
    else:
        need = LENGTH + 2 + references_size(m.w.atoms)
        if need > HEAD:
            more = need - HEAD
            write_room(&m.w, more)
            memmove(m.w.buf + m.terms + more, m.w.buf + m.terms, size)
            m.terms += more
            m.message += more
        begin = m.terms - need
        memcpy(m.w.buf + begin + LENGTH, b"\x83\x44", 2)
        write_references(m.w.atoms, m.w.buf + begin + LENGTH + 2)
    put32(m.w.buf + begin, <uint32_t>(m.w.pos - begin - LENGTH))
    return begin
