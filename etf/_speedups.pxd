# What ergopy.dist._speedups needs: the two cursors and the functions that move them.

from cpython.object cimport PyObject

cdef struct Reader:
    const unsigned char* begin     # of the input that offsets count from
    const unsigned char* cur
    const unsigned char* end
    PyObject** refs                # atoms of the distribution header, for tag 82
    Py_ssize_t ref_count
    long long owed                 # values that open containers still wait for
    long long max_size
    long long max_big
    long long max_atoms
    int levels                     # containers that may still open
    int flags
    int frozen                     # above 0 inside a map key

cdef struct Writer:
    unsigned char* buf
    Py_ssize_t pos
    Py_ssize_t cap
    PyObject* owner                # the bytes object that buf is in; NULL: the caller's
    PyObject* options              # borrowed from the caller of open_writer
    int levels                     # containers that may still open
    bint careful                   # copy what foreign code may change
    bint wary                      # maps with mixed keys occur
    bint undefined                 # None is sent as undefined

cdef int open_reader(Reader* r, object options) except -1
cdef PyObject* read_term(Reader* r) except NULL
cdef PyObject* read_name(
    Reader* r, const unsigned char* name, Py_ssize_t size
) except NULL

cdef object pending_refusal()
cdef object read_again(
    object refusal, Reader* r, const unsigned char* start, object options
)

cdef int open_writer(
    Writer* w, unsigned char* scratch, Py_ssize_t size, object options
) except -1
cdef int write_whole(Writer* w, PyObject* term) except -1
cdef int write_bytes(Writer* w, const unsigned char* data, Py_ssize_t size) except -1
cdef bytes close_writer(Writer* w)
cdef void drop_writer(Writer* w) noexcept
cdef object stop_writer(Writer* w)
cdef object encode_again(object refusal, object pure, tuple arguments)
