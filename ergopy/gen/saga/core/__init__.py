"""What a saga does about its transactions, as a machine that does no input or output.

:class:`~.machine.Machine` takes an event and the time, and gives the actions that are
to be done, in order. Which function takes which event in which state says ``table.py``.
"""
