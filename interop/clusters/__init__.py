"""Clusters of BEAMs and Python nodes, each a program of its own, to be cut and killed.

Every member, whatever it is, can be asked the same questions: ``member.do("register",
name, pid)``. On a BEAM ``ergopy_cluster.erl`` answers, in Python ``program.py``.
"""
