"""Nodes: names, connections, routing, exports, and spawning across nodes."""
