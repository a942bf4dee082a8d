# Values of Python: making them, integers and floats as C numbers, slots of our classes.

cdef extern from *:
    """
    #include "structmember.h"

    /* Integers of one digit are stored the same way in all releases of one kind. */
    #if PY_VERSION_HEX >= 0x030C0000
      #define ETF_COMPACT(o) PyUnstable_Long_IsCompact((PyLongObject *)(o))
      #define ETF_COMPACT_VALUE(o) PyUnstable_Long_CompactValue((PyLongObject *)(o))
    #else
      #define ETF_COMPACT(o) ((size_t)(Py_SIZE(o) + 1) <= 2)
      #define ETF_COMPACT_VALUE(o) \\
          (Py_SIZE(o) * (Py_ssize_t)((PyLongObject *)(o))->ob_digit[0])
    #endif

    #if PY_VERSION_HEX >= 0x030D0000
      #define ETF_LONG_BYTES(o, p, n) \\
          _PyLong_AsByteArray((PyLongObject *)(o), p, n, 1, 0, 1)
    #else
      #define ETF_LONG_BYTES(o, p, n) \\
          _PyLong_AsByteArray((PyLongObject *)(o), p, n, 1, 0)
    #endif

    /* The value of an integer of 0 to 32 bits, -1 for any other. */
    static inline int64_t etf_uint32(PyObject *o)
    {
        Py_ssize_t v;
    #if PY_VERSION_HEX < 0x030C0000 && PYLONG_BITS_IN_DIGIT == 30
        if (Py_SIZE(o) == 2) {
            digit *d = ((PyLongObject *)o)->ob_digit;
            return d[1] < 4 ? (int64_t)(((uint64_t)d[1] << 30) | d[0]) : -1;
        }
    #endif
        if (ETF_COMPACT(o)) v = ETF_COMPACT_VALUE(o);
        else {
            int overflow;
            long long wide = PyLong_AsLongLongAndOverflow(o, &overflow);
            return overflow || wide < 0 || wide > 0xFFFFFFFFLL ? -1 : wide;
        }
        return v < 0 ? -1 : v;
    }

    /* What hash() gives for a text, or a subclass without a hash of its own. */
    static inline size_t etf_text_hash(PyObject *o)
    {
        Py_hash_t hash = ((PyASCIIObject *)o)->hash;
        return (size_t)(hash != -1 ? hash : PyObject_Hash(o));
    }

    #define ETF_SLOT(o, offset) (*(PyObject **)((char *)(o) + (offset)))
    #define ETF_PUT(o, offset, value) (ETF_SLOT(o, offset) = (value))
    #define ETF_NEW(type) PyType_GenericAlloc((PyTypeObject *)(type), 0)

    /* Where a slot of a class is; -1 if *member* is not a plain object slot. */
    static Py_ssize_t etf_slot_offset(PyObject *member)
    {
        PyMemberDef *def;
        if (!Py_IS_TYPE(member, &PyMemberDescr_Type)) return -1;
        def = ((PyMemberDescrObject *)member)->d_member;
        return def->type == T_OBJECT_EX ? def->offset : -1;
    }
    """
    bint is_compact "ETF_COMPACT"(PyObject*)
    Py_ssize_t compact_value "ETF_COMPACT_VALUE"(PyObject*)
    int64_t uint32_of "etf_uint32"(PyObject*)
    int long_bytes "ETF_LONG_BYTES"(
        PyObject*, unsigned char*, size_t) except -1
    size_t hash_of_text "etf_text_hash"(PyObject*)
    PyObject* slot "ETF_SLOT"(PyObject*, Py_ssize_t)
    void put_slot "ETF_PUT"(PyObject*, Py_ssize_t, PyObject*)
    PyObject* new_instance "ETF_NEW"(PyObject*) except NULL
    Py_ssize_t slot_offset "etf_slot_offset"(PyObject*)

cdef extern from "Python.h":
    PyObject* new_list "PyList_New"(Py_ssize_t) except NULL
    PyObject* new_tuple "PyTuple_New"(Py_ssize_t) except NULL
    PyObject* new_dict "_PyDict_NewPresized"(Py_ssize_t) except NULL
    PyObject* new_bytes "PyBytes_FromStringAndSize"(
        const char*, Py_ssize_t) except NULL
    PyObject* new_float "PyFloat_FromDouble"(double) except NULL
    PyObject* new_long "PyLong_FromLong"(long) except NULL
    PyObject* new_int64 "PyLong_FromLongLong"(long long) except NULL
    PyObject* new_uint64 "PyLong_FromUnsignedLongLong"(
        unsigned long long) except NULL
    object new_big "_PyLong_FromByteArray"(const unsigned char*, size_t, int, int)
    PyObject* set_default "PyDict_SetDefault"(PyObject*, PyObject*, PyObject*)
    double float_value "PyFloat_AS_DOUBLE"(PyObject*)
    object text_of "PyUnicode_DecodeUTF8"(const char*, Py_ssize_t, const char*)
    object latin_of "PyUnicode_DecodeLatin1"(const char*, Py_ssize_t, const char*)
    long long int64_of "PyLong_AsLongLongAndOverflow"(PyObject*, int*) except? -1
    int resize_bytes "_PyBytes_Resize"(PyObject**, Py_ssize_t) except -1
    PyObject* PY_TRUE "Py_True"
    PyObject* PY_FALSE "Py_False"
    PyObject* INT "((PyObject*)&PyLong_Type)"
    PyObject* FLOAT "((PyObject*)&PyFloat_Type)"
    PyObject* STR "((PyObject*)&PyUnicode_Type)"
    PyObject* BYTES "((PyObject*)&PyBytes_Type)"
    PyObject* LIST "((PyObject*)&PyList_Type)"
    PyObject* TUPLE "((PyObject*)&PyTuple_Type)"
    PyObject* DICT "((PyObject*)&PyDict_Type)"
