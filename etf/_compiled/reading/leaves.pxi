# Texts, lists of bytes, large integers.

cdef PyObject* new_empty(Reader* r) except NULL:
    return new_list(0) if not r.frozen else give(FrozenList())


cdef PyObject* read_text(const unsigned char* p, Py_ssize_t size) except NULL:
    """A binary as text, if it is any."""
    try:
        return give(text_of(<const char*>p, size, NULL))
    except UnicodeDecodeError:
        return new_bytes(<const char*>p, size)


cdef PyObject* read_string(
    Reader* r, const unsigned char* p, Py_ssize_t size
) except NULL:
    """A list of bytes."""
    cdef PyObject* made
    cdef PyObject** items
    cdef Py_ssize_t i
    if size and r.flags & CHARLISTS_STR:
        return give(Charlist(latin_of(<const char*>p, size, NULL)))
    made = new_list(size)
    items = list_items(made)
    for i in range(size):
        incref(SMALL[p[i]])
        items[i] = SMALL[p[i]]
    return made if not r.frozen else give(FrozenList(own(made)))


cdef PyObject* read_big(Reader* r, Py_ssize_t size) except NULL:
    """The sign and *size* bytes."""
    cdef bint negative = take(r, 1)[0]
    cdef const unsigned char* p = take(r, size)
    cdef uint64_t value = 0
    cdef Py_ssize_t i
    if size > r.max_big:
        refuse("an integer that is too large")
    if size > 8:
        big = new_big(p, size, 1, 0)
        return give(-big if negative else big)
    for i in range(size):
        value |= <uint64_t>p[i] << (8 * i)
    if not negative:
        return new_uint64(value)
    if value >> 63:
        return give(-own(new_uint64(value)))
    return new_int64(-<int64_t>value)
