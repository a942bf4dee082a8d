# Tuples and lists, with proper tails and others.

cdef PyObject* read_tuple(Reader* r, Py_ssize_t size) except NULL:
    cdef long long owed = r.owed
    cdef Py_ssize_t i
    cdef PyObject** items
    descend(r, 1)
    promise(r, size)
    made = own(new_tuple(size))
    items = tuple_items(<PyObject*>made)
    for i in range(size):
        r.owed = owed + (size - i - 1)
        items[i] = read_item(r)
    r.owed = owed
    r.levels += 1
    if r.flags & REVIVE_TUPLES:
        made = (<object>r.reviver).of_tuple(made, r.frozen > 0)
    return give(made)


cdef PyObject* read_list(Reader* r) except NULL:
    cdef long long owed = r.owed
    cdef Py_ssize_t size = <Py_ssize_t>get32(take(r, 4))
    cdef Py_ssize_t i
    cdef PyObject** items
    descend(r, 1)
    promise(r, <uint64_t>size + 1)
    made = own(new_list(size))
    items = list_items(<PyObject*>made)
    for i in range(size):
        r.owed = owed + (size - i)
        items[i] = read_item(r)
    r.owed = owed
    if r.cur < r.end and r.cur[0] == 106:
        r.cur += 1
        tail = None
    else:
        made = read_tail(r, made)
    r.levels += 1
    if r.flags & CHARLISTS_STR or r.frozen:
        made = finish_list(r, made)
    return give(made)


cdef object read_tail(Reader* r, list items):
    """The tail of a list that does not end here: more of it, or what makes it improper.

    Gives the list of all items, or whatever else it is.
    """
    cdef long long owed = r.owed
    cdef Py_ssize_t size, i
    while r.cur < r.end and r.cur[0] == 108:
        take(r, 1)
        size = <Py_ssize_t>get32(take(r, 4))
        promise(r, <uint64_t>size + 1)
        for i in range(size):
            r.owed = owed + (size - i)
            items.append(own(read_term(r)))
        r.owed = owed
    tail = own(read_term(r))
    if type(tail) is list or type(tail) is FrozenList:
        items.extend(tail)
    elif type(tail) is Charlist:
        items.extend(map(ord, tail))
    elif not items:
        return tail
    elif r.frozen:
        improper = ImproperList(tuple(items), tail)
        hash(improper)
        return improper
    else:
        return own(new_improper(<PyObject*>items, <PyObject*>tail))
    return items


cdef PyObject* new_improper(PyObject* items, PyObject* tail) except NULL:
    cdef PyObject* made = new_instance(IMPROPER)
    incref(items)
    put_slot(made, IMPROPER_ITEMS, items)
    incref(tail)
    put_slot(made, IMPROPER_TAIL, tail)
    incref(<PyObject*>None)
    put_slot(made, IMPROPER_HASH, <PyObject*>None)
    return made


cdef object finish_list(Reader* r, object items):
    """Give a proper list the type that the options, or its place in a key, ask for."""
    if type(items) is not list:
        return items
    if r.flags & CHARLISTS_STR and items:
        for item in items:
            if type(item) is not int or not _readers._is_code_point(item):
                break
        else:
            return Charlist("".join(map(chr, items)))
    return FrozenList(items) if r.frozen else items
