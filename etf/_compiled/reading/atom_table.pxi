# Atoms by their UTF-8 bytes: open addressing, never more than half full. Only atoms
# that are in atom_table, so that an atom is one object here and there. One that would
# be MAX_PROBES away from its place is left out; it is found in atom_table.

cdef struct AtomSlot:
    uint64_t hash
    PyObject* atom
    unsigned char* name
    uint32_t size
    uint32_t special           # true, false, nil, undefined: see value_of

cdef AtomSlot* atoms = NULL
cdef size_t atom_mask = 0
cdef size_t atom_count = 0
cdef uint64_t SECRET = int.from_bytes(_os.urandom(8), "little")
cdef uint64_t FACTOR = int.from_bytes(_os.urandom(8), "little") | 0x8000000000000001


cdef inline PyObject* find_atom(
    const unsigned char* name, size_t size, uint64_t hash, AtomSlot** where
) noexcept:
    cdef size_t index = hash & atom_mask
    cdef AtomSlot* here
    cdef int probes
    for probes in range(MAX_PROBES):
        here = &atoms[index]
        if here.atom == NULL:
            break
        if here.hash == hash and here.size == size and same(here.name, name, size):
            where[0] = here
            return here.atom
        index = (index + 1) & atom_mask
    return NULL


cdef int place_atom(AtomSlot* table, size_t mask, AtomSlot entry) noexcept:
    cdef size_t index = entry.hash & mask
    cdef int probes
    for probes in range(MAX_PROBES):
        if table[index].atom == NULL:
            table[index] = entry
            return 1
        index = (index + 1) & mask
    return 0


cdef int grow_atoms() except -1:
    global atoms, atom_mask, atom_count
    cdef size_t size = 1024 if atoms == NULL else 2 * (atom_mask + 1)
    cdef size_t i, kept = 0
    cdef AtomSlot* table = <AtomSlot*>calloc(size, sizeof(AtomSlot))
    if table == NULL:
        raise MemoryError
    if atoms != NULL:
        for i in range(atom_mask + 1):
            if atoms[i].atom == NULL:
                continue
            if place_atom(table, size - 1, atoms[i]):
                kept += 1
            else:
                free(atoms[i].name)
                decref(atoms[i].atom)
        free(atoms)
    atoms = table
    atom_mask = size - 1
    atom_count = kept
    return 0


cdef int keep_atom(
    object atom, const unsigned char* name, size_t size, uint64_t hash
) except -1:
    global atom_count
    cdef AtomSlot entry
    cdef AtomSlot* where
    if find_atom(name, size, hash, &where) != NULL:
        return 0
    if 2 * (atom_count + 1) > atom_mask + 1:
        grow_atoms()
    entry.name = <unsigned char*>malloc(size + 1)
    if entry.name == NULL:
        raise MemoryError
    memcpy(entry.name, name, size)
    entry.size = <uint32_t>size
    entry.hash = hash
    entry.atom = <PyObject*>atom
    entry.special = special_of(entry.atom)
    if place_atom(atoms, atom_mask, entry):
        incref(entry.atom)
        atom_count += 1
    else:
        free(entry.name)
    return 0


cdef inline uint32_t special_of(PyObject* atom) noexcept:
    if atom == <PyObject*>ATOM_TRUE:
        return 1
    if atom == <PyObject*>ATOM_FALSE:
        return 2
    if atom == <PyObject*>ATOM_NIL:
        return 3
    if atom == <PyObject*>ATOM_UNDEFINED:
        return 4
    return 0


cdef inline PyObject* value_of(Reader* r, PyObject* atom, uint32_t special) noexcept:
    """What an atom is as a value; both references are owned by somebody else."""
    if special == 0:
        return atom
    if special == 1:
        return PY_TRUE
    if special == 2:
        return PY_FALSE
    if special == 3:
        return atom if r.flags & NIL_ATOM else <PyObject*>None
    return <PyObject*>None if r.flags & UNDEFINED_NONE else atom


grow_atoms()
