# The ways in: a stand-alone term from bytes or other memory; a term again, in Python.

_DECODE = DecodeOptions()


cdef inline PyObject* read_paused(Reader* r) noexcept:
    """Read a term, without looking for garbage in the middle of a large one.

    Reading makes none, and a search for every few hundred new objects takes as long as
    making them.
    """
    cdef PyObject* term
    cdef int was
    if r.end - r.cur < PAUSE_SIZE:
        return (<silent_read>read_term)(r)
    was = pause_gc()
    term = (<silent_read>read_term)(r)
    resume_gc(was)
    return term


def decode(data, options=_DECODE):
    """Read one stand-alone term; see ``etf._decode.decode``."""
    cdef Reader r
    cdef PyObject* term
    if type(data) is not bytes:
        return _decode_buffer(data, options, True)
    open_reader(&r, options)
    if not open_bytes(
        &r, <unsigned char*>bytes_data(<PyObject*>data), bytes_size(<PyObject*>data)
    ):
        return _pure_decode.decode(data, options)
    term = read_paused(&r)
    if term == NULL:
        return decode_again(pending_refusal(), True, data, options)
    made = own(term)
    if r.cur == r.end:
        return made
    return decode_again(_Refused("bytes follow the term"), True, data, options)


def decode_prefix(data, options=_DECODE):
    """Read a stand-alone term and say how long it is; see ``etf._decode``."""
    if type(data) is not bytes:
        return _decode_buffer(data, options, False)
    cdef Reader r
    open_reader(&r, options)
    if not open_bytes(
        &r, <unsigned char*>bytes_data(<PyObject*>data), bytes_size(<PyObject*>data)
    ):
        return _pure_decode.decode_prefix(data, options)
    cdef PyObject* term = read_paused(&r)
    if term == NULL:
        return decode_again(pending_refusal(), False, data, options)
    return own(term), r.cur - r.begin


cdef bint open_bytes(
    Reader* r, const unsigned char* begin, Py_ssize_t size
) noexcept:
    """Put the cursor behind the version byte; ``False`` if the rest is not for us.

    That is what no term follows, is too long, compressed or local.
    """
    if size < 2 or begin[0] != 131 or begin[1] == 80 or begin[1] == 121:
        return False
    if size > r.max_size:
        return False
    r.begin = begin
    r.cur = begin + 1
    r.end = begin + size
    return True


cdef object _decode_buffer(data, options, bint whole):
    """The same for what is not ``bytes``; nobody can resize it meanwhile."""
    cdef Reader r
    cdef Py_buffer view
    cdef PyObject* term = NULL
    pure = _pure_decode.decode if whole else _pure_decode.decode_prefix
    if not isinstance(data, (bytes, bytearray, memoryview)):
        return pure(data, options)
    try:
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    except (BufferError, ValueError):
        return pure(data, options)
    try:
        open_reader(&r, options)
        if not open_bytes(&r, <unsigned char*>view.buf, view.len):
            return pure(data, options)
        term = read_paused(&r)
        if term == NULL:
            return decode_again(pending_refusal(), whole, data, options)
        made = own(term)
        if not whole:
            return made, r.cur - r.begin
        if r.cur == r.end:
            return made
        return decode_again(_Refused("bytes follow the term"), True, data, options)
    finally:
        PyBuffer_Release(&view)


cdef object decode_again(refusal, bint whole, data, options):
    """Let the reference say what is wrong."""
    pure = _pure_decode.decode if whole else _pure_decode.decode_prefix
    result = pure(data, options)
    if type(refusal) is _Unable:
        return result
    raise DecodeError(f"only the compiled codec refuses this: {refusal}", 0)


cdef object read_again(
    refusal, Reader* r, const unsigned char* start, object options
):
    """Let the reference read the term that ``read_term`` refused.

    It raises the ``DecodeError``, or reads what is too deep here.
    """
    cdef const unsigned char* begin = r.begin
    cdef const unsigned char* end = r.end
    cdef PyObject** refs = r.refs
    cdef Py_ssize_t ref_count = r.ref_count
    atoms = tuple([<object>refs[i] for i in range(ref_count)])
    term, used = _pure_decode.decode_term(
        begin[: end - begin], start - begin, options, atoms
    )
    if type(refusal) is not _Unable:
        raise DecodeError(
            f"only the compiled codec refuses this: {refusal}", start - begin
        )
    open_reader(r, options)
    r.begin = begin
    r.cur = begin + <Py_ssize_t>used
    r.end = end
    r.refs = refs
    r.ref_count = ref_count
    return term
