"""Certificates for a cluster that talks over TLS: what ``ergopy certs`` does.

A small authority of one's own signs a certificate for each node. Its certificate is
all that the nodes have to know of each other::

    certs/
        ca.pem            the authority's certificate, no secret
        ca.key            its key: keep it off the machines that run nodes
        py@10.0.0.5/      all that this node needs; copy the folder to its machine
            cert.pem
            key.pem
            ca.pem
            ssl_dist.conf     only for a BEAM: its -ssl_dist_optfile

Keys are elliptic (P-256) unless RSA is asked for; both are taken by OTP 25. Nothing is
overwritten unless that is asked for. A key is readable by its owner only.
"""

from .authority import Authority as Authority
from .authority import Kind as Kind
from .beam import flags as flags
from .beam import write_options as write_options
from .files import AUTHORITY as AUTHORITY
from .files import CERTIFICATE as CERTIFICATE
from .files import KEY as KEY
from .files import OPTIONS as OPTIONS
from .look import Finding as Finding
from .look import Looks as Looks
from .look import examine as examine
from .look import load as load
from .look import looks as looks
