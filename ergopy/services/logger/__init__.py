"""Logging across nodes: what a BEAM logs here, and what goes to its logger."""
