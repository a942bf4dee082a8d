from tests.nodes import echo, epmd_port, make_node, pair

__all__ = ["echo", "epmd_port", "make_node", "pair"]
