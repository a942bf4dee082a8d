"""Scopes: processes and tasks that end with a part of the life of their owner.

``scope`` is what a program holds, ``keeper`` the supervisor process behind it, and
``helpers`` the tasks that run in the owner's name.
"""

from .scope import HOSTED as HOSTED
from .scope import Scope as Scope
