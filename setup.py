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
    sources = [
        Extension(
            f"{package}._speedups",
            [f"{package.replace('.', '/')}/_speedups.pyx"],
            extra_compile_args=FLAGS,
        )
        for package in ("etf", "ergopy.dist")
    ]
    modules: list[Extension] = cythonize(
        sources, language_level=3, quiet=True, build_dir="build/cython"
    )
    for module in modules:  # cythonize does not hand this on
        module.optional = not REQUIRED
    return modules


setup(ext_modules=extensions())
