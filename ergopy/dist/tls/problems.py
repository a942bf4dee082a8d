"""What OpenSSL complains about, in the words of ``TlsError``.

OpenSSL tells its own findings and the alerts of the peer apart by name only; the two
tables here are keyed by these names.
"""

from __future__ import annotations

import ssl

from ...errors import CertificateError, TlsError

_VERIFY = {
    9: ("not_yet_valid", "its certificate is not valid yet (compare the clocks)"),
    10: ("expired", "its certificate has expired"),
    18: ("self_signed", "it signed its certificate itself"),
    19: ("unknown_authority", "none of our authorities signed its certificate"),
    20: ("unknown_authority", "none of our authorities signed its certificate"),
    21: ("unknown_authority", "none of our authorities signed its certificate"),
    23: ("revoked", "its certificate is revoked"),
}
"""Codes of OpenSSL's verification."""

_OURS = {
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": (
        CertificateError,
        "missing",
        "it has no certificate to show, and this node wants one",
    ),
    "NO_SHARED_CIPHER": (TlsError, "cipher", "we have no cipher in common"),
    "NO_SUITABLE_SIGNATURE_ALGORITHM": (
        TlsError,
        "cipher",
        "we have no signature algorithm in common",
    ),
    "UNSUPPORTED_PROTOCOL": (TlsError, "version", "we have no TLS version in common"),
    "WRONG_SSL_VERSION": (TlsError, "version", "we have no TLS version in common"),
    "VERSION_TOO_LOW": (TlsError, "version", "we have no TLS version in common"),
    "WRONG_VERSION_NUMBER": (TlsError, "plain", "it does not speak TLS"),
    "HTTP_REQUEST": (TlsError, "plain", "it does not speak TLS"),
}
"""What we found: the error, its reason, and the text."""

_ALERTS = {
    "CERTIFICATE_EXPIRED": "expired",
    "CERTIFICATE_REVOKED": "revoked",
    "CERTIFICATE_UNKNOWN": "bad",
    "BAD_CERTIFICATE": "bad",
    "UNSUPPORTED_CERTIFICATE": "bad",
    "UNKNOWN_CA": "unknown_authority",
    "CERTIFICATE_REQUIRED": "missing",
}
"""What a peer says of our certificate, and the reason of the error."""

_ALERT = "_ALERT_"


def named(peer: str, error: ssl.SSLError) -> TlsError:
    """Return the error for *error*, which the handshake or a read raised."""
    if isinstance(error, ssl.SSLCertVerificationError):
        bad = "bad", f"its certificate is bad: {error.verify_message}"
        reason, text = _VERIFY.get(error.verify_code, bad)
        return CertificateError(peer, text, reason)
    name = error.reason or ""
    if _ALERT in name:
        return _from_alert(peer, name.partition(_ALERT)[2])
    if name in _OURS:
        kind, reason, text = _OURS[name]
        return kind(peer, text, reason)
    if isinstance(error, ssl.SSLEOFError):
        return closed(peer)
    return TlsError(peer, f"TLS went wrong: {name or error}", "broken")


def closed(peer: str) -> TlsError:
    """Return the error for a peer that closes before TLS is up."""
    return TlsError(
        peer,
        "it closed during the TLS handshake: no TLS there, or its log says why",
        "closed",
    )


def plain(peer: str, first: bytes) -> TlsError:
    """Return the error for a peer whose *first* bytes are no TLS."""
    return TlsError(peer, f"it does not speak TLS: it began with {first!r}", "plain")


def _from_alert(peer: str, alert: str) -> TlsError:
    words = alert.lower().replace("_", " ")
    if alert in _ALERTS:
        text = f"it refuses our certificate ({words})"
        return CertificateError(peer, text, _ALERTS[alert], ours=True)
    if alert == "PROTOCOL_VERSION":
        return TlsError(peer, "we have no TLS version in common", "version")
    if alert == "HANDSHAKE_FAILURE":
        # OTP says this, too, of a name that does not fit and of no certificate.
        text = "it gives up: no cipher in common, or our certificate will not do"
        return TlsError(peer, f"{text} ({words})", "alert")
    return TlsError(peer, f"it gives up: {words}", "alert")
