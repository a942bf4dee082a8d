# Pids and references. They come again and again, so each is kept where its hash says;
# a new one replaces what is there. The fields are in the slots, so that looking touches
# no object.

cdef struct PidSlot:
    PyObject* node
    uint32_t id
    uint32_t serial
    uint32_t creation
    PyObject* pid

cdef struct ReferenceSlot:
    PyObject* node
    uint32_t creation
    uint32_t count
    uint32_t words[5]
    PyObject* reference

cdef PidSlot pid_cache[2048]
cdef ReferenceSlot reference_cache[2048]


cdef PyObject* read_pid(Reader* r) except NULL:
    cdef PyObject* node = read_atom(r)
    cdef const unsigned char* p
    cdef uint32_t id, serial, creation
    cdef uint64_t where
    cdef PidSlot* here
    if r.end - r.cur < 12:
        decref(node)
        refuse("truncated")
    p = take(r, 12)
    id = get32(p)
    serial = get32(p + 4)
    creation = get32(p + 8)
    where = mix(
        (<uint64_t>id << 32 | serial) ^ <uint64_t><size_t>node, FACTOR ^ creation
    )
    here = &pid_cache[where >> (64 - CACHE_BITS)]
    if (
        here.node == node
        and here.id == id
        and here.serial == serial
        and here.creation == creation
    ):
        decref(node)
        incref(here.pid)
        return here.pid
    return new_pid(node, id, serial, creation, here)


cdef PyObject* new_pid(
    PyObject* node, uint32_t id, uint32_t serial, uint32_t creation, PidSlot* here
) except NULL:
    """Make a pid, which takes over the reference to *node*, and remember it.

    The garbage collector need not look at it, as no cycle can go through it.
    """
    cdef PyObject* old
    cdef PyObject* pid
    held = own(node)
    made = own(new_instance(PID))
    pid = <PyObject*>made
    put_slot(pid, PID_ID, new_int64(id))
    put_slot(pid, PID_SERIAL, new_int64(serial))
    put_slot(pid, PID_CREATION, new_int64(creation))
    incref(node)
    put_slot(pid, PID_NODE, node)
    untrack(pid)
    old = here.pid
    here.node = node
    here.id = id
    here.serial = serial
    here.creation = creation
    here.pid = pid
    incref(pid)
    xdecref(old)
    incref(pid)
    return pid


cdef PyObject* read_reference(Reader* r) except NULL:
    cdef const unsigned char* p = take(r, 2)
    cdef uint32_t count = get16(p)
    cdef uint32_t creation, i
    cdef uint32_t words[5]
    cdef uint64_t where
    cdef PyObject* node
    cdef ReferenceSlot* here
    if count > MAX_WORDS:
        refuse("a reference of too many words")
    node = read_atom(r)
    if r.end - r.cur < 4 + 4 * <Py_ssize_t>count:
        decref(node)
        refuse("truncated")
    p = take(r, 4 + 4 * count)
    creation = get32(p)
    where = <uint64_t><size_t>node ^ (<uint64_t>creation << 32)
    for i in range(count):
        words[i] = get32(p + 4 + 4 * i)
        where = mix(where ^ words[i], FACTOR)
    here = &reference_cache[where >> (64 - CACHE_BITS)]
    if (
        here.node == node
        and here.creation == creation
        and here.count == count
        and same(here.words, words, 4 * count)
    ):
        decref(node)
        incref(here.reference)
        return here.reference
    return new_reference(node, creation, count, words, here)


cdef PyObject* new_reference(
    PyObject* node,
    uint32_t creation,
    uint32_t count,
    uint32_t* words,
    ReferenceSlot* here,
) except NULL:
    """Make a reference, which takes over that to *node*, and remember it."""
    cdef PyObject* old
    cdef PyObject* reference
    cdef uint32_t i
    held = own(node)
    tuple_ = own(new_tuple(count))
    for i in range(count):
        tuple_items(<PyObject*>tuple_)[i] = new_int64(words[i])
    made = own(new_instance(REFERENCE))
    reference = <PyObject*>made
    put_slot(reference, REF_CREATION, new_int64(creation))
    incref(<PyObject*>tuple_)
    put_slot(reference, REF_WORDS, <PyObject*>tuple_)
    incref(node)
    put_slot(reference, REF_NODE, node)
    if count:
        untrack(<PyObject*>tuple_)
    untrack(reference)
    old = here.reference
    here.node = node
    here.creation = creation
    here.count = count
    memcpy(here.words, words, 4 * count)
    here.reference = reference
    incref(reference)
    xdecref(old)
    incref(reference)
    return reference
