# What a message seldom holds, subclasses, and what needs a conversion.

cdef object _FORMS = _pure_encode._FORMS
_WITH_ATOMS = frozenset({Atom, Pid, Reference, bool, type(None)})


cdef int put_rare(Writer* w, object term) except -1:
    """What a message seldom holds, subclasses, and what needs a conversion."""
    if type(term) is bytearray or type(term) is memoryview:
        if put_buffer(w, term):
            return 0
    form = type(term)
    if form not in _FORMS:
        converted = convert_rare(w, form, term)
        form = _pure_encode.form_of(converted)
        if converted is not term and (form in _WITH_ATOMS or type(converted) is form):
            # Its frames are counted as if it were in another container.
            dive(w, 1)
            write_term(w, <PyObject*>converted)
            w.levels += 1
            return 0
        term = converted
    leaf = _pure_encode.LEAVES["undefined" if w.undefined else "nil"].get(form)
    if leaf is not None:
        return put_leaf(w, leaf, _pure_encode._BASE_VALUE.get(form, _itself)(term))
    dive(w, 1)
    put_container(w, form, term)
    w.levels += 1
    return 0


cdef object convert_rare(Writer* w, kind, term):
    """Give what stands for a value of a class that is none of ours."""
    shape = shape_of(kind)
    if shape is not None and shape.quiet:
        return shape.dump(term)
    if not w.careful:
        raise _Foreign
    return _pure_encode.convert(term, <object>w.options)


cdef int put_container(Writer* w, form, term) except -1:
    if form is Fun:
        return put_fun(w, term)
    if form is tuple:
        term = tuple(term)
        return put_tuple(w, <PyObject*>term)
    if form is Charlist:
        term = list(map(ord, term))
        return put_list(w, <PyObject*>term)
    if form is list or form is FrozenList:
        term = list(term)
        return put_list(w, <PyObject*>term)
    if type(term) is form and form is not TermMap:
        return write_term(w, <PyObject*>term)
    return put_pairs(w, list(term._pairs if form is TermMap else term.items()))


def _itself(item):
    return item


cdef int put_leaf(Writer* w, leaf, term) except -1:
    buffer = bytearray()
    leaf(buffer, term)
    return write_bytes(w, buffer, len(buffer))


cdef int put_fun(Writer* w, term) except -1:
    cdef Py_ssize_t start = w.pos
    head = bytearray()
    dive(w, 1)
    open_fun(head, term)
    write_bytes(w, head, len(head))
    for item in term.free:
        write_term(w, <PyObject*>item)
    w.levels += 1
    if <uint64_t>(w.pos - start - 1) > U32_MAX:
        refuse("a fun that is too long")
    put32(w.buf + start + 1, <uint32_t>(w.pos - start - 1))
    return 0
