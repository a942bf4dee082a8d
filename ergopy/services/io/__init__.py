"""Devices and the I/O protocol: ``ergopy.io``.

Pure parts first: ``chars`` and ``words`` know what is text, ``writing`` and ``pretty``
write terms, ``formatting`` (with ``floats``) does formats, ``reading``, ``fread`` and
``scanning`` take input apart, ``requests`` says what a request asks for. ``device`` is
the behaviour, ``user`` has the devices of a node; ``client`` asks one and ``verbs``
has what programs call. ``leader`` knows whose output it is.
"""

from .client import request as request
from .device import IoDevice as IoDevice
from .leader import group_leader as group_leader
from .user import serve_stdin as serve_stdin
from .verbs import columns as columns
from .verbs import format as format
from .verbs import get_chars as get_chars
from .verbs import get_line as get_line
from .verbs import get_password as get_password
from .verbs import getopts as getopts
from .verbs import print as print
from .verbs import put_chars as put_chars
from .verbs import read as read
from .verbs import rows as rows
from .verbs import setopts as setopts
