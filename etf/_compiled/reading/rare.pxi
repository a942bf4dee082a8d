# What a message seldom holds, and the old forms.

cdef object read_rare(Reader* r, int tag):
    """What a message seldom holds, and what is no term."""
    cdef const unsigned char* p
    cdef Py_ssize_t size
    if tag == 105:
        return own(read_large_tuple(r))
    if tag == 111:
        size = <Py_ssize_t>get32(take(r, 4))
        return own(read_big(r, size))
    if tag == 118 or tag == 100 or tag == 115:
        size = take(r, 1)[0]
        return as_value(r, own(read_rare_atom(r, tag, size)))
    if tag == 77:
        p = take(r, 5)
        return read_bits(r, <Py_ssize_t>get32(p), p[4])
    if tag == 89 or tag == 120 or tag == 102:
        return read_port(r, tag)
    if tag == 112:
        return read_fun(r)
    if tag == 113:
        module = own(read_atom(r))
        function = own(read_atom(r))
        return Export(module, function, read_integer(r))
    if tag == 103:
        atom = own(read_atom(r))
        p = take(r, 9)
        return Pid(atom, get32(p), get32(p + 4), old_creation(p[8]))
    if tag == 101 or tag == 114:
        return read_old_reference(r, tag)
    if tag == 99:
        return read_old_float(r)
    refuse("unknown tag")


cdef PyObject* read_large_tuple(Reader* r) except NULL:
    """Two levels: there are more frames on the way here than to other tuples."""
    cdef Py_ssize_t size = <Py_ssize_t>get32(take(r, 4))
    cdef PyObject* made
    if <size_t>size > MAX_TUPLE:
        refuse("a tuple that cannot exist")
    descend(r, 1)
    made = read_tuple(r, size)
    r.levels += 1
    return made


cdef object read_bits(Reader* r, Py_ssize_t size, int bits):
    cdef const unsigned char* p = take(r, size)
    if bits > 8 or (bits == 0) != (size == 0):
        refuse("a bit string with a wrong number of bits")
    if bits & 7:
        return BitBinary(p[:size], bits)
    return own(read_text(p, size)) if r.flags & STRINGS_STR else p[:size]


cdef int old_creation(int creation) except -1:
    if creation > 3:
        refuse("a creation that the old form cannot have")
    return creation


cdef object read_port(Reader* r, int tag):
    cdef const unsigned char* p
    node = own(read_atom(r))
    if tag == 120:
        p = take(r, 12)
        return Port(node, get64(p), get32(p + 8))
    if tag == 89:
        p = take(r, 8)
        return Port(node, get32(p), get32(p + 4))
    p = take(r, 5)
    return Port(node, get32(p), old_creation(p[4]))


cdef object read_old_reference(Reader* r, int tag):
    cdef const unsigned char* p
    cdef Py_ssize_t count = 1, i
    cdef int creation
    if tag == 114:
        count = get16(take(r, 2))
        if count > MAX_WORDS:
            refuse("a reference of too many words")
    node = own(read_atom(r))
    if tag == 114:
        creation = take(r, 1)[0]
        p = take(r, 4 * count)
    else:
        p = take(r, 5)
        creation = p[4]
    words = tuple([get32(p + 4 * i) for i in range(count)])
    return Reference(node, old_creation(creation), words)


cdef object read_old_float(Reader* r):
    cdef const unsigned char* p = take(r, 31)
    text = p[:31].partition(b"\0")[0]
    if not _readers._FLOAT_TEXT.fullmatch(text):
        refuse("not the text of a float")
    value = float(text)
    if is_infinite(bits_of(value)):
        refuse("a float that is not finite")
    return value


cdef object read_integer(Reader* r):
    """A term that has to be an integer of moderate size."""
    cdef unsigned char tag = take(r, 1)[0]
    if tag != 97 and tag != 98 and tag != 110:
        refuse("not an integer")
    r.cur -= 1
    return own(read_term(r))


# size:32 | arity:8 | uniq:16/binary | index:32 | free:32 | module | old index |
# old uniq | pid | free variables. The size counts itself, not the tag.
cdef object read_fun(Reader* r):
    cdef const unsigned char* p = take(r, 29)
    cdef long long owed = r.owed
    cdef uint32_t count = get32(p + 25)
    cdef unsigned char tag
    cdef uint32_t i
    descend(r, 2)
    promise(r, count)
    if count > 255:
        refuse("a fun with too many captured variables")
    module = own(read_atom(r))
    old_index = read_integer(r)
    old_uniq = read_integer(r)
    tag = take(r, 1)[0]
    if tag == 88:
        pid = own(read_pid(r))
    elif tag == 103:
        pid = read_rare(r, tag)
    else:
        refuse("not a pid")
    promise(r, count)
    free_variables = []
    for i in range(count):
        r.owed = owed + count - i - 1
        free_variables.append(own(read_term(r)))
    r.owed = owed
    r.levels += 2
    fun = Fun(
        module, p[4], p[5:21], get32(p + 21), old_index, old_uniq, pid,
        tuple(free_variables),
    )
    if r.frozen:
        hash(fun)
    return fun
