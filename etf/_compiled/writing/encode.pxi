# The way out: a stand-alone term; what to do after a refusal.

_ENCODE = EncodeOptions()


def encode(term, options=_ENCODE):
    """Write a stand-alone term; see ``etf._encode.encode``."""
    cdef Writer w
    cdef unsigned char scratch[1024]
    open_writer(&w, scratch, sizeof(scratch), options)
    scratch[0] = 131
    w.pos = 1
    if (<silent_write>write_whole)(&w, <PyObject*>term) < 0:
        refusal = stop_writer(&w)
        return encode_again(refusal, _pure_encode.encode, (term, options))
    whole = close_writer(&w)
    if options is not _ENCODE and options.compressed is not False:
        return _pure_encode._compress(whole, options.compressed)
    return whole


cdef object stop_writer(Writer* w):
    """Forget what was written, and give the refusal that is pending."""
    drop_writer(w)
    return pending_refusal()


cdef object encode_again(refusal, pure, tuple arguments):
    """Let the reference say what is wrong, and where."""
    result = pure(*arguments)
    if type(refusal) is _Unable or type(arguments[0]) is LocalTerm:
        return result
    raise EncodeError(f"only the compiled codec refuses this: {refusal}")
