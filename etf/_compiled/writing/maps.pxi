# Maps, and whether two of their keys are the same term.

cdef inline bint is_plain(PyObject* term) noexcept:
    """Tell if writing this runs nobody's code."""
    cdef PyObject* kind = type_of(term)
    return kind == BYTES or kind == STR or kind == ATOM or kind == INT


cdef int put_dict(Writer* w, PyObject* term) except -1:
    """A dict. Keys of one plain type are as different in Erlang as in Python.

    Others may be the same term, as ``"a"`` and ``b"a"`` are. Where such keys are found,
    the map is written again with a check, and from then on every map is looked at
    beforehand: nothing is written again inside of what is written again.
    """
    cdef Py_ssize_t size = dict_size(term), at = 0, start = w.pos
    cdef PyObject* key
    cdef PyObject* value
    cdef PyObject* kind = NULL
    cdef bint checked = w.wary
    if w.careful or (w.wary and may_repeat(list(<object>term))):
        return put_pairs(w, list((<object>term).items()))
    dive(w, 1)
    put_head(w, 116, size)
    while next_pair(term, &at, &key, &value):
        if is_plain(key) and (type_of(key) == kind or kind == NULL or checked):
            kind = type_of(key)
            put_item(w, key)
            put_item(w, value)
        else:
            if not checked and size != 1:
                if may_repeat(list(<object>term)):
                    w.wary = True
                    w.pos = start
                    w.levels += 1
                    return put_pairs(w, list((<object>term).items()))
                checked = True
            held = <object>value
            put_held(w, key)
            write_term(w, <PyObject*>held)
        if dict_size(term) != size:
            raise _Unable("a dict that changes while it is written")
    w.levels += 1
    return 0


cdef int put_pairs(Writer* w, list pairs) except -1:
    """A map with keys that may be the same term."""
    cdef Py_ssize_t start = w.pos
    cdef list marks = [] if may_repeat([k for k, _ in pairs]) else None
    dive(w, 2)
    put_head(w, 116, len(pairs))
    for key, value in pairs:
        if marks is not None:
            marks.append(w.pos - start)
        write_term(w, <PyObject*>key)
        if marks is not None:
            marks.append(w.pos - start)
        write_term(w, <PyObject*>value)
    w.levels += 2
    if marks is not None:
        refuse_duplicates(w.buf[start : w.pos], marks, referred(w))
    return 0
