# Bounds of this code and of the format, and what the options of a reader are as bits.

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
