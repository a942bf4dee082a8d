# Objects as pointers: references that are owned, items, texts; the garbage collector.

cdef extern from *:
    """
    /* From 3.12 on CPython collects only between bytecodes: never inside of us. */
    #if PY_VERSION_HEX < 0x030C0000
      #define ETF_PAUSE_GC() PyGC_Disable()
      #define ETF_RESUME_GC(was) ((was) ? (void)PyGC_Enable() : (void)0)
    #else
      #define ETF_PAUSE_GC() 0
      #define ETF_RESUME_GC(was) ((void)(was))
    #endif

    #define ETF_TUPLE_ITEMS(o) (((PyTupleObject *)(o))->ob_item)
    #define ETF_LIST_ITEMS(o) (((PyListObject *)(o))->ob_item)

    static inline PyObject *etf_own(PyObject *o) { return o; }
    """
    object own "etf_own"(PyObject*)
    PyObject** tuple_items "ETF_TUPLE_ITEMS"(PyObject*)
    PyObject** list_items "ETF_LIST_ITEMS"(PyObject*)
    int pause_gc "ETF_PAUSE_GC"()
    void resume_gc "ETF_RESUME_GC"(int)

cdef extern from "Python.h":
    void incref "Py_INCREF"(PyObject*)
    void decref "Py_DECREF"(PyObject*)
    void xdecref "Py_XDECREF"(PyObject*)
    PyObject* type_of "(PyObject*)Py_TYPE"(PyObject*)
    Py_ssize_t tuple_size "PyTuple_GET_SIZE"(PyObject*)
    Py_ssize_t list_size "PyList_GET_SIZE"(PyObject*)
    Py_ssize_t dict_size "PyDict_GET_SIZE"(PyObject*)
    bint next_pair "PyDict_Next"(
        PyObject*, Py_ssize_t*, PyObject**, PyObject**) noexcept
    Py_ssize_t bytes_size "PyBytes_GET_SIZE"(PyObject*)
    char* bytes_data "PyBytes_AS_STRING"(PyObject*)
    bint is_ascii "PyUnicode_IS_ASCII"(PyObject*)
    void* text_data "PyUnicode_DATA"(PyObject*)
    Py_ssize_t text_size "PyUnicode_GET_LENGTH"(PyObject*)
    const char* text_utf8 "PyUnicode_AsUTF8AndSize"(
        PyObject*, Py_ssize_t*) except NULL
    void untrack "PyObject_GC_UnTrack"(PyObject*)
