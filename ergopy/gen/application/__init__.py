"""Applications: parts of a program that start and stop as one."""

from .application import Application as Application
from .applications import KERNEL as KERNEL
from .applications import Applications as Applications
from .info import ApplicationInfo as ApplicationInfo
from .spec import ApplicationSpec as ApplicationSpec
from .spec import StartType as StartType
from .terms import descriptions as descriptions
