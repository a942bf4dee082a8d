"""Processes with a configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ergopy import ProcessConfig
from tests.runtimes import idle

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime


def configured(runtime: Runtime, trap: bool = False, **options: Any) -> Process:
    process = runtime.spawn(idle, (), label="it", config=ProcessConfig(**options))
    process.trap_exit = trap
    return process
