"""Distribution over TLS, as ``-proto_dist inet_tls`` on the BEAM (protocol 7).

TLS begins with the first byte. Inside it is the handshake of any other connection,
with lengths of 4 bytes, and then the same frames and ticks; the cookie is checked as
ever. :class:`Tls` holds certificates and rules, :class:`TlsNetwork` makes sockets
of them.

Who is on the other side is proved by a certificate that one of our authorities has
signed, in both directions, and that is good for the host part of the node's name.
OTP checks that name when it dials; when it is dialled, it only does with an allow list.
"""

from .network import TlsNetwork as TlsNetwork
from .settings import Tls as Tls
