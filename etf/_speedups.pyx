# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, binding=False
"""Bytes to terms and terms to bytes, compiled: the same as ``_decode`` and ``_encode``.

Those two are the reference. Here is only what speed needs: two C cursors, ``Reader``
and ``Writer``, that go over the bytes and the values in one pass.

Errors come from the reference. Where this code refuses something, the same input goes
through the reference, which raises the error with its text, offset or path. Should the
reference accept it, the refusal itself is raised as an error, so that no disagreement
passes unseen.

Nesting uses the C stack: at most ``MAX_RECURSION`` levels, which the default limit does
not exceed, of at most 350 bytes, so that a thread of 512 KiB has room. What is nested
deeper is left to the reference, which needs no stack at all.

A value that the peer announces takes at least one byte, and ``Reader.owed`` counts what
all open containers still wait for: what is allocated before it is read is never more
than eight times the input.

Atoms, pids, references and short map keys come again and again, so the objects made for
them are found by their bytes, in a bounded table and three bounded caches. All of them
are immutable, and which one is found does not depend on the options.
"""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_Clear, PyErr_ExceptionMatches, PyErr_Occurred
from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, strlen

import os as _os

from . import _decode as _pure_decode
from . import _encode as _pure_encode
from . import _leaf_readers as _readers
from ._container_writers import open_fun
from ._containers import BitBinary, Charlist, FrozenList, ImproperList, TermMap
from ._duplicates import may_repeat, refuse_duplicates
from ._errors import DecodeError, EncodeError
from ._options import DecodeOptions, EncodeOptions
from .mapping.shape import shape_of
from ._types import (
    Atom,
    Export,
    Fun,
    LocalTerm,
    Pid,
    Port,
    Reference,
    atom_table,
    new_atom,
)

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    #include "structmember.h"

    static inline uint32_t etf_get16(const unsigned char *p)
    { return ((uint32_t)p[0] << 8) | p[1]; }

    static inline uint32_t etf_get32(const unsigned char *p)
    { return ((uint32_t)p[0] << 24) | ((uint32_t)p[1] << 16)
           | ((uint32_t)p[2] << 8) | p[3]; }

    static inline uint64_t etf_get64(const unsigned char *p)
    { return ((uint64_t)etf_get32(p) << 32) | etf_get32(p + 4); }

    static inline void etf_put16(unsigned char *p, uint32_t v)
    { p[0] = (unsigned char)(v >> 8); p[1] = (unsigned char)v; }

    static inline void etf_put32(unsigned char *p, uint32_t v)
    { p[0] = (unsigned char)(v >> 24); p[1] = (unsigned char)(v >> 16);
      p[2] = (unsigned char)(v >> 8); p[3] = (unsigned char)v; }

    static inline void etf_put64(unsigned char *p, uint64_t v)
    { etf_put32(p, (uint32_t)(v >> 32)); etf_put32(p + 4, (uint32_t)v); }

    static inline double etf_double(uint64_t bits)
    { double d; memcpy(&d, &bits, 8); return d; }

    static inline uint64_t etf_bits(double d)
    { uint64_t bits; memcpy(&bits, &d, 8); return bits; }

    #define ETF_INFINITE(bits) ((((bits) >> 52) & 0x7FF) == 0x7FF)

    static inline uint64_t etf_mix(uint64_t a, uint64_t b)
    {
    #ifdef __SIZEOF_INT128__
        unsigned __int128 m = (unsigned __int128)a * b;
        return (uint64_t)m ^ (uint64_t)(m >> 64);
    #else
        a ^= b; a ^= a >> 32; a *= 0xd6e8feb86659fd93ULL; a ^= a >> 32;
        a *= 0xd6e8feb86659fd93ULL; return a ^ (a >> 32);
    #endif
    }

    static inline uint64_t etf_word(const unsigned char *p)
    { uint64_t w; memcpy(&w, p, 8); return w; }

    /* Hashes bytes with a secret; it need not be the same on other machines. */
    static inline uint64_t
    etf_hash(const unsigned char *p, size_t n, uint64_t seed, uint64_t factor)
    {
        uint64_t h = seed ^ n, w;
        while (n > 8) { h = etf_mix(h ^ etf_word(p), factor); p += 8; n -= 8; }
        if (n == 8) w = etf_word(p);
        else if (n >= 4) w = ((uint64_t)etf_get32(p) << 32) | etf_get32(p + n - 4);
        else if (n) w = ((uint32_t)p[0] << 16) | ((uint32_t)p[n >> 1] << 8) | p[n - 1];
        else w = 0;
        return etf_mix(h ^ w, factor);
    }

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

    /* memcpy, with the sizes of names and keys inline. */
    static inline void etf_copy(unsigned char *to, const void *from, size_t n)
    {
        const unsigned char *p = (const unsigned char *)from;
        if (n > 16) { memcpy(to, p, n); return; }
        if (n >= 8) {
            uint64_t a, b;
            memcpy(&a, p, 8); memcpy(&b, p + n - 8, 8);
            memcpy(to, &a, 8); memcpy(to + n - 8, &b, 8);
        } else if (n >= 4) {
            uint32_t a, b;
            memcpy(&a, p, 4); memcpy(&b, p + n - 4, 4);
            memcpy(to, &a, 4); memcpy(to + n - 4, &b, 4);
        } else if (n) {
            to[0] = p[0]; to[n >> 1] = p[n >> 1]; to[n - 1] = p[n - 1];
        }
    }

    /* Whether memcmp would give 0, with the sizes of names and keys inline. */
    static inline int etf_same(const void *from, const void *with, size_t n)
    {
        const unsigned char *p = (const unsigned char *)from;
        const unsigned char *q = (const unsigned char *)with;
        uint64_t difference = 0;
        size_t i;
        if (n > 32) return memcmp(p, q, n) == 0;
        if (n < 8) {
            for (i = 0; i < n; i++) difference |= (uint64_t)(p[i] ^ q[i]);
            return !difference;
        }
        for (i = 0; i + 8 < n; i += 8) difference |= etf_word(p + i) ^ etf_word(q + i);
        return !(difference | (etf_word(p + n - 8) ^ etf_word(q + n - 8)));
    }

    /* From 3.12 on CPython collects only between bytecodes: never inside of us. */
    #if PY_VERSION_HEX < 0x030C0000
      #define ETF_PAUSE_GC() PyGC_Disable()
      #define ETF_RESUME_GC(was) ((was) ? (void)PyGC_Enable() : (void)0)
    #else
      #define ETF_PAUSE_GC() 0
      #define ETF_RESUME_GC(was) ((void)(was))
    #endif

    /* What hash() gives for a text, or a subclass without a hash of its own. */
    static inline size_t etf_text_hash(PyObject *o)
    {
        Py_hash_t hash = ((PyASCIIObject *)o)->hash;
        return (size_t)(hash != -1 ? hash : PyObject_Hash(o));
    }

    #define ETF_SLOT(o, offset) (*(PyObject **)((char *)(o) + (offset)))
    #define ETF_PUT(o, offset, value) (ETF_SLOT(o, offset) = (value))
    #define ETF_NEW(type) PyType_GenericAlloc((PyTypeObject *)(type), 0)
    #define ETF_TUPLE_ITEMS(o) (((PyTupleObject *)(o))->ob_item)
    #define ETF_LIST_ITEMS(o) (((PyListObject *)(o))->ob_item)

    /* Where a slot of a class is; -1 if *member* is not a plain object slot. */
    static Py_ssize_t etf_slot_offset(PyObject *member)
    {
        PyMemberDef *def;
        if (!Py_IS_TYPE(member, &PyMemberDescr_Type)) return -1;
        def = ((PyMemberDescrObject *)member)->d_member;
        return def->type == T_OBJECT_EX ? def->offset : -1;
    }
    static inline PyObject *etf_own(PyObject *o) { return o; }
    """
    uint32_t get16 "etf_get16"(const unsigned char*) nogil
    uint32_t get32 "etf_get32"(const unsigned char*) nogil
    uint64_t get64 "etf_get64"(const unsigned char*) nogil
    void put16 "etf_put16"(unsigned char*, uint32_t) nogil
    void put32 "etf_put32"(unsigned char*, uint32_t) nogil
    void put64 "etf_put64"(unsigned char*, uint64_t) nogil
    double double_of "etf_double"(uint64_t) nogil
    uint64_t bits_of "etf_bits"(double) nogil
    bint is_infinite "ETF_INFINITE"(uint64_t) nogil
    uint64_t mix "etf_mix"(uint64_t, uint64_t) nogil
    uint64_t hash_of "etf_hash"(
        const unsigned char*, size_t, uint64_t, uint64_t) nogil
    bint is_compact "ETF_COMPACT"(PyObject*)
    Py_ssize_t compact_value "ETF_COMPACT_VALUE"(PyObject*)
    size_t hash_of_text "etf_text_hash"(PyObject*)
    int long_bytes "ETF_LONG_BYTES"(
        PyObject*, unsigned char*, size_t) except -1
    int64_t uint32_of "etf_uint32"(PyObject*)
    bint same "etf_same"(const void*, const void*, size_t) nogil
    void copy "etf_copy"(unsigned char*, const void*, size_t) nogil
    const uint64_t U32_MAX "((uint64_t)0xFFFFFFFFu)"
    int pause_gc "ETF_PAUSE_GC"()
    void resume_gc "ETF_RESUME_GC"(int)
    void untrack "PyObject_GC_UnTrack"(PyObject*)
    PyObject* slot "ETF_SLOT"(PyObject*, Py_ssize_t)
    void put_slot "ETF_PUT"(PyObject*, Py_ssize_t, PyObject*)
    PyObject* new_instance "ETF_NEW"(PyObject*) except NULL
    PyObject** tuple_items "ETF_TUPLE_ITEMS"(PyObject*)
    PyObject** list_items "ETF_LIST_ITEMS"(PyObject*)
    Py_ssize_t slot_offset "etf_slot_offset"(PyObject*)
    object own "etf_own"(PyObject*)

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
    bint next_pair "PyDict_Next"(
        PyObject*, Py_ssize_t*, PyObject**, PyObject**) noexcept
    Py_ssize_t dict_size "PyDict_GET_SIZE"(PyObject*)
    Py_ssize_t list_size "PyList_GET_SIZE"(PyObject*)
    Py_ssize_t tuple_size "PyTuple_GET_SIZE"(PyObject*)
    Py_ssize_t bytes_size "PyBytes_GET_SIZE"(PyObject*)
    char* bytes_data "PyBytes_AS_STRING"(PyObject*)
    double float_value "PyFloat_AS_DOUBLE"(PyObject*)
    bint is_ascii "PyUnicode_IS_ASCII"(PyObject*)
    void* text_data "PyUnicode_DATA"(PyObject*)
    Py_ssize_t text_size "PyUnicode_GET_LENGTH"(PyObject*)
    const char* text_utf8 "PyUnicode_AsUTF8AndSize"(
        PyObject*, Py_ssize_t*) except NULL
    object text_of "PyUnicode_DecodeUTF8"(const char*, Py_ssize_t, const char*)
    object latin_of "PyUnicode_DecodeLatin1"(const char*, Py_ssize_t, const char*)
    long long int64_of "PyLong_AsLongLongAndOverflow"(PyObject*, int*) except? -1
    PyObject* type_of "(PyObject*)Py_TYPE"(PyObject*)
    PyObject* PY_TRUE "Py_True"
    PyObject* PY_FALSE "Py_False"
    PyObject* INT "((PyObject*)&PyLong_Type)"
    PyObject* FLOAT "((PyObject*)&PyFloat_Type)"
    PyObject* STR "((PyObject*)&PyUnicode_Type)"
    PyObject* BYTES "((PyObject*)&PyBytes_Type)"
    PyObject* LIST "((PyObject*)&PyList_Type)"
    PyObject* TUPLE "((PyObject*)&PyTuple_Type)"
    PyObject* DICT "((PyObject*)&PyDict_Type)"
    void incref "Py_INCREF"(PyObject*)
    void decref "Py_DECREF"(PyObject*)
    void xdecref "Py_XDECREF"(PyObject*)
    int resize_bytes "_PyBytes_Resize"(PyObject**, Py_ssize_t) except -1


cdef enum:
    MAX_RECURSION = 1000       # levels on the C stack: the default of max_depth
    MAX_TUPLE = 16777215
    MAX_INTEGER_BYTES = 524280
    MAX_WORDS = 5
    MAX_NAME = 1020            # bytes of 255 characters
    CACHE_BITS = 11            # 2048 pids, as many references
    KEY_BITS = 10              # 1024 map keys
    KEY_SIZE = 32              # bytes of the longest map key that is kept
    MAX_PROBES = 32
    PAUSE_SIZE = 1024          # bytes of the smallest term that the GC is paused for

# What Reader.flags says: the options.
cdef enum:
    STRINGS_STR = 1
    CHARLISTS_STR = 2
    NIL_ATOM = 4
    UNDEFINED_NONE = 8
    REVIVE_MAPS = 16
    REVIVE_TUPLES = 32


class _Refused(ValueError):
    """This code found something wrong; what exactly, the reference says."""


class _Unable(_Refused):
    """The reference can, this code cannot: what is too deep, or changes meanwhile."""


class _Foreign(_Refused):
    """To write this, code that is not ours must run: all must be written with care."""


cdef int refuse(str why) except -1:
    raise _Refused(why)


cdef int raise_pending() except -1:
    """Go on raising what C code has raised."""
    return -1


cdef object pending_refusal():
    """Catch what C code has raised, if it is a ``ValueError``; else go on raising.

    It has to come first: looking up a name can lose an exception that is pending.
    """
    try:
        raise_pending()
    except ValueError as error:
        return error


# Constants that are compared by address. They live as long as the module.
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


# Atoms by their UTF-8 bytes: open addressing, never more than half full. Only atoms
# that are in atom_table, so that an atom is one object here and there. One that would be
# MAX_PROBES away from its place is left out; it is found in atom_table.
cdef struct AtomSlot:
    uint64_t hash
    PyObject* atom
    unsigned char* name
    uint32_t size
    uint32_t special           # true, false, nil, undefined: see value_of

cdef AtomSlot* atoms = NULL
cdef size_t atom_mask = 0
cdef size_t atom_count = 0
cdef uint64_t SECRET = int.from_bytes(_os.urandom(8), "little")
cdef uint64_t FACTOR = int.from_bytes(_os.urandom(8), "little") | 0x8000000000000001


cdef inline PyObject* find_atom(
    const unsigned char* name, size_t size, uint64_t hash, AtomSlot** where
) noexcept:
    cdef size_t index = hash & atom_mask
    cdef AtomSlot* here
    cdef int probes
    for probes in range(MAX_PROBES):
        here = &atoms[index]
        if here.atom == NULL:
            break
        if here.hash == hash and here.size == size and same(here.name, name, size):
            where[0] = here
            return here.atom
        index = (index + 1) & atom_mask
    return NULL


cdef int place_atom(AtomSlot* table, size_t mask, AtomSlot entry) noexcept:
    cdef size_t index = entry.hash & mask
    cdef int probes
    for probes in range(MAX_PROBES):
        if table[index].atom == NULL:
            table[index] = entry
            return 1
        index = (index + 1) & mask
    return 0


cdef int grow_atoms() except -1:
    global atoms, atom_mask, atom_count
    cdef size_t size = 1024 if atoms == NULL else 2 * (atom_mask + 1)
    cdef size_t i, kept = 0
    cdef AtomSlot* table = <AtomSlot*>calloc(size, sizeof(AtomSlot))
    if table == NULL:
        raise MemoryError
    if atoms != NULL:
        for i in range(atom_mask + 1):
            if atoms[i].atom == NULL:
                continue
            if place_atom(table, size - 1, atoms[i]):
                kept += 1
            else:
                free(atoms[i].name)
                decref(atoms[i].atom)
        free(atoms)
    atoms = table
    atom_mask = size - 1
    atom_count = kept
    return 0


cdef int keep_atom(
    object atom, const unsigned char* name, size_t size, uint64_t hash
) except -1:
    global atom_count
    cdef AtomSlot entry
    cdef AtomSlot* where
    if find_atom(name, size, hash, &where) != NULL:
        return 0
    if 2 * (atom_count + 1) > atom_mask + 1:
        grow_atoms()
    entry.name = <unsigned char*>malloc(size + 1)
    if entry.name == NULL:
        raise MemoryError
    memcpy(entry.name, name, size)
    entry.size = <uint32_t>size
    entry.hash = hash
    entry.atom = <PyObject*>atom
    entry.special = special_of(entry.atom)
    if place_atom(atoms, atom_mask, entry):
        incref(entry.atom)
        atom_count += 1
    else:
        free(entry.name)
    return 0


cdef inline uint32_t special_of(PyObject* atom) noexcept:
    if atom == <PyObject*>ATOM_TRUE:
        return 1
    if atom == <PyObject*>ATOM_FALSE:
        return 2
    if atom == <PyObject*>ATOM_NIL:
        return 3
    if atom == <PyObject*>ATOM_UNDEFINED:
        return 4
    return 0


cdef inline PyObject* value_of(Reader* r, PyObject* atom, uint32_t special) noexcept:
    """What an atom is as a value; both references are owned by somebody else."""
    if special == 0:
        return atom
    if special == 1:
        return PY_TRUE
    if special == 2:
        return PY_FALSE
    if special == 3:
        return atom if r.flags & NIL_ATOM else <PyObject*>None
    return <PyObject*>None if r.flags & UNDEFINED_NONE else atom


# Pids, references and short keys, each where its hash says; a new one replaces what is
# there. The fields are in the slots, so that looking touches no object.
cdef struct PidSlot:
    PyObject* node
    uint32_t id
    uint32_t serial
    uint32_t creation
    PyObject* pid

cdef struct ReferenceSlot:
    PyObject* node
    uint32_t creation
    uint32_t count
    uint32_t words[5]
    PyObject* reference

cdef PidSlot pid_cache[2048]
cdef ReferenceSlot reference_cache[2048]
cdef PyObject* key_cache[1024]


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


cdef inline const unsigned char* take(Reader* r, Py_ssize_t size) except NULL:
    """Step over *size* bytes, if they are there; the only way to get at the input."""
    cdef const unsigned char* here = r.cur
    if <size_t>(r.end - here) < <size_t>size:
        refuse("truncated")
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


cdef PyObject* read_name(
    Reader* r, const unsigned char* name, Py_ssize_t size
) except NULL:
    """The atom with this UTF-8 name, as an owned reference to an ``Atom``."""
    cdef AtomSlot* where
    cdef uint64_t hash = hash_of(name, size, SECRET, FACTOR)
    cdef PyObject* atom = find_atom(name, size, hash, &where)
    if atom == NULL:
        return new_name(r, name, size, hash)
    incref(atom)
    return atom


cdef inline PyObject* read_value(
    Reader* r, const unsigned char* name, Py_ssize_t size
) except NULL:
    """The same as a value: ``true`` is ``True``."""
    cdef AtomSlot* where
    cdef uint64_t hash = hash_of(name, size, SECRET, FACTOR)
    cdef PyObject* atom = find_atom(name, size, hash, &where)
    if atom == NULL:
        return give(as_value(r, own(new_name(r, name, size, hash))))
    if where.special:
        atom = value_of(r, atom, where.special)
    incref(atom)
    return atom


cdef object as_value(Reader* r, atom):
    return <object>value_of(r, <PyObject*>atom, special_of(<PyObject*>atom))


cdef PyObject* new_name(
    Reader* r, const unsigned char* name, Py_ssize_t size, uint64_t hash
) except NULL:
    if size > MAX_NAME:
        refuse("an atom that is too long")
    atom = named(r, text_of(<const char*>name, size, NULL))
    if atom_table.get(atom) is atom:
        keep_atom(atom, name, size, hash)
    incref(<PyObject*>atom)
    return <PyObject*>atom


cdef object named(Reader* r, str name):
    """The atom with this name; a ``ValueError`` if there can be none."""
    atom = atom_table.get(name)
    return atom if atom is not None else new_atom(name, r.max_atoms)


cdef PyObject* read_atom(Reader* r) except NULL:
    """A term that has to be an atom, as an owned reference to an ``Atom``."""
    cdef const unsigned char* p = take(r, 2)
    cdef Py_ssize_t size
    cdef PyObject* atom
    if p[0] == 119:
        size = p[1]
        return read_name(r, take(r, size), size)
    if p[0] == 82:
        if p[1] >= r.ref_count:
            refuse("no such atom in the header")
        atom = r.refs[p[1]]
        incref(atom)
        return atom
    return read_rare_atom(r, p[0], p[1])


cdef PyObject* read_rare_atom(Reader* r, int tag, Py_ssize_t size) except NULL:
    """The forms with a long or a Latin-1 name; *size* is the first byte of theirs."""
    cdef const unsigned char* p
    if tag == 118 or tag == 100:
        size = size << 8 | take(r, 1)[0]
    elif tag != 115:
        refuse("not an atom")
    p = take(r, size)
    if tag == 118:
        return read_name(r, p, size)
    atom = named(r, latin_of(<const char*>p, size, NULL))
    incref(<PyObject*>atom)
    return <PyObject*>atom


cdef PyObject* read_pid(Reader* r) except NULL:
    cdef PyObject* node = read_atom(r)
    cdef const unsigned char* p
    cdef uint32_t id, serial, creation
    cdef uint64_t where
    cdef PidSlot* here
    if r.end - r.cur < 12:
        decref(node)
        refuse("truncated")
    p = take(r, 12)
    id = get32(p)
    serial = get32(p + 4)
    creation = get32(p + 8)
    where = mix(
        (<uint64_t>id << 32 | serial) ^ <uint64_t><size_t>node, FACTOR ^ creation
    )
    here = &pid_cache[where >> (64 - CACHE_BITS)]
    if (
        here.node == node
        and here.id == id
        and here.serial == serial
        and here.creation == creation
    ):
        decref(node)
        incref(here.pid)
        return here.pid
    return new_pid(node, id, serial, creation, here)


cdef PyObject* new_pid(
    PyObject* node, uint32_t id, uint32_t serial, uint32_t creation, PidSlot* here
) except NULL:
    """Make a pid, which takes over the reference to *node*, and remember it.

    The garbage collector need not look at it, as no cycle can go through it.
    """
    cdef PyObject* old
    cdef PyObject* pid
    held = own(node)
    made = own(new_instance(PID))
    pid = <PyObject*>made
    put_slot(pid, PID_ID, new_int64(id))
    put_slot(pid, PID_SERIAL, new_int64(serial))
    put_slot(pid, PID_CREATION, new_int64(creation))
    incref(node)
    put_slot(pid, PID_NODE, node)
    untrack(pid)
    old = here.pid
    here.node = node
    here.id = id
    here.serial = serial
    here.creation = creation
    here.pid = pid
    incref(pid)
    xdecref(old)
    incref(pid)
    return pid


cdef PyObject* read_reference(Reader* r) except NULL:
    cdef const unsigned char* p = take(r, 2)
    cdef uint32_t count = get16(p)
    cdef uint32_t creation, i
    cdef uint32_t words[5]
    cdef uint64_t where
    cdef PyObject* node
    cdef ReferenceSlot* here
    if count > MAX_WORDS:
        refuse("a reference of too many words")
    node = read_atom(r)
    if r.end - r.cur < 4 + 4 * <Py_ssize_t>count:
        decref(node)
        refuse("truncated")
    p = take(r, 4 + 4 * count)
    creation = get32(p)
    where = <uint64_t><size_t>node ^ (<uint64_t>creation << 32)
    for i in range(count):
        words[i] = get32(p + 4 + 4 * i)
        where = mix(where ^ words[i], FACTOR)
    here = &reference_cache[where >> (64 - CACHE_BITS)]
    if (
        here.node == node
        and here.creation == creation
        and here.count == count
        and same(here.words, words, 4 * count)
    ):
        decref(node)
        incref(here.reference)
        return here.reference
    return new_reference(node, creation, count, words, here)


cdef PyObject* new_reference(
    PyObject* node,
    uint32_t creation,
    uint32_t count,
    uint32_t* words,
    ReferenceSlot* here,
) except NULL:
    """Make a reference, which takes over that to *node*, and remember it."""
    cdef PyObject* old
    cdef PyObject* reference
    cdef uint32_t i
    held = own(node)
    tuple_ = own(new_tuple(count))
    for i in range(count):
        tuple_items(<PyObject*>tuple_)[i] = new_int64(words[i])
    made = own(new_instance(REFERENCE))
    reference = <PyObject*>made
    put_slot(reference, REF_CREATION, new_int64(creation))
    incref(<PyObject*>tuple_)
    put_slot(reference, REF_WORDS, <PyObject*>tuple_)
    incref(node)
    put_slot(reference, REF_NODE, node)
    if count:
        untrack(<PyObject*>tuple_)
    untrack(reference)
    old = here.reference
    here.node = node
    here.creation = creation
    here.count = count
    memcpy(here.words, words, 4 * count)
    here.reference = reference
    incref(reference)
    xdecref(old)
    incref(reference)
    return reference


cdef PyObject* read_term(Reader* r) except NULL:
    """Read any term; the reference is the caller's."""
    cdef const unsigned char* p = take(r, 1)
    cdef unsigned char tag = p[0]
    cdef Py_ssize_t size
    cdef PyObject* found
    cdef uint64_t bits
    if tag == 97:
        found = SMALL[take(r, 1)[0]]
        incref(found)
        return found
    elif tag == 98:
        return new_long(<int32_t>get32(take(r, 4)))
    elif tag == 119:
        size = take(r, 1)[0]
        return read_value(r, take(r, size), size)
    elif tag == 109:
        size = <Py_ssize_t>get32(take(r, 4))
        p = take(r, size)
        if r.flags & STRINGS_STR:
            return read_text(p, size)
        return new_bytes(<const char*>p, size)
    elif tag == 104:
        return read_tuple(r, take(r, 1)[0])
    elif tag == 108:
        return read_list(r)
    elif tag == 106:
        return new_empty(r)
    elif tag == 116:
        return read_map(r)
    elif tag == 70:
        bits = get64(take(r, 8))
        if is_infinite(bits):
            refuse("a float that is not finite")
        return new_float(double_of(bits))
    elif tag == 88:
        return read_pid(r)
    elif tag == 90:
        return read_reference(r)
    elif tag == 82:
        size = take(r, 1)[0]
        if size >= r.ref_count:
            refuse("no such atom in the header")
        found = value_of(r, r.refs[size], special_of(r.refs[size]))
        incref(found)
        return found
    elif tag == 107:
        size = get16(take(r, 2))
        return read_string(r, take(r, size), size)
    elif tag == 110:
        size = take(r, 1)[0]
        return read_big(r, size)
    return give(read_rare(r, tag))


cdef inline PyObject* give(object made) except NULL:
    """Hand an object out as an owned reference."""
    incref(<PyObject*>made)
    return <PyObject*>made


cdef PyObject* new_empty(Reader* r) except NULL:
    return new_list(0) if not r.frozen else give(FrozenList())


cdef PyObject* read_text(const unsigned char* p, Py_ssize_t size) except NULL:
    """A binary as text, if it is any."""
    try:
        return give(text_of(<const char*>p, size, NULL))
    except UnicodeDecodeError:
        return new_bytes(<const char*>p, size)


cdef PyObject* read_string(
    Reader* r, const unsigned char* p, Py_ssize_t size
) except NULL:
    """A list of bytes."""
    cdef PyObject* made
    cdef PyObject** items
    cdef Py_ssize_t i
    if size and r.flags & CHARLISTS_STR:
        return give(Charlist(latin_of(<const char*>p, size, NULL)))
    made = new_list(size)
    items = list_items(made)
    for i in range(size):
        incref(SMALL[p[i]])
        items[i] = SMALL[p[i]]
    return made if not r.frozen else give(FrozenList(own(made)))


cdef PyObject* read_big(Reader* r, Py_ssize_t size) except NULL:
    """The sign and *size* bytes."""
    cdef bint negative = take(r, 1)[0]
    cdef const unsigned char* p = take(r, size)
    cdef uint64_t value = 0
    cdef Py_ssize_t i
    if size > r.max_big:
        refuse("an integer that is too large")
    if size > 8:
        big = new_big(p, size, 1, 0)
        return give(-big if negative else big)
    for i in range(size):
        value |= <uint64_t>p[i] << (8 * i)
    if not negative:
        return new_uint64(value)
    if value >> 63:
        return give(-own(new_uint64(value)))
    return new_int64(-<int64_t>value)


cdef inline PyObject* read_item(Reader* r) except NULL:
    """``read_term`` with what fills long lists at hand."""
    cdef const unsigned char* p = r.cur
    cdef PyObject* found
    cdef uint64_t bits
    if r.end - p >= 9:
        if p[0] == 97:
            r.cur = p + 2
            found = SMALL[p[1]]
            incref(found)
            return found
        elif p[0] == 98:
            r.cur = p + 5
            return new_long(<int32_t>get32(p + 1))
        elif p[0] == 70:
            bits = get64(p + 1)
            if not is_infinite(bits):
                r.cur = p + 9
                return new_float(double_of(bits))
    return read_term(r)


cdef PyObject* read_tuple(Reader* r, Py_ssize_t size) except NULL:
    cdef long long owed = r.owed
    cdef Py_ssize_t i
    cdef PyObject** items
    descend(r, 1)
    promise(r, size)
    made = own(new_tuple(size))
    items = tuple_items(<PyObject*>made)
    for i in range(size):
        r.owed = owed + (size - i - 1)
        items[i] = read_item(r)
    r.owed = owed
    r.levels += 1
    if r.flags & REVIVE_TUPLES:
        made = (<object>r.reviver).of_tuple(made, r.frozen > 0)
    return give(made)


cdef PyObject* read_list(Reader* r) except NULL:
    cdef long long owed = r.owed
    cdef Py_ssize_t size = <Py_ssize_t>get32(take(r, 4))
    cdef Py_ssize_t i
    cdef PyObject** items
    descend(r, 1)
    promise(r, <uint64_t>size + 1)
    made = own(new_list(size))
    items = list_items(<PyObject*>made)
    for i in range(size):
        r.owed = owed + (size - i)
        items[i] = read_item(r)
    r.owed = owed
    if r.cur < r.end and r.cur[0] == 106:
        r.cur += 1
        tail = None
    else:
        made = read_tail(r, made)
    r.levels += 1
    if r.flags & CHARLISTS_STR or r.frozen:
        made = finish_list(r, made)
    return give(made)


cdef object read_tail(Reader* r, list items):
    """The tail of a list that does not end here: more of it, or what makes it improper.

    Gives the list of all items, or whatever else it is.
    """
    cdef long long owed = r.owed
    cdef Py_ssize_t size, i
    while r.cur < r.end and r.cur[0] == 108:
        take(r, 1)
        size = <Py_ssize_t>get32(take(r, 4))
        promise(r, <uint64_t>size + 1)
        for i in range(size):
            r.owed = owed + (size - i)
            items.append(own(read_term(r)))
        r.owed = owed
    tail = own(read_term(r))
    if type(tail) is list or type(tail) is FrozenList:
        items.extend(tail)
    elif type(tail) is Charlist:
        items.extend(map(ord, tail))
    elif not items:
        return tail
    elif r.frozen:
        improper = ImproperList(tuple(items), tail)
        hash(improper)
        return improper
    else:
        return own(new_improper(<PyObject*>items, <PyObject*>tail))
    return items


cdef PyObject* new_improper(PyObject* items, PyObject* tail) except NULL:
    cdef PyObject* made = new_instance(IMPROPER)
    incref(items)
    put_slot(made, IMPROPER_ITEMS, items)
    incref(tail)
    put_slot(made, IMPROPER_TAIL, tail)
    incref(<PyObject*>None)
    put_slot(made, IMPROPER_HASH, <PyObject*>None)
    return made


cdef object finish_list(Reader* r, object items):
    """Give a proper list the type that the options, or its place in a key, ask for."""
    if type(items) is not list:
        return items
    if r.flags & CHARLISTS_STR and items:
        for item in items:
            if type(item) is not int or not _readers._is_code_point(item):
                break
        else:
            return Charlist("".join(map(chr, items)))
    return FrozenList(items) if r.frozen else items


cdef PyObject* read_key(Reader* r) except NULL:
    """A key of a map; short binaries are kept."""
    cdef const unsigned char* p = r.cur
    cdef Py_ssize_t size
    cdef PyObject* key
    cdef PyObject* old
    cdef PyObject** here
    if r.end - p >= 5 and p[0] == 109 and not r.flags & STRINGS_STR:
        size = <Py_ssize_t>get32(p + 1)
        if size <= KEY_SIZE and r.end - p >= 5 + size:
            p = take(r, 5 + size) + 5
            here = &key_cache[hash_of(p, size, SECRET, FACTOR) >> (64 - KEY_BITS)]
            key = here[0]
            if (
                key != NULL
                and bytes_size(key) == size
                and same(bytes_data(key), p, size)
            ):
                incref(key)
                return key
            key = new_bytes(<const char*>p, size)
            old = here[0]
            incref(key)
            here[0] = key
            xdecref(old)
            return key
    r.frozen += 1
    key = read_term(r)
    r.frozen -= 1
    return key


cdef PyObject* read_map(Reader* r) except NULL:
    cdef long long owed = r.owed
    cdef long long size = get32(take(r, 4))
    cdef long long i
    cdef PyObject* known
    promise(r, 2 * size)
    if r.frozen:
        descend(r, 2)
        made = read_pairs(r, [], size, owed)
        r.levels += 2
        if r.flags & REVIVE_MAPS:
            made = (<object>r.reviver).of_map(made, True)
        return give(made)
    descend(r, 1)
    made = own(new_dict(size))
    for i in range(size):
        r.owed = owed + 2 * (size - i) - 1
        key = own(read_key(r))
        r.owed = owed + 2 * (size - i) - 2
        value = own(read_item(r))
        known = set_default(<PyObject*>made, <PyObject*>key, <PyObject*>value)
        if known == NULL or dict_size(<PyObject*>made) != i + 1:
            made = read_rest(r, made, key, value, size - i - 1, owed)
            break
    r.owed = owed
    r.levels += 1
    if r.flags & REVIVE_MAPS:
        made = (<object>r.reviver).of_map(made, False)
    return give(made)


cdef object read_rest(
    Reader* r, dict made, object key, object value, long long left, long long owed
):
    """Go on with a map that is no ``dict``: Python takes two of its keys for one.

    Or it cannot compare them: keys that are nested too deep, or a binary with an atom
    under ``python -bb``.
    """
    if PyErr_Occurred():
        if not (
            PyErr_ExceptionMatches(RecursionError)
            or PyErr_ExceptionMatches(BytesWarning)
        ):
            raise_pending()
        PyErr_Clear()
    pairs = list(made.items())
    pairs.append((key, value))
    return read_pairs(r, pairs, left, owed)


cdef object read_pairs(Reader* r, list pairs, long long left, long long owed):
    """The rest of a map that becomes a ``TermMap``."""
    cdef long long i
    for i in range(left):
        r.owed = owed + 2 * (left - i) - 1
        key = own(read_key(r))
        r.owed = owed + 2 * (left - i) - 2
        pairs.append((key, own(read_term(r))))
    r.owed = owed
    exact = TermMap(pairs)
    if r.frozen:
        hash(exact)
    return exact


cdef object read_rare(Reader* r, int tag):
    """What a message seldom holds, and what is no term."""
    cdef const unsigned char* p
    cdef Py_ssize_t size
    if tag == 105:
        return own(read_large_tuple(r))
    if tag == 111:
        size = <Py_ssize_t>get32(take(r, 4))
        return own(read_big(r, size))
    if tag == 118 or tag == 100 or tag == 115:
        size = take(r, 1)[0]
        return as_value(r, own(read_rare_atom(r, tag, size)))
    if tag == 77:
        p = take(r, 5)
        return read_bits(r, <Py_ssize_t>get32(p), p[4])
    if tag == 89 or tag == 120 or tag == 102:
        return read_port(r, tag)
    if tag == 112:
        return read_fun(r)
    if tag == 113:
        module = own(read_atom(r))
        function = own(read_atom(r))
        return Export(module, function, read_integer(r))
    if tag == 103:
        atom = own(read_atom(r))
        p = take(r, 9)
        return Pid(atom, get32(p), get32(p + 4), old_creation(p[8]))
    if tag == 101 or tag == 114:
        return read_old_reference(r, tag)
    if tag == 99:
        return read_old_float(r)
    refuse("unknown tag")


cdef PyObject* read_large_tuple(Reader* r) except NULL:
    cdef Py_ssize_t size = <Py_ssize_t>get32(take(r, 4))
    if <size_t>size > MAX_TUPLE:
        refuse("a tuple that cannot exist")
    return read_tuple(r, size)


cdef object read_bits(Reader* r, Py_ssize_t size, int bits):
    cdef const unsigned char* p = take(r, size)
    if bits > 8 or (bits == 0) != (size == 0):
        refuse("a bit string with a wrong number of bits")
    if bits & 7:
        return BitBinary(p[:size], bits)
    return own(read_text(p, size)) if r.flags & STRINGS_STR else p[:size]


cdef int old_creation(int creation) except -1:
    if creation > 3:
        refuse("a creation that the old form cannot have")
    return creation


cdef object read_port(Reader* r, int tag):
    cdef const unsigned char* p
    node = own(read_atom(r))
    if tag == 120:
        p = take(r, 12)
        return Port(node, get64(p), get32(p + 8))
    if tag == 89:
        p = take(r, 8)
        return Port(node, get32(p), get32(p + 4))
    p = take(r, 5)
    return Port(node, get32(p), old_creation(p[4]))


cdef object read_old_reference(Reader* r, int tag):
    cdef const unsigned char* p
    cdef Py_ssize_t count = 1, i
    cdef int creation
    if tag == 114:
        count = get16(take(r, 2))
        if count > MAX_WORDS:
            refuse("a reference of too many words")
    node = own(read_atom(r))
    if tag == 114:
        creation = take(r, 1)[0]
        p = take(r, 4 * count)
    else:
        p = take(r, 5)
        creation = p[4]
    words = tuple([get32(p + 4 * i) for i in range(count)])
    return Reference(node, old_creation(creation), words)


cdef object read_old_float(Reader* r):
    cdef const unsigned char* p = take(r, 31)
    text = p[:31].partition(b"\0")[0]
    if not _readers._FLOAT_TEXT.fullmatch(text):
        refuse("not the text of a float")
    value = float(text)
    if is_infinite(bits_of(value)):
        refuse("a float that is not finite")
    return value


cdef object read_integer(Reader* r):
    """A term that has to be an integer of moderate size."""
    cdef unsigned char tag = take(r, 1)[0]
    if tag != 97 and tag != 98 and tag != 110:
        refuse("not an integer")
    r.cur -= 1
    return own(read_term(r))


# size:32 | arity:8 | uniq:16/binary | index:32 | free:32 | module | old index |
# old uniq | pid | free variables. The size counts itself, not the tag.
cdef object read_fun(Reader* r):
    cdef const unsigned char* p = take(r, 29)
    cdef long long owed = r.owed
    cdef uint32_t count = get32(p + 25)
    cdef unsigned char tag
    cdef uint32_t i
    descend(r, 2)
    promise(r, count)
    if count > 255:
        refuse("a fun with too many captured variables")
    module = own(read_atom(r))
    old_index = read_integer(r)
    old_uniq = read_integer(r)
    tag = take(r, 1)[0]
    if tag == 88:
        pid = own(read_pid(r))
    elif tag == 103:
        pid = read_rare(r, tag)
    else:
        refuse("not a pid")
    promise(r, count)
    free_variables = []
    for i in range(count):
        r.owed = owed + count - i - 1
        free_variables.append(own(read_term(r)))
    r.owed = owed
    r.levels += 2
    fun = Fun(
        module, p[4], p[5:21], get32(p + 21), old_index, old_uniq, pid,
        tuple(free_variables),
    )
    if r.frozen:
        hash(fun)
    return fun


cdef object _FORMS = _pure_encode._FORMS
_WITH_ATOMS = frozenset({Atom, Pid, Reference, bool, type(None)})
_DECODE = DecodeOptions()
_ENCODE = EncodeOptions()

ctypedef PyObject* (*silent_read)(Reader*) noexcept


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


cdef object _writer_options = None
cdef Writer _writer_proto


cdef int open_writer(
    Writer* w, unsigned char* scratch, Py_ssize_t size, object options
) except -1:
    """Start to write into *scratch*; what is longer moves into a bytes object.

    *options* must live as long as the writer.
    """
    global _writer_options, _writer_proto
    cdef Writer made
    if options is not _writer_options:
        made.buf = NULL
        made.owner = NULL
        made.pos = made.cap = 0
        made.options = <PyObject*>options
        made.atoms = NULL
        made.levels = min(<int>options.max_depth, MAX_RECURSION)
        made.careful = made.wary = False
        made.undefined = options.none == "undefined"
        if type(options) is EncodeOptions:
            _writer_options = options
            _writer_proto = made
        w[0] = made
    else:
        w[0] = _writer_proto
    w.buf = scratch
    w.cap = size
    return 0


cdef bytes close_writer(Writer* w):
    """What was written."""
    cdef PyObject* owner = w.owner
    if owner == NULL:
        return PyBytes_FromStringAndSize(<char*>w.buf, w.pos)
    w.owner = NULL
    resize_bytes(&owner, w.pos)
    return <bytes>own(owner)


cdef void drop_writer(Writer* w) noexcept:
    """Forget what was written."""
    xdecref(w.owner)
    w.owner = NULL


cdef int grow(Writer* w, Py_ssize_t size) except -1:
    """Get room for *size* more bytes, and a quarter of all so that this stays rare."""
    cdef Py_ssize_t cap = w.pos + size
    cdef PyObject* owner = w.owner
    if cap < w.pos:
        raise MemoryError
    if owner == NULL:
        cap += 1024 if size < 65536 else 64
        owner = new_bytes(NULL, cap)
        memcpy(bytes_data(owner), w.buf, w.pos)
    else:
        w.owner = NULL
        cap += cap >> 2 if size > cap >> 1 else cap
        resize_bytes(&owner, cap)
    w.owner = owner
    w.buf = <unsigned char*>bytes_data(owner)
    w.cap = cap
    return 0


cdef inline unsigned char* room(Writer* w, Py_ssize_t size) except NULL:
    """Where the next *size* bytes go; they count as written."""
    cdef unsigned char* here
    if w.cap - w.pos < size:
        grow(w, size)
    here = w.buf + w.pos
    w.pos += size
    return here


cdef unsigned char* write_room(Writer* w, Py_ssize_t size) except NULL:
    """``room`` for other modules."""
    return room(w, size)


cdef int write_bytes(Writer* w, const unsigned char* data, Py_ssize_t size) except -1:
    memcpy(room(w, size), data, size)
    return 0


cdef inline int put_sized(
    Writer* w, int tag, const unsigned char* data, Py_ssize_t size
) except -1:
    """Tag, 32 bits of length, data."""
    cdef unsigned char* p
    if <uint64_t>size > U32_MAX:
        refuse("a size that does not fit in 32 bits")
    p = room(w, 5 + size)
    p[0] = tag
    put32(p + 1, <uint32_t>size)
    copy(p + 5, data, size)
    return 0


cdef inline int put_name(Writer* w, const char* name, PyObject* atom) except -1:
    """A short constant atom."""
    cdef Py_ssize_t size = strlen(name)
    cdef unsigned char* p
    if w.atoms != NULL:
        return put_atom(w, atom)
    p = room(w, 2 + size)
    p[0] = 119
    p[1] = <unsigned char>size
    memcpy(p + 2, name, size)
    return 0


cdef inline bint put_reference_to(Writer* w, PyObject* atom) except -1:
    """Write an atom as a reference to the header of a link, if that can be."""
    cdef SentAtoms* sent = w.atoms
    cdef SentAtom* here = &sent.slots[hash_of_text(atom) & (ATOM_SLOTS - 1)]
    cdef unsigned char* p
    if here.atom != atom or here.use >> 8 != sent.message:
        if not refer(sent, here, atom):
            return False
    p = room(w, 2)
    p[0] = 82
    p[1] = <unsigned char>here.use
    return True


cdef bint refer(SentAtoms* sent, SentAtom* here, PyObject* atom) except -1:
    """Put an atom into the header, and into its slot, if both have room."""
    cdef Py_ssize_t size
    cdef int k = sent.count
    cdef uint16_t slot = <uint16_t>(here - sent.slots)
    cdef Change* change
    if here.use >> 8 == sent.message or k == MAX_REFERENCES:
        return False
    sent.refs[k] = slot
    if here.atom != atom:
        if text_size(atom) > 255:
            return False
        if is_ascii(atom):
            size = text_size(atom)
        else:
            text_utf8(atom, &size)
        change = &sent.changes[sent.change_count]
        change.slot = slot
        change.before = here.atom
        sent.change_count += 1
        incref(atom)
        here.atom = atom
        sent.refs[k] |= NEW_REFERENCE
        sent.new_count += 1
        sent.new_bytes += size
        if size > 255:
            sent.long_names = True
    here.use = sent.message << 8 | <uint64_t>k
    sent.count = k + 1
    return True


cdef inline int put_atom(Writer* w, PyObject* atom) except -1:
    """*atom* is an ``Atom``."""
    cdef unsigned char* p
    cdef Py_ssize_t size
    if w.atoms != NULL and put_reference_to(w, atom):
        return 0
    if not is_ascii(atom):
        return put_wide_atom(w, atom)
    size = text_size(atom)
    if size > 255:
        refuse("an atom that is too long")
    p = room(w, 2 + size)
    p[0] = 119
    p[1] = <unsigned char>size
    copy(p + 2, text_data(atom), size)
    return 0


cdef int put_wide_atom(Writer* w, PyObject* atom) except -1:
    cdef Py_ssize_t size
    cdef const char* name = text_utf8(atom, &size)
    cdef unsigned char* p
    if text_size(atom) > 255:
        refuse("an atom that is too long")
    p = room(w, 3 + size)
    if size > 255:
        p[0] = 118
        put16(p + 1, <uint32_t>size)
        memcpy(p + 3, name, size)
    else:
        p[0] = 119
        p[1] = <unsigned char>size
        memcpy(p + 2, name, size)
        w.pos -= 1
    return 0


cdef inline int put_text(Writer* w, PyObject* text) except -1:
    """A ``str`` as a binary."""
    cdef Py_ssize_t size
    cdef const char* data
    if is_ascii(text):
        return put_sized(w, 109, <unsigned char*>text_data(text), text_size(text))
    data = text_utf8(text, &size)
    return put_sized(w, 109, <unsigned char*>data, size)


cdef inline int put_int(Writer* w, PyObject* term) except -1:
    """*term* is an exact ``int``."""
    cdef unsigned char* p
    cdef Py_ssize_t value
    if not is_compact(term):
        return put_long(w, term)
    value = compact_value(term)
    if 0 <= value <= 255:
        p = room(w, 2)
        p[0] = 97
        p[1] = <unsigned char>value
    else:
        if not -0x80000000 <= value <= 0x7FFFFFFF:
            return put_long(w, term)
        p = room(w, 5)
        p[0] = 98
        put32(p + 1, <uint32_t>value)
    return 0


cdef int put_long(Writer* w, PyObject* term) except -1:
    cdef int overflow = 0
    cdef long long value = int64_of(term, &overflow)
    cdef uint64_t magnitude
    cdef unsigned char* p
    cdef Py_ssize_t size = 0
    if overflow:
        return put_big(w, <object>term)
    if -0x80000000 <= value <= 0x7FFFFFFF:
        p = room(w, 5)
        p[0] = 98
        put32(p + 1, <uint32_t>value)
        return 0
    magnitude = -<uint64_t>value if value < 0 else <uint64_t>value
    p = room(w, 11)
    p[0] = 110
    p[2] = value < 0
    while magnitude:
        p[3 + size] = <unsigned char>magnitude
        magnitude >>= 8
        size += 1
    p[1] = <unsigned char>size
    w.pos -= 8 - size
    return 0


cdef int put_big(Writer* w, object term) except -1:
    cdef unsigned char* p
    size = (term.bit_length() + 7) // 8
    if size > MAX_INTEGER_BYTES:
        refuse("an integer that is too large")
    magnitude = abs(term)
    if size > 255:
        p = room(w, 6)
        p[0] = 111
        put32(p + 1, size)
        p[5] = term < 0
    else:
        p = room(w, 3)
        p[0] = 110
        p[1] = size
        p[2] = term < 0
    long_bytes(<PyObject*>magnitude, room(w, size), size)
    return 0


cdef inline int put_float(Writer* w, double value) except -1:
    cdef uint64_t bits = bits_of(value)
    cdef unsigned char* p
    if is_infinite(bits):
        refuse("a float that is not finite")
    p = room(w, 9)
    p[0] = 70
    put64(p + 1, bits)
    return 0


cdef inline int put_word(unsigned char* p, PyObject* field) except -1:
    """A field of an identifier; what its constructor would not take is refused."""
    cdef int64_t value = -1
    if field != NULL and type_of(field) == INT:
        value = uint32_of(field)
    if value < 0:
        refuse("a field that does not fit in 32 bits")
    put32(p, <uint32_t>value)
    return 0


cdef inline int put_node(Writer* w, PyObject* node) except -1:
    if node == NULL or type_of(node) != ATOM:
        refuse("a node that is no atom")
    return put_atom(w, node)


cdef int put_pid(Writer* w, PyObject* term) except -1:
    cdef unsigned char* p = room(w, 1)
    p[0] = 88
    put_node(w, slot(term, PID_NODE))
    p = room(w, 12)
    put_word(p, slot(term, PID_ID))
    put_word(p + 4, slot(term, PID_SERIAL))
    put_word(p + 8, slot(term, PID_CREATION))
    return 0


cdef int put_reference(Writer* w, PyObject* term) except -1:
    cdef PyObject* words = slot(term, REF_WORDS)
    cdef Py_ssize_t count, i
    cdef unsigned char* p = room(w, 3)
    if words == NULL or type_of(words) != TUPLE or tuple_size(words) > MAX_WORDS:
        refuse("not the words of a reference")
    count = tuple_size(words)
    p[0] = 90
    put16(p + 1, <uint32_t>count)
    put_node(w, slot(term, REF_NODE))
    p = room(w, 4 + 4 * count)
    put_word(p, slot(term, REF_CREATION))
    for i in range(count):
        put_word(p + 4 + 4 * i, tuple_items(words)[i])
    return 0


cdef int write_term(Writer* w, PyObject* term) except -1:
    """Write any term. The caller holds a reference to it."""
    cdef PyObject* kind = type_of(term)
    if kind == ATOM:
        return put_atom(w, term)
    if kind == INT:
        return put_int(w, term)
    if kind == TUPLE:
        return put_tuple(w, term)
    if kind == BYTES:
        return put_sized(w, 109, <unsigned char*>bytes_data(term), bytes_size(term))
    if kind == STR:
        return put_text(w, term)
    if kind == LIST:
        return put_list(w, term)
    if kind == FLOAT:
        return put_float(w, float_value(term))
    if kind == DICT:
        return put_dict(w, term)
    if kind == PID:
        return put_pid(w, term)
    if kind == REFERENCE:
        return put_reference(w, term)
    if term == <PyObject*>None:
        if w.undefined:
            return put_name(w, b"undefined", <PyObject*>ATOM_UNDEFINED)
        return put_name(w, b"nil", <PyObject*>ATOM_NIL)
    if term == PY_TRUE:
        return put_name(w, b"true", <PyObject*>ATOM_TRUE)
    if term == PY_FALSE:
        return put_name(w, b"false", <PyObject*>ATOM_FALSE)
    if kind == IMPROPER:
        return put_improper(w, term)
    return put_rare(w, <object>term)


ctypedef int (*silent_write)(Writer*, PyObject*) noexcept


cdef int write_whole(Writer* w, PyObject* term) except -1:
    """Write a term that is not part of another.

    Subclasses and converters may change the containers around them, which are sent as
    they were before: those are copied, but only once such a value was met.
    """
    cdef Py_ssize_t start = w.pos
    cdef int levels = w.levels
    if (<silent_write>write_term)(w, term) == 0:
        return 0
    refusal = pending_refusal()
    if type(refusal) is not _Foreign:
        raise refusal
    w.pos = start
    w.levels = levels
    w.careful = True
    return write_term(w, term)


cdef inline int put_item(Writer* w, PyObject* term) except -1:
    """``write_term`` for a part of something that may change while it is written.

    What runs no code but ours is written at once, the rest is held.
    """
    cdef PyObject* kind = type_of(term)
    if kind == INT:
        return put_int(w, term)
    if kind == ATOM:
        return put_atom(w, term)
    if kind == BYTES:
        return put_sized(w, 109, <unsigned char*>bytes_data(term), bytes_size(term))
    if kind == STR:
        return put_text(w, term)
    if kind == FLOAT:
        return put_float(w, float_value(term))
    return put_held(w, term)


cdef int put_held(Writer* w, PyObject* term) except -1:
    held = <object>term
    return write_term(w, <PyObject*>held)


cdef inline int dive(Writer* w, int levels) except -1:
    """Open a container, as ``descend`` does."""
    if w.levels < levels:
        raise _Unable("nested too deep")
    w.levels -= levels
    return 0


cdef Py_ssize_t put_numbers(
    Writer* w, PyObject** items, Py_ssize_t i, Py_ssize_t size
) except -1:
    """Write small integers and floats from *i* on; say where others begin."""
    cdef unsigned char* p = w.buf + w.pos
    cdef unsigned char* end = w.buf + w.cap
    cdef PyObject* kind
    cdef Py_ssize_t value
    cdef uint64_t bits
    while i < size:
        if end - p < 9:
            w.pos = p - w.buf
            grow(w, 9 * min(size - i, 1024))
            p = w.buf + w.pos
            end = w.buf + w.cap
        kind = type_of(items[i])
        if kind == INT and is_compact(items[i]):
            value = compact_value(items[i])
            if 0 <= value <= 255:
                p[0] = 97
                p[1] = <unsigned char>value
                p += 2
            elif -0x80000000 <= value <= 0x7FFFFFFF:
                p[0] = 98
                put32(p + 1, <uint32_t>value)
                p += 5
            else:
                break
        elif kind == FLOAT:
            bits = bits_of(float_value(items[i]))
            if is_infinite(bits):
                break
            p[0] = 70
            put64(p + 1, bits)
            p += 9
        else:
            break
        i += 1
    w.pos = p - w.buf
    return i


cdef int put_tuple(Writer* w, PyObject* term) except -1:
    cdef Py_ssize_t size = tuple_size(term), i
    cdef PyObject** items = tuple_items(term)
    cdef unsigned char* p
    dive(w, 1)
    if size <= 255:
        p = room(w, 2)
        p[0] = 104
        p[1] = <unsigned char>size
    else:
        if size > MAX_TUPLE:
            refuse("a tuple that cannot exist")
        p = room(w, 5)
        p[0] = 105
        put32(p + 1, <uint32_t>size)
    for i in range(size):
        put_item(w, items[i])
    w.levels += 1
    return 0


cdef inline bint is_number(PyObject* term) noexcept:
    return type_of(term) == INT or type_of(term) == FLOAT


cdef inline bint is_byte(PyObject* term) noexcept:
    return (
        type_of(term) == INT
        and is_compact(term)
        and 0 <= compact_value(term) <= 255
    )


cdef bint put_string(Writer* w, PyObject* term) except -1:
    """Write a list of bytes in its short form, if it is one."""
    cdef Py_ssize_t size = list_size(term), i
    cdef PyObject** items = list_items(term)
    cdef unsigned char* p
    # The last first: most lists of integers that are no bytes end with one.
    if size > 65535 or not is_byte(items[size - 1]) or not is_byte(items[0]):
        return False
    p = room(w, 3 + size)
    p[0] = 107
    put16(p + 1, <uint32_t>size)
    for i in range(size):
        if not is_byte(items[i]):
            w.pos -= 3 + size
            return False
        p[3 + i] = <unsigned char>compact_value(items[i])
    return True


cdef int put_head(Writer* w, int tag, Py_ssize_t size) except -1:
    cdef unsigned char* p = room(w, 5)
    if <uint64_t>size > U32_MAX:
        refuse("a size that does not fit in 32 bits")
    p[0] = tag
    put32(p + 1, <uint32_t>size)
    return 0


cdef int put_list(Writer* w, PyObject* term) except -1:
    """A list. One that changes its length, in another thread say, is refused."""
    cdef Py_ssize_t size = list_size(term), i = 0
    if size == 0:
        room(w, 1)[0] = 106
        return 0
    if put_string(w, term):
        return 0
    dive(w, 1)
    put_head(w, 108, size)
    if w.careful:
        copy = list(<object>term)
        term = <PyObject*>copy
    while True:
        if is_number(list_items(term)[i]):
            i = put_numbers(w, list_items(term), i, size)
            if i == size:
                break
        put_item(w, list_items(term)[i])
        if list_size(term) != size:
            raise _Unable("a list that changes while it is written")
        i += 1
        if i == size:
            break
    w.levels += 1
    room(w, 1)[0] = 106
    return 0


cdef int put_improper(Writer* w, PyObject* term) except -1:
    cdef PyObject* items = slot(term, IMPROPER_ITEMS)
    cdef Py_ssize_t size, i
    if w.careful or type_of(items) != LIST:
        parts = list(<object>items)
        items = <PyObject*>parts
    size = list_size(items)
    if size == 0:
        refuse("an improper list without items")
    dive(w, 1)
    put_head(w, 108, size)
    for i in range(size):
        put_item(w, list_items(items)[i])
        if list_size(items) != size:
            raise _Unable("a list that changes while it is written")
    write_term(w, slot(term, IMPROPER_TAIL))
    w.levels += 1
    return 0


cdef inline bint is_plain(PyObject* term) noexcept:
    """Tell if writing this runs nobody's code."""
    cdef PyObject* kind = type_of(term)
    return kind == BYTES or kind == STR or kind == ATOM or kind == INT


cdef int put_dict(Writer* w, PyObject* term) except -1:
    """A dict. Keys of one plain type are as different in Erlang as in Python.

    Others may be the same term, as ``"a"`` and ``b"a"`` are. Where such keys are found,
    the map is written again with a check, and from then on every map is looked at
    beforehand: nothing is written again inside of what is written again.
    """
    cdef Py_ssize_t size = dict_size(term), at = 0, start = w.pos
    cdef PyObject* key
    cdef PyObject* value
    cdef PyObject* kind = NULL
    cdef bint checked = w.wary
    if w.careful or (w.wary and may_repeat(list(<object>term))):
        return put_pairs(w, list((<object>term).items()))
    dive(w, 1)
    put_head(w, 116, size)
    while next_pair(term, &at, &key, &value):
        if is_plain(key) and (type_of(key) == kind or kind == NULL or checked):
            kind = type_of(key)
            put_item(w, key)
            put_item(w, value)
        elif checked or size == 1:
            held = <object>value
            put_held(w, key)
            write_term(w, <PyObject*>held)
        elif may_repeat(list(<object>term)):
            w.wary = True
            w.pos = start
            w.levels += 1
            return put_pairs(w, list((<object>term).items()))
        else:
            checked = True
            held = <object>value
            put_held(w, key)
            write_term(w, <PyObject*>held)
        if dict_size(term) != size:
            raise _Unable("a dict that changes while it is written")
    w.levels += 1
    return 0


cdef int put_pairs(Writer* w, list pairs) except -1:
    """A map with keys that may be the same term."""
    cdef Py_ssize_t start = w.pos
    cdef list marks = [] if may_repeat([k for k, _ in pairs]) else None
    dive(w, 2)
    put_head(w, 116, len(pairs))
    for key, value in pairs:
        if marks is not None:
            marks.append(w.pos - start)
        write_term(w, <PyObject*>key)
        if marks is not None:
            marks.append(w.pos - start)
        write_term(w, <PyObject*>value)
    w.levels += 2
    if marks is not None:
        refuse_duplicates(w.buf[start : w.pos], marks, referred(w))
    return 0


cdef tuple referred(Writer* w):
    """The atoms that were written as references."""
    cdef SentAtoms* sent = w.atoms
    cdef int k
    if sent == NULL:
        return ()
    atoms = []
    for k in range(sent.count):
        atoms.append(<object>sent.slots[sent.refs[k] & (ATOM_SLOTS - 1)].atom)
    return tuple(atoms)


cdef int put_rare(Writer* w, object term) except -1:
    """What a message seldom holds, subclasses, and what needs a conversion."""
    if type(term) is bytearray or type(term) is memoryview:
        if put_buffer(w, term):
            return 0
    form = type(term)
    if form not in _FORMS:
        converted = convert_rare(w, form, term)
        form = _pure_encode.form_of(converted)
        if converted is not term and (form in _WITH_ATOMS or type(converted) is form):
            # Its frames are counted as if it were in another container.
            dive(w, 1)
            write_term(w, <PyObject*>converted)
            w.levels += 1
            return 0
        term = converted
    leaf = _pure_encode.LEAVES["undefined" if w.undefined else "nil"].get(form)
    if leaf is not None:
        return put_leaf(w, leaf, _pure_encode._BASE_VALUE.get(form, _itself)(term))
    dive(w, 1)
    put_container(w, form, term)
    w.levels += 1
    return 0


cdef object convert_rare(Writer* w, kind, term):
    """Give what stands for a value of a class that is none of ours."""
    shape = shape_of(kind)
    if shape is not None and shape.quiet:
        return shape.dump(term)
    if not w.careful:
        raise _Foreign
    return _pure_encode.convert(term, <object>w.options)


cdef int put_container(Writer* w, form, term) except -1:
    if form is Fun:
        return put_fun(w, term)
    if form is tuple:
        term = tuple(term)
        return put_tuple(w, <PyObject*>term)
    if form is Charlist:
        term = list(map(ord, term))
        return put_list(w, <PyObject*>term)
    if form is list or form is FrozenList:
        term = list(term)
        return put_list(w, <PyObject*>term)
    if type(term) is form and form is not TermMap:
        return write_term(w, <PyObject*>term)
    return put_pairs(w, list(term._pairs if form is TermMap else term.items()))


def _itself(item):
    return item


cdef int put_leaf(Writer* w, leaf, term) except -1:
    buffer = bytearray()
    leaf(buffer, term)
    return write_bytes(w, buffer, len(buffer))


cdef bint put_buffer(Writer* w, term) except -1:
    """Memory as a binary, if it is in one piece."""
    cdef Py_buffer view
    try:
        PyObject_GetBuffer(term, &view, PyBUF_SIMPLE)
    except (BufferError, ValueError):
        return False
    try:
        put_sized(w, 109, <unsigned char*>view.buf, view.len)
    finally:
        PyBuffer_Release(&view)
    return True


cdef int put_fun(Writer* w, term) except -1:
    cdef Py_ssize_t start = w.pos
    head = bytearray()
    dive(w, 1)
    open_fun(head, term)
    write_bytes(w, head, len(head))
    for item in term.free:
        write_term(w, <PyObject*>item)
    w.levels += 1
    if <uint64_t>(w.pos - start - 1) > U32_MAX:
        refuse("a fun that is too long")
    put32(w.buf + start + 1, <uint32_t>(w.pos - start - 1))
    return 0




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


cdef int _i
for _i in range(256):
    SMALL[_i] = <PyObject*>_small_integers[_i]
grow_atoms()
