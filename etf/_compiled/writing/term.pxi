# Any term, by its class: what is frequent here, the rest in the files of each kind.

cdef int write_term(Writer* w, PyObject* term) except -1:
    """Write any term. The caller holds a reference to it."""
    cdef PyObject* kind = type_of(term)
    if kind == TUPLE:
        return put_tuple(w, term)
    if kind == LIST:
        return put_list(w, term)
    if kind == DICT:
        return put_dict(w, term)
    if put_plain(w, term, kind):
        return 0
    if kind == PID:
        return put_pid(w, term)
    if kind == REFERENCE:
        return put_reference(w, term)
    if term == <PyObject*>None:
        if w.undefined:
            return put_name(w, b"undefined", <PyObject*>ATOM_UNDEFINED)
        return put_name(w, b"nil", <PyObject*>ATOM_NIL)
    if term == PY_TRUE:
        return put_name(w, b"true", <PyObject*>ATOM_TRUE)
    if term == PY_FALSE:
        return put_name(w, b"false", <PyObject*>ATOM_FALSE)
    if kind == IMPROPER:
        return put_improper(w, term)
    return put_other(w, <object>term)


# By its address, or the C compiler may make it a part of ``write_term``, which recurs
# and would have its large frame.
cdef int (*put_other)(Writer*, object) except -1
put_other = put_rare


cdef inline bint put_plain(Writer* w, PyObject* term, PyObject* kind) except -1:
    """Write what runs no code but ours and has no parts; tell if it was that."""
    if kind == INT:
        put_int(w, term)
    elif kind == ATOM:
        put_atom(w, term)
    elif kind == BYTES:
        put_sized(w, 109, <unsigned char*>bytes_data(term), bytes_size(term))
    elif kind == STR:
        put_text(w, term)
    elif kind == FLOAT:
        put_float(w, float_value(term))
    else:
        return False
    return True


cdef int write_whole(Writer* w, PyObject* term) except -1:
    """Write a term that is not part of another.

    Subclasses and converters may change the containers around them, which are sent as
    they were before: those are copied, but only once such a value was met.
    """
    cdef Py_ssize_t start = w.pos
    cdef int levels = w.levels
    if (<silent_write>write_term)(w, term) == 0:
        return 0
    refusal = pending_refusal()
    if type(refusal) is not _Foreign:
        raise refusal
    w.pos = start
    w.levels = levels
    w.careful = True
    return write_term(w, term)


cdef inline int put_item(Writer* w, PyObject* term) except -1:
    """``write_term`` for a part of something that may change while it is written.

    What runs no code but ours is written at once, the rest is held.
    """
    return 0 if put_plain(w, term, type_of(term)) else put_held(w, term)


cdef int put_held(Writer* w, PyObject* term) except -1:
    held = <object>term
    return write_term(w, <PyObject*>held)
