"""The roots of ergopy's exceptions."""

from __future__ import annotations


class ErgopyError(Exception):
    """The root of ergopy's own exceptions."""


class ProtocolError(ErgopyError):
    """A rule of the distribution protocol was broken."""


class LocalProtocolError(ProtocolError):
    """We asked for something the protocol forbids: a bug in the calling code."""


class RemoteProtocolError(ProtocolError):
    """The peer broke the protocol; its connection is closed, nothing else is."""
