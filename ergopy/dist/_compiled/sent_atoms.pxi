# The atoms that were sent on a link, and the header with those of one message.

cdef inline void begin_message(SentAtoms* sent) noexcept:
    sent.message += 1
    sent.count = sent.new_count = 0
    sent.new_bytes = 0
    sent.long_names = False


cdef void undo(SentAtoms* sent) noexcept:
    """Put back what the messages have changed: they will not be sent."""
    cdef Change* change
    cdef SentAtom* here
    while sent.change_count:
        sent.change_count -= 1
        change = &sent.changes[sent.change_count]
        here = &sent.slots[change.slot]
        decref(here.atom)
        here.atom = change.before


cdef void commit(SentAtoms* sent) noexcept:
    """Forget what was there before the messages."""
    cdef int i
    for i in range(sent.change_count):
        xdecref(sent.changes[i].before)
    sent.change_count = 0


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
