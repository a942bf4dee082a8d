"""``%URI{}`` as what ``urllib.parse.urlsplit`` gives.

What is missing is ``nil`` there and empty here. The port of a scheme that has one is in
the struct and not in the text, as Elixir has it.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from .._errors import EncodeError
from ..mapping.converter import Converter
from ..mapping.scalars import TEXT
from . import structs

_URI: Final = "Elixir.URI"
_TEXTS: Final = ("scheme", "userinfo", "host", "path", "query", "fragment")
_PORTS: Final = {
    "ftp": 21,
    "http": 80,
    "https": 443,
    "ldap": 389,
    "ldaps": 636,
    "sftp": 22,
    "tftp": 69,
    "ws": 80,
    "wss": 443,
}


def _load(term: Any) -> SplitResult:
    scheme, userinfo, host, path, query, fragment = [
        None if part is None else TEXT.load(part)
        for part in structs.take(term, _URI, *_TEXTS)
    ]
    (port,) = structs.take(term, _URI, "port")
    place = host or ""
    if ":" in place and not place.startswith("["):
        place = f"[{place}]"
    if userinfo is not None:
        place = f"{userinfo}@{place}"
    if type(port) is int and port != _PORTS.get(scheme or ""):
        place = f"{place}:{port}"
    made = SplitResult(scheme or "", place, path or "", query or "", fragment or "")
    if urlsplit(made.geturl()) != made:
        raise ValueError("no URI that could be written")
    return made


def _dump(value: SplitResult) -> Any:
    userinfo, at, place = value.netloc.rpartition("@")
    try:
        port = value.port
    except ValueError as error:
        raise EncodeError(f"a URI whose {error}") from error
    host = place if port is None else place.rpartition(":")[0]
    # A file has a host, if only an empty one: ``file:///etc``.
    nowhere = "" if value.scheme == "file" else None
    return structs.make(
        _URI,
        scheme=value.scheme or None,
        userinfo=userinfo if at else None,
        host=host.strip("[]").rstrip(":") or nowhere,
        port=_PORTS.get(value.scheme) if port is None else port,
        path=value.path or None,
        query=value.query or None,
        fragment=value.fragment or None,
        authority=None,
    )


URI: Final = Converter(
    SplitResult, encode=_dump, decode=_load, structs=(_URI,), expected="%URI{}"
)
