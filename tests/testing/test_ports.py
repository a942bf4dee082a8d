"""Ports that are free, and stay so until they are used."""

from __future__ import annotations

import socket

import pytest

from ergopy.testing.ports import RANGE, free_port


def test_nobody_listens_on_it() -> None:
    with socket.create_server(("127.0.0.1", free_port())) as server:
        assert server.getsockname()[1] in RANGE


def test_no_two_workers_have_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", "3")
    drawn: list[set[int]] = []
    for worker in ("gw0", "gw1", "gw2"):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", worker)
        drawn.append({free_port() % 3 for _ in range(50)})
    assert sorted(drawn, key=min) == [{0}, {1}, {2}]


@pytest.mark.parametrize("worker", ["", "master", "ours"])
def test_who_is_no_numbered_worker_draws_from_all(
    monkeypatch: pytest.MonkeyPatch, worker: str
) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER", worker)
    assert len({free_port() % 3 for _ in range(100)}) == 3


def test_one_that_is_taken_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as server:
        taken = server.getsockname()[1]
        monkeypatch.setattr(
            "ergopy.testing.ports._own", lambda: range(taken, taken + 1)
        )
        monkeypatch.setattr("ergopy.testing.ports.TRIES", 1)
        with pytest.raises(OSError, match="no free port"):
            free_port()
