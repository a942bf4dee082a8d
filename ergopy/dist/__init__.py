"""The distribution protocol: handshake, framing, and one connection to a peer."""
