"""Sagas in processes of their own, which are killed at every point."""
