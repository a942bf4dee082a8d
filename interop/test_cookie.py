"""Wrong cookies and refused nodes: no connection, and a clear word about why."""

from __future__ import annotations

import pytest

from ergopy import Atom, CookieMismatch, HandshakeError, Node, NodeNotFound

from .beam import unique_name


async def test_beam_with_another_cookie_cannot_connect(new_beam, node):
    stranger = new_beam(cookie="anothercookie")
    assert await stranger.run("net_adm:ping(Py)", Py=node.name) == "pang"
    assert node.nodes("connected") == []


async def test_python_with_another_cookie_is_told_so(beam, node_options):
    options = node_options | {"cookie": "anothercookie"}
    async with Node(**options) as node:
        with pytest.raises(CookieMismatch) as caught:
            await node.connect(beam.name)
        assert caught.value.peer == beam.name
        assert "anothercookie" not in str(caught.value)
        assert await node.ping(beam.name) is False
    assert node.name not in await beam.run("nodes(connected)")


async def test_cookie_for_one_peer_is_used_for_it_alone(beam, new_beam, node_options):
    stranger = new_beam(cookie="anothercookie")
    options = node_options | {"cookies": {stranger.name: "anothercookie"}}
    async with Node(**options) as node:
        assert await node.ping(beam.name)
        assert await node.ping(stranger.name)


async def test_beam_sets_the_cookie_for_python(new_beam, node, cookie):
    stranger = new_beam(cookie="anothercookie")
    source = "erlang:set_cookie(Py, Cookie), net_adm:ping(Py)"
    answer = await stranger.run(source, Py=node.name, Cookie=Atom(cookie))
    assert answer == "pong"


async def test_beam_that_does_not_allow_us_is_told_as_such(new_beam, node):
    picky = new_beam()
    await picky.run("net_kernel:allow(['friend@127.0.0.1'])")
    with pytest.raises(HandshakeError):
        await node.connect(picky.name)


async def test_python_allows_only_whom_it_names(new_beam, node_options):
    friend, stranger = new_beam(), new_beam()
    options = node_options | {"allow": [friend.name]}
    async with Node(**options) as node:
        assert await friend.run("net_adm:ping(Py)", Py=node.name) == "pong"
        assert await stranger.run("net_adm:ping(Py)", Py=node.name) == "pang"


async def test_unknown_name_is_node_not_found(node):
    with pytest.raises(NodeNotFound):
        await node.connect(unique_name("nobody"))


async def test_failed_attempts_do_not_spoil_later_ones(new_beam, node, cookie):
    stranger = new_beam(cookie="anothercookie")
    for _ in range(3):
        assert await node.ping(stranger.name) is False
    await stranger.run("erlang:set_cookie(Py, C)", Py=node.name, C=Atom(cookie))
    assert await node.ping(stranger.name) is True
