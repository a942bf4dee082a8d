# Constants that are compared by address, and where the slots of our classes are. They
# live as long as the module.

cdef PyObject* ATOM = <PyObject*>Atom
cdef PyObject* PID = <PyObject*>Pid
cdef PyObject* REFERENCE = <PyObject*>Reference
cdef PyObject* IMPROPER = <PyObject*>ImproperList

cdef object ATOM_TRUE = Atom("true")
cdef object ATOM_FALSE = Atom("false")
cdef object ATOM_NIL = Atom("nil")
cdef object ATOM_UNDEFINED = Atom("undefined")

cdef PyObject* SMALL[256]
cdef list _small_integers = list(range(256))

cdef int _i
for _i in range(256):
    SMALL[_i] = <PyObject*>_small_integers[_i]


cdef Py_ssize_t offset_of(type kind, str name) except -1:
    cdef Py_ssize_t offset = slot_offset(<PyObject*>kind.__dict__[name])
    if offset < <Py_ssize_t>sizeof(PyObject) or (
        offset + <Py_ssize_t>sizeof(void*) > <Py_ssize_t>kind.__basicsize__
    ):
        raise ImportError(f"{kind.__name__}.{name} is no plain slot")
    return offset


cdef Py_ssize_t PID_NODE = offset_of(Pid, "node")
cdef Py_ssize_t PID_ID = offset_of(Pid, "id")
cdef Py_ssize_t PID_SERIAL = offset_of(Pid, "serial")
cdef Py_ssize_t PID_CREATION = offset_of(Pid, "creation")
cdef Py_ssize_t REF_NODE = offset_of(Reference, "node")
cdef Py_ssize_t REF_CREATION = offset_of(Reference, "creation")
cdef Py_ssize_t REF_WORDS = offset_of(Reference, "words")
cdef Py_ssize_t IMPROPER_ITEMS = offset_of(ImproperList, "items")
cdef Py_ssize_t IMPROPER_TAIL = offset_of(ImproperList, "tail")
cdef Py_ssize_t IMPROPER_HASH = offset_of(ImproperList, "_hash")
