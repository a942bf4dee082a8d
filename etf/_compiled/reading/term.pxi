# Any term, by its tag: what is frequent here, the rest in the files of each kind.

cdef PyObject* read_term(Reader* r) except NULL:
    """Read any term; the reference is the caller's."""
    cdef const unsigned char* p = take(r, 1)
    cdef unsigned char tag = p[0]
    cdef Py_ssize_t size
    cdef PyObject* found
    cdef uint64_t bits
    if tag == 97:
        found = SMALL[take(r, 1)[0]]
        incref(found)
        return found
    elif tag == 98:
        return new_long(<int32_t>get32(take(r, 4)))
    elif tag == 119:
        size = take(r, 1)[0]
        return read_value(r, take(r, size), size)
    elif tag == 109:
        size = <Py_ssize_t>get32(take(r, 4))
        p = take(r, size)
        if r.flags & STRINGS_STR:
            return read_text(p, size)
        return new_bytes(<const char*>p, size)
    elif tag == 104:
        return read_tuple(r, take(r, 1)[0])
    elif tag == 108:
        return read_list(r)
    elif tag == 106:
        return new_empty(r)
    elif tag == 116:
        return read_map(r)
    elif tag == 70:
        bits = get64(take(r, 8))
        if is_infinite(bits):
            refuse("a float that is not finite")
        return new_float(double_of(bits))
    elif tag == 88:
        return read_pid(r)
    elif tag == 90:
        return read_reference(r)
    elif tag == 82:
        size = take(r, 1)[0]
        if size >= r.ref_count:
            refuse("no such atom in the header")
        found = value_of(r, r.refs[size], special_of(r.refs[size]))
        incref(found)
        return found
    elif tag == 107:
        size = get16(take(r, 2))
        return read_string(r, take(r, size), size)
    elif tag == 110:
        size = take(r, 1)[0]
        return read_big(r, size)
    return give(read_rare(r, tag))


cdef inline PyObject* read_item(Reader* r) except NULL:
    """``read_term`` with what fills long lists at hand."""
    cdef const unsigned char* p = r.cur
    cdef PyObject* found
    cdef uint64_t bits
    if r.end - p >= 9:
        if p[0] == 97:
            r.cur = p + 2
            found = SMALL[p[1]]
            incref(found)
            return found
        elif p[0] == 98:
            r.cur = p + 5
            return new_long(<int32_t>get32(p + 1))
        elif p[0] == 70:
            bits = get64(p + 1)
            if not is_infinite(bits):
                r.cur = p + 9
                return new_float(double_of(bits))
    return read_term(r)
