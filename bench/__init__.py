"""Measure ergopy beside a BEAM node, in one run: ``python -m bench``.

Absolute numbers belong to one machine on one day. So every line is measured
twice, against our node and against a BEAM node that does the same work, driven
by the same third node, and the ratio is what counts.

    driver (BEAM, CPU 0)  ──►  peer (ergopy, CPU 1)
                          ──►  peer (BEAM,   CPU 1)

Linux only: it pins processes and reads their processor clocks.
"""
