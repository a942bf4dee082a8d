"""Chapters of behaviour, each shown against real BEAM nodes."""
