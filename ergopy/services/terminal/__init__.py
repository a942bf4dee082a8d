"""A prompt of another node, in a terminal of this one.

A BEAM's shell is a process over there that does its input and output with its group
leader. Here the group leader is a process of ours: what ``group`` and ``user_drv`` are
on a BEAM with a terminal.

- ``session``: that process, and what the keys do
- ``attach``: how the shell over there is started
- ``requests``, ``options``: what a shell asks for, and what it has set
- ``output``, ``input``, ``reading``: what is put out, and what is typed
- ``completion``: how a word goes on
- ``device``: what a terminal has to be able to do
"""

from .attach import ELIXIR, ERLANG, NoPrompt
from .completion import Completion
from .device import Line, Pressed, Terminal
from .session import Session

__all__ = [
    "ELIXIR",
    "ERLANG",
    "Completion",
    "Line",
    "NoPrompt",
    "Pressed",
    "Session",
    "Terminal",
]
