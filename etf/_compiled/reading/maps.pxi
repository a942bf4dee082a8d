# Maps. Short binaries that are keys are kept, each where its hash says; a new one
# replaces what is there.

cdef PyObject* key_cache[1024]


cdef PyObject* read_key(Reader* r) except NULL:
    """A key of a map; short binaries are kept."""
    cdef const unsigned char* p = r.cur
    cdef Py_ssize_t size
    cdef PyObject* key
    cdef PyObject* old
    cdef PyObject** here
    if r.end - p >= 5 and p[0] == 109 and not r.flags & STRINGS_STR:
        size = <Py_ssize_t>get32(p + 1)
        if size <= KEY_SIZE and r.end - p >= 5 + size:
            p = take(r, 5 + size) + 5
            here = &key_cache[hash_of(p, size, SECRET, FACTOR) >> (64 - KEY_BITS)]
            key = here[0]
            if (
                key != NULL
                and bytes_size(key) == size
                and same(bytes_data(key), p, size)
            ):
                incref(key)
                return key
            key = new_bytes(<const char*>p, size)
            old = here[0]
            incref(key)
            here[0] = key
            xdecref(old)
            return key
    r.frozen += 1
    key = read_term(r)
    r.frozen -= 1
    return key


cdef PyObject* read_map(Reader* r) except NULL:
    cdef long long owed = r.owed
    cdef long long size = get32(take(r, 4))
    cdef long long i
    cdef PyObject* known
    promise(r, 2 * size)
    if r.frozen:
        descend(r, 2)
        made = read_pairs(r, [], size, owed)
        r.levels += 2
        if r.flags & REVIVE_MAPS:
            made = (<object>r.reviver).of_map(made, True)
        return give(made)
    descend(r, 1)
    made = own(new_dict(size))
    for i in range(size):
        r.owed = owed + 2 * (size - i) - 1
        key = own(read_key(r))
        r.owed = owed + 2 * (size - i) - 2
        value = own(read_item(r))
        known = set_default(<PyObject*>made, <PyObject*>key, <PyObject*>value)
        if known == NULL or dict_size(<PyObject*>made) != i + 1:
            made = read_rest(r, made, key, value, size - i - 1, owed)
            break
    r.owed = owed
    r.levels += 1
    if r.flags & REVIVE_MAPS:
        made = (<object>r.reviver).of_map(made, False)
    return give(made)


cdef object read_rest(
    Reader* r, dict made, object key, object value, long long left, long long owed
):
    """Go on with a map that is no ``dict``: Python takes two of its keys for one.

    Or it cannot compare them: keys that are nested too deep, or a binary with an atom
    under ``python -bb``.
    """
    if PyErr_Occurred():
        if not (
            PyErr_ExceptionMatches(RecursionError)
            or PyErr_ExceptionMatches(BytesWarning)
        ):
            raise_pending()
        PyErr_Clear()
    pairs = list(made.items())
    pairs.append((key, value))
    return read_pairs(r, pairs, left, owed)


cdef object read_pairs(Reader* r, list pairs, long long left, long long owed):
    """The rest of a map that becomes a ``TermMap``."""
    cdef long long i
    for i in range(left):
        r.owed = owed + 2 * (left - i) - 1
        key = own(read_key(r))
        r.owed = owed + 2 * (left - i) - 2
        pairs.append((key, own(read_term(r))))
    r.owed = owed
    exact = TermMap(pairs)
    if r.frozen:
        hash(exact)
    return exact
