"""What a user says about TLS, and the contexts that come of it."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias, final

from ...errors import TlsFileError
from . import contexts

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Sequence

logger = logging.getLogger("ergopy.dist")

File: TypeAlias = str | os.PathLike[str]

_KNOWN = ("1.2", "1.3")


@final
class Tls:
    """Certificates and rules for distribution over TLS; the value of ``Node(tls=)``.

    As ``-proto_dist inet_tls`` with an ``ssl_dist_optfile``. The files are in PEM. They
    are read at once, and again for the next connection after one of them changed;
    connections that are up stay as they are. If what is new does not work, an error
    is logged and what was read before goes on.

    Args:
        certificate: The node's certificate, and those between it and the authority
            behind it.
        key: Its private key; None if it is in the same file.
        authorities: One file, or several, with the certificates of the authorities
            whose word counts. The system's are never asked.
        key_password: What opens the key; not part of the ``repr``.
        client_certificate: What to show as the node that dials; None is the same as
            when dialled.
        client_key: The key that goes with it.
        verify_peer: Believe only certificates that one of *authorities* has signed.
            False lets everybody in who has the cookie, and lets anybody listen in who
            gets between the nodes.
        check_names: Want a certificate to be good for the host part of the name of
            the node that shows it, whoever dialled. OTP checks it when it dials;
            when it is dialled only if it has an allow list.
        require_client_certificate: Refuse nodes that dial and have no certificate, as
            ``fail_if_no_peer_cert``. False verifies a certificate if there is one.
        versions: Of TLS: ``"1.2"``, ``"1.3"``, or both. A BEAM offers only 1.2
            unless its options say otherwise.
        ciphers: The ciphers for TLS 1.2, in OpenSSL's words; None is OpenSSL's choice.

    Raises:
        TlsFileError: A file is missing, is not what it should be, or does not fit
            another; ``path`` says which.
        ValueError: An option cannot be.
    """

    def __init__(
        self,
        certificate: File,
        key: File | None = None,
        authorities: File | Iterable[File] = (),
        *,
        key_password: str | None = None,
        client_certificate: File | None = None,
        client_key: File | None = None,
        verify_peer: bool = True,
        check_names: bool = True,
        require_client_certificate: bool = True,
        versions: Sequence[str] = _KNOWN,
        ciphers: str | None = None,
    ) -> None:
        if isinstance(authorities, (str, os.PathLike)):
            authorities = [authorities]
        self._server = _role(certificate, key, key_password)
        self._client = self._server
        if client_certificate is not None:
            self._client = _role(client_certificate, client_key, key_password)
        elif client_key is not None:
            raise ValueError("client_key= goes with client_certificate=")
        self._rules = contexts.Rules(
            tuple(Path(path) for path in authorities),
            verify_peer,
            check_names,
            require_client_certificate,
            _checked(versions),
            ciphers,
        )
        if verify_peer and not self._rules.authorities:
            raise ValueError(
                "authorities= is missing: the file with the certificate of who signed "
                "those of the other nodes"
            )
        self._pair = self._make()
        self._tried = self._pair.stamps
        contexts.warn_of_readable_keys(self._server, self._client)

    def __repr__(self) -> str:
        return f"Tls({str(self._server.certificate)!r})"

    @classmethod
    def from_folder(cls, folder: File, **rules: Any) -> Self:
        """Use the folder that ``ergopy certs node`` made for this node.

        That is ``cert.pem``, ``key.pem``, and ``ca.pem`` for the authority. *rules* are
        the other arguments of the class, by name.
        """
        path = Path(folder)
        if not path.is_dir():
            raise TlsFileError(path, "no such folder; 'ergopy certs node' makes it")
        return cls(path / "cert.pem", path / "key.pem", path / "ca.pem", **rules)

    @property
    def check_names(self) -> bool:
        """Whether certificates have to be good for the hosts of nodes."""
        return self._rules.verify_peer and self._rules.check_names

    def reload(self) -> None:
        """Read the files again now, whether or not they seem to have changed.

        Raises:
            TlsFileError: They do not work; what was read before goes on.
        """
        self._tried = contexts.stamps(self._server, self._client, self._rules)
        self._pair = self._make()

    def server_context(self) -> ssl.SSLContext:
        """Return what to be dialled with; made anew if a file has changed."""
        self._refresh()
        return self._pair.server

    def client_context(self) -> ssl.SSLContext:
        """Return what to dial with; made anew if a file has changed."""
        self._refresh()
        return self._pair.client

    def _make(self) -> contexts.Pair:
        return contexts.make(self._server, self._client, self._rules)

    def _refresh(self) -> None:
        if contexts.stamps(self._server, self._client, self._rules) == self._tried:
            return
        try:
            self.reload()
        except TlsFileError as error:
            # Said once for each change: a second file may be on its way.
            logger.error("new TLS files do not work, the old ones stay: %s", error)
        else:
            logger.info("read %s anew", self._server.certificate)


def _role(certificate: File, key: File | None, password: str | None) -> contexts.Role:
    path = Path(certificate)
    return contexts.Role(path, path if key is None else Path(key), password)


def _checked(versions: Sequence[str]) -> tuple[str, ...]:
    if isinstance(versions, str):
        versions = (versions,)
    chosen = tuple(versions)
    if not chosen or not set(chosen) <= set(_KNOWN):
        raise ValueError(f"versions= is some of {_KNOWN}, not {versions!r}")
    return chosen
