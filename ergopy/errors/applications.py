"""Errors of applications."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .base import ErgopyError
from .text import shown

if TYPE_CHECKING:
    from collections.abc import Sequence


class ApplicationError(ErgopyError):
    """Something about an application; ``application`` is its name."""

    def __init__(self, application: str, problem: str) -> None:
        super().__init__(f"application {application}: {problem}")
        self.application = application


class ApplicationNotLoaded(ApplicationError):
    """No such application is known here, or ``needed_by`` needs one that is not."""

    def __init__(self, application: str, needed_by: str | None = None) -> None:
        self.needed_by = needed_by
        whose = f", and {needed_by} needs it" if needed_by else ""
        super().__init__(application, f"not loaded{whose}")


class ApplicationAlreadyLoaded(ApplicationError):
    """Another application of that name is loaded."""

    def __init__(self, application: str) -> None:
        super().__init__(application, "another one of that name is loaded")


class ApplicationRunning(ApplicationError):
    """It runs, or is on its way up or down; stop it first."""

    def __init__(self, application: str) -> None:
        super().__init__(application, "already started")


class ApplicationNotStarted(ApplicationError):
    """It does not run, or ``needed_by`` needs one that does not."""

    def __init__(self, application: str, needed_by: str | None = None) -> None:
        self.needed_by = needed_by
        whose = f", and {needed_by} needs it" if needed_by else ""
        super().__init__(application, f"not started{whose}")


class DependencyCycle(ApplicationError):
    """Applications need each other; ``cycle`` begins and ends with the same name."""

    def __init__(self, cycle: Sequence[str]) -> None:
        self.cycle = tuple(cycle)
        super().__init__(cycle[0], f"needs itself: {' -> '.join(cycle)}")


class ApplicationStartError(ApplicationError):
    """It did not come up; ``reason`` is the exit reason, as a term."""

    def __init__(self, application: str, reason: Any) -> None:
        self.reason = reason
        super().__init__(application, f"did not start: {shown(reason)}")


class ApplicationTerminated(ApplicationError):
    """The end of a permanent or transient application ended its node.

    ``reason`` is its exit reason, ``start_type`` how it was started, and ``clean``
    tells whether it had ended by itself, with nothing wrong.
    """

    def __init__(
        self, application: str, reason: Any, start_type: str, *, clean: bool = False
    ) -> None:
        self.reason = reason
        self.start_type = start_type
        self.clean = clean
        super().__init__(application, f"{start_type}, and terminated: {shown(reason)}")
