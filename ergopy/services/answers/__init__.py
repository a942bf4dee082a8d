"""The standard questions: what tools call on every node, by ``rpc`` and ``erpc``.

Each module here holds the rooms of some modules of OTP. ``Node(answers=)`` says which
are answered, ``node.unexport`` turns single ones off, and what a program exports by the
same name goes before them.
"""

from . import (
    applications,
    behaviours,
    erlang,
    logs,
    network,
    numbers,
    processes,
    programs,
    seen,
    system_info,
)

ROOMS = (
    erlang.ROOM,
    processes.ROOM,
    system_info.ROOM,
    numbers.ROOM,
    network.KERNEL,
    network.NET_ADM,
    network.INET,
    network.OS,
    applications.ROOM,
    applications.APPLICATION,
    applications.CONTROLLER,
    behaviours.SUPERVISOR,
    behaviours.ELIXIR,
    behaviours.SYS,
    behaviours.GEN_EVENT,
    behaviours.PROC_LIB,
    programs.CODE,
    programs.INIT,
    programs.ETS,
    logs.ROOM,
    seen.ROOM,
)

QUESTIONS = tuple(question for room in ROOMS for question in room.questions)
"""All of them, in the order of their page in the reference."""
