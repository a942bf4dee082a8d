"""BEAM nodes whose distribution is over TLS, and the certificates of all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from ergopy.certs import flags, write_options
from tests.certificates import Desk

from .beam import unique_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .beam import Beam

    StartTls = Callable[..., Beam]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("certs"))


@pytest.fixture(scope="module")
def start_tls(
    start_beam: Callable[..., Beam], certificates: Desk
) -> Iterator[StartTls]:
    """``start_tls(kind, ...)``: a BEAM whose distribution is over TLS."""
    started: list[Beam] = []

    def start(
        kind: str = "otp25",
        *,
        versions: list[str] = ["1.3", "1.2"],  # noqa: B006
        more: str = "",
        without: str = "",
        bad: str = "",
        key: str = "ec",
        args: tuple[str, ...] = (),
    ) -> Beam:
        name = unique_name(kind)
        if bad:
            certificates.bad(name, bad)
        else:
            certificates.files(name, kind=key)
        path = write_options(certificates.folder / name)
        text = path.read_text()
        chosen = ", ".join(f"'tlsv{version}'" for version in versions)
        text = text.replace("'tlsv1.3', 'tlsv1.2'", chosen)
        if without:
            text = re.sub(rf"\{{{without}, [^}}]*\}},\s*", "", text)
        if more:
            text = text.replace("{verify,", f"{more}, {{verify,")
        path.write_text(text)
        words = (*flags(certificates.folder / name).split(), *args)
        started.append(start_beam(kind, name=name, args=words))
        return started[-1]

    yield start
    for beam in started:
        beam.stop()


@pytest.fixture
def options(node_options: dict[str, Any], certificates: Desk) -> dict[str, Any]:
    return node_options | {"tls": certificates.good(node_options["name"])}
