# Tuples and lists, those of bytes in their short form.

cdef int put_tuple(Writer* w, PyObject* term) except -1:
    cdef Py_ssize_t size = tuple_size(term), i
    cdef PyObject** items = tuple_items(term)
    cdef unsigned char* p
    dive(w, 1)
    if size <= 255:
        p = room(w, 2)
        p[0] = 104
        p[1] = <unsigned char>size
    else:
        if size > MAX_TUPLE:
            refuse("a tuple that cannot exist")
        put_head(w, 105, size)
    for i in range(size):
        put_item(w, items[i])
    w.levels += 1
    return 0


cdef inline bint is_number(PyObject* term) noexcept:
    return type_of(term) == INT or type_of(term) == FLOAT


cdef inline bint is_byte(PyObject* term) noexcept:
    return (
        type_of(term) == INT
        and is_compact(term)
        and 0 <= compact_value(term) <= 255
    )


cdef bint put_string(Writer* w, PyObject* term) except -1:
    """Write a list of bytes in its short form, if it is one."""
    cdef Py_ssize_t size = list_size(term), i
    cdef PyObject** items = list_items(term)
    cdef unsigned char* p
    # The last first: most lists of integers that are no bytes end with one.
    if size > 65535 or not is_byte(items[size - 1]) or not is_byte(items[0]):
        return False
    p = room(w, 3 + size)
    p[0] = 107
    put16(p + 1, <uint32_t>size)
    for i in range(size):
        if not is_byte(items[i]):
            w.pos -= 3 + size
            return False
        p[3 + i] = <unsigned char>compact_value(items[i])
    return True


cdef int put_list(Writer* w, PyObject* term) except -1:
    """A list. One that changes its length, in another thread say, is refused."""
    cdef Py_ssize_t size = list_size(term), i = 0
    if size == 0:
        room(w, 1)[0] = 106
        return 0
    if put_string(w, term):
        return 0
    dive(w, 1)
    put_head(w, 108, size)
    if w.careful:
        copy = list(<object>term)
        term = <PyObject*>copy
    while True:
        if is_number(list_items(term)[i]):
            i = put_numbers(w, list_items(term), i, size)
            if i == size:
                break
        put_item(w, list_items(term)[i])
        if list_size(term) != size:
            raise _Unable("a list that changes while it is written")
        i += 1
        if i == size:
            break
    w.levels += 1
    room(w, 1)[0] = 106
    return 0


cdef int put_improper(Writer* w, PyObject* term) except -1:
    cdef PyObject* items = slot(term, IMPROPER_ITEMS)
    cdef Py_ssize_t size, i
    if w.careful or type_of(items) != LIST:
        parts = list(<object>items)
        items = <PyObject*>parts
    size = list_size(items)
    if size == 0:
        refuse("an improper list without items")
    dive(w, 1)
    put_head(w, 108, size)
    for i in range(size):
        put_item(w, list_items(items)[i])
        if list_size(items) != size:
            raise _Unable("a list that changes while it is written")
    write_term(w, slot(term, IMPROPER_TAIL))
    w.levels += 1
    return 0
