# Packets: how long the next one is, and where an incomplete one waits for its rest.

cdef struct Partial:
    unsigned char* data        # the packet, from its length on
    Py_ssize_t held
    Py_ssize_t room


cdef inline Py_ssize_t announced(
    const unsigned char* p, uint64_t max_packet
) except -1:
    cdef uint32_t size = get32(p)
    if size > max_packet:
        raise RemoteProtocolError(
            f"a packet of {size} bytes is announced, more than {max_packet}"
        )
    return size


cdef int keep(Partial* partial, const unsigned char* p, Py_ssize_t size) except -1:
    cdef Py_ssize_t need = partial.held + size
    cdef unsigned char* grown
    if need > partial.room:
        need += min(need, 16 << 20)
        grown = <unsigned char*>realloc(partial.data, need)
        if grown == NULL:
            raise MemoryError
        partial.data = grown
        partial.room = need
    memcpy(partial.data + partial.held, p, size)
    partial.held += size
    return 0


cdef void drop_partial(Partial* partial) noexcept:
    """Give back the memory, and what is in it."""
    free(partial.data)
    partial.data = NULL
    partial.held = partial.room = 0
