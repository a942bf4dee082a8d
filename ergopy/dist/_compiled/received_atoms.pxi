# The atoms that the peer has sent on a link, by their slots, and those of one header.

cdef struct ReceivedAtoms:
    PyObject* slots[ATOM_SLOTS]        # owned; NULL: never filled
    PyObject* refs[MAX_REFERENCES]     # those of the current header, owned
    int count                          # of them


# N:8 | flags: (N div 2 + 1) bytes, if N > 0 | N references; see atom_cache.
cdef int read_references(ReceivedAtoms* atoms, Reader* r) except -1:
    """Read a header, and let the reader use what it refers to."""
    cdef const unsigned char* flags
    cdef int count, k, half, width
    cdef Py_ssize_t slot, size
    cdef PyObject* atom
    drop_references(atoms)
    count = step(r, 1)[0]
    if count == 0:
        return 0
    flags = step(r, count // 2 + 1)
    width = 2 if half_byte(flags, count) & 1 else 1
    for k in range(count):
        half = half_byte(flags, k)
        slot = (half & 7) << 8 | step(r, 1)[0]
        if half & 8:
            size = step(r, 1)[0]
            if width == 2:
                size = size << 8 | step(r, 1)[0]
            fill(atoms, r, slot, step(r, size), size)
        atom = atoms.slots[slot]
        if atom == NULL:
            raise RemoteProtocolError(f"atom cache slot {slot} was never filled")
        incref(atom)
        atoms.refs[k] = atom
        atoms.count = k + 1
    r.refs = atoms.refs
    r.ref_count = count
    return 0


cdef tuple all_references(ReceivedAtoms* atoms):
    return tuple([<object>atoms.refs[i] for i in range(atoms.count)])


cdef const unsigned char* step(Reader* r, Py_ssize_t size) except NULL:
    """Step over a part of the header, if it is there."""
    cdef const unsigned char* here = r.cur
    if r.end - here < size:
        raise RemoteProtocolError("the distribution header is cut short")
    r.cur = here + size
    return here


cdef inline int half_byte(const unsigned char* flags, int k) noexcept:
    return flags[k >> 1] >> 4 if k & 1 else flags[k >> 1] & 15


cdef int fill(
    ReceivedAtoms* atoms,
    Reader* r,
    Py_ssize_t slot,
    const unsigned char* name,
    Py_ssize_t size,
) except -1:
    cdef PyObject* old
    cdef PyObject* atom = NULL
    try:
        atom = read_name(r, name, size)
    except ValueError:
        refuse_name(name[:size])
    old = atoms.slots[slot]
    atoms.slots[slot] = atom
    xdecref(old)
    return 0


cdef int refuse_name(bytes name) except -1:
    try:
        etf.Atom(name.decode())
    except ValueError as exc:
        raise RemoteProtocolError(f"bad atom in a cache header: {exc}") from exc
    raise RemoteProtocolError("bad atom in a cache header")


cdef void drop_references(ReceivedAtoms* atoms) noexcept:
    cdef int i, count = atoms.count
    atoms.count = 0
    for i in range(count):
        decref(atoms.refs[i])


cdef void drop_received(ReceivedAtoms* atoms) noexcept:
    cdef int i
    drop_references(atoms)
    for i in range(ATOM_SLOTS):
        xdecref(atoms.slots[i])
