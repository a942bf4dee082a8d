# The cursor over the input: options, bounds, levels; the rest of the reader moves it.

cdef object _reader_options = None
cdef Reader _reader_proto


cdef int open_reader(Reader* r, object options) except -1:
    """Set what the options say; the caller sets where the bytes are."""
    global _reader_options, _reader_proto
    cdef Reader made
    if options is not _reader_options:
        limits = options.limits
        made.begin = made.cur = made.end = NULL
        made.refs = NULL
        made.ref_count = 0
        made.owed = 0
        made.frozen = 0
        made.max_size = limits.max_size
        made.max_big = limits.max_big_bytes
        made.max_atoms = limits.max_atoms
        made.levels = min(<int>limits.max_depth, MAX_RECURSION)
        made.flags = (
            (STRINGS_STR if options.strings == "str" else 0)
            | (CHARLISTS_STR if options.charlists == "str" else 0)
            | (NIL_ATOM if options.nil == "atom" else 0)
            | (UNDEFINED_NONE if options.undefined == "none" else 0)
        )
        made.reviver = NULL
        if options.reviver is not None:
            made.reviver = <PyObject*>options.reviver
            made.flags |= REVIVE_MAPS
            if options.reviver.has_records:
                made.flags |= REVIVE_TUPLES
        if type(options) is not DecodeOptions:
            r[0] = made
            return 0
        _reader_options = options
        _reader_proto = made
    r[0] = _reader_proto
    return 0


cdef const unsigned char* truncated() except NULL:
    refuse("truncated")


ctypedef const unsigned char* (*silent_end)() noexcept


cdef inline const unsigned char* take(Reader* r, Py_ssize_t size) except NULL:
    """Step over *size* bytes, if they are there; the only way to get at the input.

    It stands in so many places that it has to be short, or the C compiler calls it.
    """
    cdef const unsigned char* here = r.cur
    if <size_t>(r.end - here) < <size_t>size:
        return (<silent_end>truncated)()
    r.cur = here + size
    return here


cdef inline int promise(Reader* r, uint64_t count) except -1:
    """Expect so many more values, if there can be bytes for them."""
    if <int64_t>count > r.end - r.cur - r.owed:
        refuse("truncated")
    return 0


cdef inline int descend(Reader* r, int levels) except -1:
    """Open a container, whose frames are as large as those of so many tuples."""
    if r.levels < levels:
        raise _Unable("nested too deep")
    r.levels -= levels
    return 0


cdef inline PyObject* give(object made) except NULL:
    """Hand an object out as an owned reference."""
    incref(<PyObject*>made)
    return <PyObject*>made
