"""Tasks: functions in processes of their own (Elixir's ``Task``)."""

from .stream import TaskStream as TaskStream
from .supervisor import TaskSupervisor as TaskSupervisor
from .task import Task as Task
