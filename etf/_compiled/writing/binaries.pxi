# Bytes, texts and other memory as binaries.

cdef inline int put_sized(
    Writer* w, int tag, const unsigned char* data, Py_ssize_t size
) except -1:
    """Tag, 32 bits of length, data."""
    cdef unsigned char* p
    if <uint64_t>size > U32_MAX:
        refuse("a size that does not fit in 32 bits")
    p = room(w, 5 + size)
    p[0] = tag
    put32(p + 1, <uint32_t>size)
    copy(p + 5, data, size)
    return 0


cdef inline int put_text(Writer* w, PyObject* text) except -1:
    """A ``str`` as a binary."""
    cdef Py_ssize_t size
    cdef const char* data
    if is_ascii(text):
        return put_sized(w, 109, <unsigned char*>text_data(text), text_size(text))
    data = text_utf8(text, &size)
    return put_sized(w, 109, <unsigned char*>data, size)


cdef bint put_buffer(Writer* w, term) except -1:
    """Memory as a binary, if it is in one piece."""
    cdef Py_buffer view
    try:
        PyObject_GetBuffer(term, &view, PyBUF_SIMPLE)
    except (BufferError, ValueError):
        return False
    try:
        put_sized(w, 109, <unsigned char*>view.buf, view.len)
    finally:
        PyBuffer_Release(&view)
    return True
