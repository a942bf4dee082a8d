"""What a BEAM node needs: the options file of its distribution, and its flags.

The file is what ``-ssl_dist_optfile`` reads. Both roles verify the peer, and the one
that is dialled insists on a certificate, which OTP by itself does not. OTP would offer
TLS 1.2 only; the file names both versions.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from ..errors import TlsFileError
from . import files

_FILES = {
    "certfile": files.CERTIFICATE,
    "keyfile": files.KEY,
    "cacertfile": files.AUTHORITY,
}


def options(folder: str | Path) -> str:
    """Return the options for a BEAM that finds its files in *folder*."""
    common = [f"{{{key}, {_text(folder, name)}}}" for key, name in _FILES.items()]
    common += ["{verify, verify_peer}", "{versions, ['tlsv1.3', 'tlsv1.2']}"]
    server = [*common, "{fail_if_no_peer_cert, true}"]
    return f"[{_role('server', server)},\n {_role('client', common)}].\n"


def write_options(
    folder: str | Path, at: str | Path | None = None, *, force: bool = False
) -> Path:
    """Write ``ssl_dist.conf`` into the folder of a node.

    Args:
        folder: Where the node's certificate is.
        at: Where that folder will be on the machine of the BEAM; None is here.
        force: Replace the file if there is one.

    Raises:
        TlsFileError: The folder lacks something, or the file is there already.
    """
    folder = Path(folder)
    for name in _FILES.values():
        if not (folder / name).exists():
            raise TlsFileError(
                folder / name,
                f"there is no such file: run 'ergopy certs node {folder.name}' first",
            )
    path = folder / files.OPTIONS
    files.refuse_existing([path], force=force)
    files.write(path, options(at or folder.resolve()).encode())
    return path


def flags(folder: str | Path) -> str:
    """Return the arguments with which ``erl`` uses TLS, its files in *folder*."""
    path = str(Path(folder) / files.OPTIONS)
    return f"-proto_dist inet_tls -ssl_dist_optfile {shlex.quote(path)}"


def _role(name: str, items: list[str]) -> str:
    inside = ",\n           ".join(items)
    return f"{{{name}, [{inside}]}}"


def _text(folder: str | Path, name: str) -> str:
    # As it is over there: of another system, perhaps.
    path = f"{folder}".rstrip("/") + f"/{name}"
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
