# Sizes of the protocol and of our buffers, and which operations have a message.

cdef enum:
    LENGTH = 4
    FRAGMENT_HEAD = 18         # 131, 69 or 70, sequence, count or number
    KEPT_BUFFER = 65536        # bytes of the buffer that stay between packets
    HEAD = 128                 # room for what precedes the terms of a frame
    SCRATCH = 1280             # on the stack, for frames that are not longer

cdef Py_ssize_t FRAGMENT = FRAGMENT_SIZE

cdef bint HAS_PAYLOAD[256]
for _op in range(256):
    HAS_PAYLOAD[_op] = _op in WITH_PAYLOAD


cdef inline bint has_payload(control) except -1:
    op = (<tuple>control)[0]
    return HAS_PAYLOAD[<int>op] if 0 <= op <= 255 else False
