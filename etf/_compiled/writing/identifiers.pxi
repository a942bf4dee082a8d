# Pids and references.

cdef inline int put_word(unsigned char* p, PyObject* field) except -1:
    """A field of an identifier; what its constructor would not take is refused."""
    cdef int64_t value = -1
    if field != NULL and type_of(field) == INT:
        value = uint32_of(field)
    if value < 0:
        refuse("a field that does not fit in 32 bits")
    put32(p, <uint32_t>value)
    return 0


cdef inline int put_node(Writer* w, PyObject* node) except -1:
    if node == NULL or type_of(node) != ATOM:
        refuse("a node that is no atom")
    return put_atom(w, node)


cdef int put_pid(Writer* w, PyObject* term) except -1:
    cdef unsigned char* p = room(w, 1)
    p[0] = 88
    put_node(w, slot(term, PID_NODE))
    p = room(w, 12)
    put_word(p, slot(term, PID_ID))
    put_word(p + 4, slot(term, PID_SERIAL))
    put_word(p + 8, slot(term, PID_CREATION))
    return 0


cdef int put_reference(Writer* w, PyObject* term) except -1:
    cdef PyObject* words = slot(term, REF_WORDS)
    cdef Py_ssize_t count, i
    cdef unsigned char* p = room(w, 3)
    if words == NULL or type_of(words) != TUPLE or tuple_size(words) > MAX_WORDS:
        refuse("not the words of a reference")
    count = tuple_size(words)
    p[0] = 90
    put16(p + 1, <uint32_t>count)
    put_node(w, slot(term, REF_NODE))
    p = room(w, 4 + 4 * count)
    put_word(p, slot(term, REF_CREATION))
    for i in range(count):
        put_word(p + 4 + 4 * i, tuple_items(words)[i])
    return 0
