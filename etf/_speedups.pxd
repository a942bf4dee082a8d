# What ergopy.dist._speedups needs: C for bytes and objects, the two cursors and the
# functions that move them.

from cpython.object cimport PyObject
from libc.stdint cimport uint16_t, uint32_t, uint64_t

include "_compiled/c/bytes.pxi"
include "_compiled/c/objects.pxi"

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
    PyObject* reviver              # borrowed from the options; NULL: none

# The atoms that one direction of a link has carried; see ergopy.dist.atom_cache. Each
# has one place where it may be, so a message changes a slot at most once, and all that
# it has changed can be put back.
cdef enum:
    ATOM_SLOTS = 2048
    MAX_REFERENCES = 255       # of one message
    MAX_CHANGES = 510          # of two messages that are made together
    NEW_REFERENCE = 0x8000     # in SentAtoms.refs: the name goes along

cdef struct SentAtom:
    PyObject* atom                 # owned; NULL: nothing was sent in this slot
    uint64_t use                   # its last message << 8 | its reference there

cdef struct Change:
    PyObject* before               # owned, may be NULL
    uint16_t slot

cdef struct SentAtoms:
    SentAtom slots[ATOM_SLOTS]
    uint64_t message               # the number of the current one; 0 is none
    int count                      # references of the current message: their slots
    uint16_t refs[MAX_REFERENCES]
    int new_count                  # those that are new, and the bytes of their names
    Py_ssize_t new_bytes
    bint long_names                # one of these is longer than 255 bytes
    int change_count
    Change changes[MAX_CHANGES]

cdef struct Writer:
    unsigned char* buf
    Py_ssize_t pos
    Py_ssize_t cap
    PyObject* owner                # the bytes object that buf is in; NULL: the caller's
    PyObject* options              # borrowed from the caller of open_writer
    SentAtoms* atoms               # NULL: all atoms are written out
    int levels                     # containers that may still open
    bint careful                   # copy what foreign code may change
    bint wary                      # maps with mixed keys occur
    bint undefined                 # None is sent as undefined

# To see a failure without raising it at once.
ctypedef PyObject* (*silent_read)(Reader*) noexcept
ctypedef int (*silent_write)(Writer*, PyObject*) noexcept

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
cdef unsigned char* write_room(Writer* w, Py_ssize_t size) except NULL
cdef int write_bytes(Writer* w, const unsigned char* data, Py_ssize_t size) except -1
cdef bytes close_writer(Writer* w)
cdef void drop_writer(Writer* w) noexcept
cdef object stop_writer(Writer* w)
cdef object encode_again(object refusal, object pure, tuple arguments)
