# Atoms, by name or as references to the header of a link.

cdef inline int put_name(Writer* w, const char* name, PyObject* atom) except -1:
    """A short constant atom."""
    cdef Py_ssize_t size = strlen(name)
    cdef unsigned char* p
    if w.atoms != NULL:
        return put_atom(w, atom)
    p = room(w, 2 + size)
    p[0] = 119
    p[1] = <unsigned char>size
    memcpy(p + 2, name, size)
    return 0


cdef inline bint put_reference_to(Writer* w, PyObject* atom) except -1:
    """Write an atom as a reference to the header of a link, if that can be."""
    cdef SentAtoms* sent = w.atoms
    cdef SentAtom* here = &sent.slots[hash_of_text(atom) & (ATOM_SLOTS - 1)]
    cdef unsigned char* p
    if here.atom != atom or here.use >> 8 != sent.message:
        if not refer(sent, here, atom):
            return False
    p = room(w, 2)
    p[0] = 82
    p[1] = <unsigned char>here.use
    return True


cdef bint refer(SentAtoms* sent, SentAtom* here, PyObject* atom) except -1:
    """Put an atom into the header, and into its slot, if both have room."""
    cdef Py_ssize_t size
    cdef int k = sent.count
    cdef uint16_t slot = <uint16_t>(here - sent.slots)
    cdef Change* change
    if here.use >> 8 == sent.message or k == MAX_REFERENCES:
        return False
    sent.refs[k] = slot
    if here.atom != atom:
        if text_size(atom) > 255:
            return False
        if is_ascii(atom):
            size = text_size(atom)
        else:
            text_utf8(atom, &size)
        change = &sent.changes[sent.change_count]
        change.slot = slot
        change.before = here.atom
        sent.change_count += 1
        incref(atom)
        here.atom = atom
        sent.refs[k] |= NEW_REFERENCE
        sent.new_count += 1
        sent.new_bytes += size
        if size > 255:
            sent.long_names = True
    here.use = sent.message << 8 | <uint64_t>k
    sent.count = k + 1
    return True


cdef inline int put_atom(Writer* w, PyObject* atom) except -1:
    """*atom* is an ``Atom``."""
    cdef unsigned char* p
    cdef Py_ssize_t size
    if w.atoms != NULL and put_reference_to(w, atom):
        return 0
    if not is_ascii(atom):
        return put_wide_atom(w, atom)
    size = text_size(atom)
    if size > 255:
        refuse("an atom that is too long")
    p = room(w, 2 + size)
    p[0] = 119
    p[1] = <unsigned char>size
    copy(p + 2, text_data(atom), size)
    return 0


cdef int put_wide_atom(Writer* w, PyObject* atom) except -1:
    cdef Py_ssize_t size
    cdef const char* name = text_utf8(atom, &size)
    cdef unsigned char* p
    if text_size(atom) > 255:
        refuse("an atom that is too long")
    p = room(w, 3 + size)
    if size > 255:
        p[0] = 118
        put16(p + 1, <uint32_t>size)
        memcpy(p + 3, name, size)
    else:
        p[0] = 119
        p[1] = <unsigned char>size
        memcpy(p + 2, name, size)
        w.pos -= 1
    return 0


cdef tuple referred(Writer* w):
    """The atoms that were written as references."""
    cdef SentAtoms* sent = w.atoms
    cdef int k
    if sent == NULL:
        return ()
    atoms = []
    for k in range(sent.count):
        atoms.append(<object>sent.slots[sent.refs[k] & (ATOM_SLOTS - 1)].atom)
    return tuple(atoms)
