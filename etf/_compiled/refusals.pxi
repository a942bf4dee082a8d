# How this code says that it cannot or may not: the reference then says why.

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
