"""The Python prompt that ``erl -remsh`` and ``iex --remsh`` get from this node.

Only a node with ``shell=True`` (or ``ERGOPY_SHELL=1``) has it. The terminal, its line
editing and its history are the BEAM's; here are the processes that talk to it.

- ``doors``: the functions that a BEAM calls to get in, and to complete a word
- ``session``: the process that is the shell: it asks for lines, and hears Ctrl-C
- ``evaluator``: the process that runs what was typed
- ``source``: from lines to code objects, and from exceptions to text
- ``output``: what ``print`` and the values of expressions become
- ``showing``: the text of a value, with limits
- ``names``: what is in scope at the prompt
- ``completion``: how a word may go on
"""

from .doors import start

__all__ = ["start"]
