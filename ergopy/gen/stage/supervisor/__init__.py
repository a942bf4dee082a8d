"""ConsumerSupervisor: one process for each event."""

from .consumer_supervisor import ConsumerSupervisor as ConsumerSupervisor
