"""Every exception that ``epmd`` raises on purpose.

::

    EpmdError
    ├── EpmdValueError(ValueError)   we were asked to send what EPMD cannot carry
    ├── EpmdUnreachable(OSError)     nobody answers there, or not in time
    ├── EpmdProtocolError            what answers there is no EPMD, or said nothing
    ├── EpmdRefused                  EPMD understood, and does not do it
    ├── NameTaken                    another node has that name there
    ├── NotRegistered                no node has that name there
    └── CannotListen(OSError)        we cannot serve at that address
        └── PortBusy                 the port is in use

An error carries its data as attributes and builds its message from them.
"""

from __future__ import annotations


class EpmdError(Exception):
    """The root of the exceptions of ``epmd``."""


class EpmdValueError(EpmdError, ValueError):
    """A value that no EPMD message can carry: a bug in the calling code."""

    def __init__(self, field: str, value: object, problem: str) -> None:
        shown = repr(value)
        if len(shown) > 60:
            shown = shown[:57] + "..."
        super().__init__(f"{field} {shown}: {problem}")
        self.field = field
        self.value = value
        self.problem = problem


class EpmdUnreachable(EpmdError, OSError):
    """No EPMD could be reached at that address, or it went silent."""

    def __init__(self, host: str, port: int, problem: str) -> None:
        super().__init__(f"no EPMD at {host}:{port}: {problem}")
        self.host = host
        self.port = port
        self.problem = problem


class EpmdProtocolError(EpmdError):
    """The other side broke the protocol; its connection is closed, nothing else is.

    A client sees it when what answers is no EPMD, and when EPMD closed without a
    word, which is how it says that it did not like the request. ``data`` is what
    came, cut to 100 bytes.
    """

    def __init__(self, problem: str, data: bytes = b"") -> None:
        super().__init__(problem)
        self.problem = problem
        self.data = bytes(data[:100])


class EpmdRefused(EpmdError):
    """EPMD said no to *request*: ``kill`` with nodes alive, ``stop`` without leave."""

    def __init__(self, request: str, problem: str) -> None:
        super().__init__(f"EPMD refused {request}: {problem}")
        self.request = request
        self.problem = problem


class NameTaken(EpmdError):
    """A live node is registered under that name at that EPMD."""

    def __init__(self, name: str, host: str, port: int) -> None:
        super().__init__(f"the name {name!r} is taken at the EPMD of {host}:{port}")
        self.name = name
        self.host = host
        self.port = port


class NotRegistered(EpmdError):
    """No node is registered under that name at that EPMD."""

    def __init__(self, name: str, host: str, port: int) -> None:
        super().__init__(f"no {name!r} at the EPMD of {host}:{port}")
        self.name = name
        self.host = host
        self.port = port


class CannotListen(EpmdError, OSError):
    """We cannot serve at that address."""

    advice = ""

    def __init__(self, address: str, port: int, problem: str) -> None:
        super().__init__(
            f"cannot serve EPMD at {address}:{port}: {problem}{self.advice}"
        )
        self.address = address
        self.port = port
        self.problem = problem


class PortBusy(CannotListen):
    """The port is in use, most often because an EPMD runs there."""

    advice = (
        "; if another EPMD runs there use that one, or set ERL_EPMD_PORT "
        "to a free port for every node"
    )
