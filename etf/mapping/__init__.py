"""Python's own types and terms: dataclasses as structs, records and maps, and back.

An annotation is compiled once into a ``Codec``: a pair of closures, one that makes a
value of a term and one that makes a term of a value.

- ``shapes``: what a class is said to be, ``@struct`` and the like.
- ``annotations``: the compiler; ``scalars``, ``constants``, ``containers``, ``sets``,
  ``unions``, ``classes`` and ``typed_dicts`` are what it compiles to.
- ``converter``: what a program says about other classes; ``etf.converters`` has some.
- ``reviving``: the decoder's part, for who wants instances without asking.

Rules: any term at all gives a value or a ``MappingError``. A term fits an annotation or
it does not; nothing is guessed and nothing is left out, unless a class ignores what it
does not know. What a value leaves as, it can come back from.

Limits: nesting costs Python's recursion, so that what is nested some hundred levels
deep does not fit. Fields that ``__init__`` does not take are in no term. A class that
refers to itself can be compiled, an alias that does cannot.
"""
