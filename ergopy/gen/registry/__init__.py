"""Registries: processes by key, local and from other nodes."""

from .registry import Registry as Registry
from .remote import RemoteRegistry as RemoteRegistry
