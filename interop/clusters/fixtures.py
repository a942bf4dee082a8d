"""Fixtures for the chapters about clusters; each imports those that it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ..beam import Missing
from ..conftest import missing
from .cluster import KINDS, Cluster
from .hosts import Hosts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ..beam import Epmd


@pytest.fixture(scope="module")
def make_cluster(
    peer_code: Path, epmd: Epmd, cookie: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Cluster]]:
    """``make_cluster(kinds, ..)``: nodes that end with the module."""
    made: list[Cluster] = []
    defaults: dict[str, Any] = {
        "code": peer_code,
        "folder": tmp_path_factory.mktemp("cluster"),
        "cookie": cookie,
        "epmd_port": epmd.port,
    }

    def make(kinds: tuple[str, ...] = KINDS, **options: Any) -> Cluster:
        try:
            made.append(Cluster(kinds, **(defaults | options)))
        except Missing as problem:
            missing(problem)
        return made[-1]

    yield make
    crashes = [line for cluster in made for line in cluster.crashes()]
    for cluster in made:
        cluster.close()
    assert crashes == []


@pytest.fixture(scope="module")
def cluster(make_cluster: Callable[..., Cluster]) -> Cluster:
    """OTP 25, OTP 28 and two Python nodes, on loopback."""
    return make_cluster()


@pytest.fixture(scope="module")
def split(make_cluster: Callable[..., Cluster]) -> Iterator[Cluster]:
    """The same, each on a host of its own, with cables between them."""
    try:
        hosts = Hosts(len(KINDS))
    except Missing as problem:
        missing(problem)
        raise
    yield make_cluster(hosts=hosts)
    hosts.close()
