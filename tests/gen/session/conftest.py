from tests.nodes import epmd_port, make_node, pair

__all__ = ["epmd_port", "make_node", "pair"]
