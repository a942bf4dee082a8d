# Frames that are made, as bytes; a large one as the parts that fragments are cut from.

cdef object whole_frame(Making* m):
    cdef Py_ssize_t size = m.before_end - m.before
    cdef Py_ssize_t begin = head(m)
    if m.message > m.terms and is_large(m, m.message, m.w.pos):
        return large_frame(m, begin)
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


cdef object attached(Making* m, payload):
    """The same with a payload; a large one is not copied."""
    cdef Py_buffer view
    PyObject_GetBuffer(payload, &view, PyBUF_SIMPLE)
    try:
        if is_large(m, m.w.pos, m.w.pos + view.len):
            made = frame_parts(m, head(m), m.w.pos, memoryview(payload))
            drop_writer(&m.w)
            return made
        write_bytes(&m.w, <const unsigned char*>view.buf, view.len)
        return whole_frame(m)
    finally:
        PyBuffer_Release(&view)


cdef inline bint is_large(Making* m, Py_ssize_t middle, Py_ssize_t end) noexcept:
    return m.fragments and middle - m.terms <= FRAGMENT < end - m.terms


cdef object large_frame(Making* m, Py_ssize_t begin):
    made = frame_parts(m, begin, m.message, None)
    made.payload = memoryview(close_writer(&m.w))[m.message :]
    return made


cdef object frame_parts(Making* m, Py_ssize_t begin, Py_ssize_t end, payload):
    cdef char* p = <char*>m.w.buf
    cdef Py_ssize_t references = begin + LENGTH + 2
    return LargeFrame(
        PyBytes_FromStringAndSize(p + m.before, m.before_end - m.before),
        PyBytes_FromStringAndSize(p + references, m.terms - references),
        PyBytes_FromStringAndSize(p + m.terms, end - m.terms),
        payload,
    )
