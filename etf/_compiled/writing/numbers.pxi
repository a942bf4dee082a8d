# Integers and floats, one by one and in long lists.

cdef inline int put_int(Writer* w, PyObject* term) except -1:
    """*term* is an exact ``int``."""
    cdef unsigned char* p
    cdef Py_ssize_t value
    if not is_compact(term):
        return put_long(w, term)
    value = compact_value(term)
    if 0 <= value <= 255:
        p = room(w, 2)
        p[0] = 97
        p[1] = <unsigned char>value
    else:
        if not -0x80000000 <= value <= 0x7FFFFFFF:
            return put_long(w, term)
        p = room(w, 5)
        p[0] = 98
        put32(p + 1, <uint32_t>value)
    return 0


cdef int put_long(Writer* w, PyObject* term) except -1:
    cdef int overflow = 0
    cdef long long value = int64_of(term, &overflow)
    cdef uint64_t magnitude
    cdef unsigned char* p
    cdef Py_ssize_t size = 0
    if overflow:
        return put_big(w, <object>term)
    if -0x80000000 <= value <= 0x7FFFFFFF:
        p = room(w, 5)
        p[0] = 98
        put32(p + 1, <uint32_t>value)
        return 0
    magnitude = -<uint64_t>value if value < 0 else <uint64_t>value
    p = room(w, 11)
    p[0] = 110
    p[2] = value < 0
    while magnitude:
        p[3 + size] = <unsigned char>magnitude
        magnitude >>= 8
        size += 1
    p[1] = <unsigned char>size
    w.pos -= 8 - size
    return 0


cdef int put_big(Writer* w, object term) except -1:
    cdef unsigned char* p
    size = (term.bit_length() + 7) // 8
    if size > MAX_INTEGER_BYTES:
        refuse("an integer that is too large")
    magnitude = abs(term)
    if size > 255:
        p = room(w, 6)
        p[0] = 111
        put32(p + 1, size)
        p[5] = term < 0
    else:
        p = room(w, 3)
        p[0] = 110
        p[1] = size
        p[2] = term < 0
    long_bytes(<PyObject*>magnitude, room(w, size), size)
    return 0


cdef inline int put_float(Writer* w, double value) except -1:
    cdef uint64_t bits = bits_of(value)
    cdef unsigned char* p
    if is_infinite(bits):
        refuse("a float that is not finite")
    p = room(w, 9)
    p[0] = 70
    put64(p + 1, bits)
    return 0


cdef Py_ssize_t put_numbers(
    Writer* w, PyObject** items, Py_ssize_t i, Py_ssize_t size
) except -1:
    """Write small integers and floats from *i* on; say where others begin.

    The head of the list stands before them, so there is a buffer.
    """
    cdef unsigned char* p = w.buf + w.pos
    cdef unsigned char* last = w.buf + w.cap - 9    # the last place with room for one
    cdef PyObject* kind
    cdef Py_ssize_t value
    cdef uint64_t bits
    while i < size:
        if p > last:
            w.pos = p - w.buf
            grow(w, 9 * min(size - i, 1024))
            p = w.buf + w.pos
            last = w.buf + w.cap - 9
        kind = type_of(items[i])
        if kind == INT and is_compact(items[i]):
            value = compact_value(items[i])
            if 0 <= value <= 255:
                p[0] = 97
                p[1] = <unsigned char>value
                p += 2
            elif -0x80000000 <= value <= 0x7FFFFFFF:
                p[0] = 98
                put32(p + 1, <uint32_t>value)
                p += 5
            else:
                break
        elif kind == FLOAT:
            bits = bits_of(float_value(items[i]))
            if is_infinite(bits):
                break
            p[0] = 70
            put64(p + 1, bits)
            p += 9
        else:
            break
        i += 1
    w.pos = p - w.buf
    return i
