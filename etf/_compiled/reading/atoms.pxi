# Atoms, by name or by a reference to the header of a link, as atoms and as values.

cdef PyObject* read_name(
    Reader* r, const unsigned char* name, Py_ssize_t size
) except NULL:
    """The atom with this UTF-8 name, as an owned reference to an ``Atom``."""
    cdef AtomSlot* where
    cdef uint64_t hash = hash_of(name, size, SECRET, FACTOR)
    cdef PyObject* atom = find_atom(name, size, hash, &where)
    if atom == NULL:
        return new_name(r, name, size, hash)
    incref(atom)
    return atom


cdef inline PyObject* read_value(
    Reader* r, const unsigned char* name, Py_ssize_t size
) except NULL:
    """The same as a value: ``true`` is ``True``."""
    cdef AtomSlot* where
    cdef uint64_t hash = hash_of(name, size, SECRET, FACTOR)
    cdef PyObject* atom = find_atom(name, size, hash, &where)
    if atom == NULL:
        return give(as_value(r, own(new_name(r, name, size, hash))))
    if where.special:
        atom = value_of(r, atom, where.special)
    incref(atom)
    return atom


cdef object as_value(Reader* r, atom):
    return <object>value_of(r, <PyObject*>atom, special_of(<PyObject*>atom))


cdef PyObject* new_name(
    Reader* r, const unsigned char* name, Py_ssize_t size, uint64_t hash
) except NULL:
    if size > MAX_NAME:
        refuse("an atom that is too long")
    atom = named(r, text_of(<const char*>name, size, NULL))
    if atom_table.get(atom) is atom:
        keep_atom(atom, name, size, hash)
    incref(<PyObject*>atom)
    return <PyObject*>atom


cdef object named(Reader* r, str name):
    """The atom with this name; a ``ValueError`` if there can be none."""
    atom = atom_table.get(name)
    return atom if atom is not None else new_atom(name, r.max_atoms)


cdef PyObject* read_atom(Reader* r) except NULL:
    """A term that has to be an atom, as an owned reference to an ``Atom``."""
    cdef const unsigned char* p = take(r, 2)
    cdef Py_ssize_t size
    cdef PyObject* atom
    if p[0] == 119:
        size = p[1]
        return read_name(r, take(r, size), size)
    if p[0] == 82:
        if p[1] >= r.ref_count:
            refuse("no such atom in the header")
        atom = r.refs[p[1]]
        incref(atom)
        return atom
    return read_rare_atom(r, p[0], p[1])


cdef PyObject* read_rare_atom(Reader* r, int tag, Py_ssize_t size) except NULL:
    """The forms with a long or a Latin-1 name; *size* is the first byte of theirs."""
    cdef const unsigned char* p
    if tag == 118 or tag == 100:
        size = size << 8 | take(r, 1)[0]
    elif tag != 115:
        refuse("not an atom")
    p = take(r, size)
    if tag == 118:
        return read_name(r, p, size)
    atom = named(r, latin_of(<const char*>p, size, NULL))
    incref(<PyObject*>atom)
    return <PyObject*>atom
