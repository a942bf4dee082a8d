"""Build the compiled codec; everything else about the package is in pyproject.toml.

Without a C compiler the installation still succeeds: the pure-Python codec does the
same, only slower. ``ERGOPY_REQUIRE_EXT=1`` makes a failed build an error (for those
who build wheels), ``ERGOPY_PURE=1`` does not try at all.
"""

from __future__ import annotations

import os
import platform
import sys

from setuptools import Extension, setup

REQUIRED = os.environ.get("ERGOPY_REQUIRE_EXT") == "1"
SKIPPED = os.environ.get("ERGOPY_PURE") == "1"
FLAGS = [] if sys.platform == "win32" else ["-O3", "-fno-strict-aliasing"]


def extensions() -> list[Extension]:
    """The compiled modules that can be built here."""
    if platform.python_implementation() != "CPython" or (SKIPPED and not REQUIRED):
        return []
    try:
        from Cython.Build import cythonize
    except ImportError:
        if REQUIRED:
            raise
        return []
    modules = [
        Extension(
            f"{package}._speedups",
            [f"{package.replace('.', '/')}/_speedups.pyx"],
            extra_compile_args=FLAGS,
            optional=not REQUIRED,
        )
        for package in ("etf", "ergopy.dist")
        if os.path.exists(f"{package.replace('.', '/')}/_speedups.pyx")
    ]
    return cythonize(modules, language_level=3, quiet=True)


setup(ext_modules=extensions())
