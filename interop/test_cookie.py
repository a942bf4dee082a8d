"""Wrong cookies and refused nodes: no connection, and a clear word about why."""

from __future__ import annotations

import pytest

from ergopy import (
    Atom,
    CookieMismatch,
    HandshakeError,
    Node,
    NodeNotFound,
    NotAllowed,
)

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


async def test_cookies_of_python_can_be_set_while_it_runs(new_beam, node, cookie):
    stranger = new_beam(cookie="anothercookie")
    assert node.get_cookie() == cookie
    assert await stranger.run("net_adm:ping(Py)", Py=node.name) == "pang"
    node.set_cookie(stranger.name, "anothercookie")
    assert node.get_cookie(stranger.name) == "anothercookie"
    assert await stranger.run("net_adm:ping(Py)", Py=node.name) == "pong"
    # A connection that is up does not mind what is set now.
    node.set_cookie(stranger.name, "third")
    assert await node.ping(stranger.name)
    node.disconnect(stranger.name)
    assert await node.ping(stranger.name) is False


async def test_both_sides_can_change_to_a_new_cookie(new_beam, node, cookie):
    beam = new_beam()
    await beam.run("erlang:set_cookie(node(), newcookie)")
    assert await node.ping(beam.name) is False
    node.set_cookie(node.name, "newcookie")
    assert await node.ping(beam.name)
    assert await beam.run("atom_to_list(erlang:get_cookie())") == list(b"newcookie")


async def test_python_can_begin_to_allow_while_it_runs(new_beam, node):
    friend, stranger = new_beam(), new_beam()
    assert await stranger.run("net_adm:ping(Py)", Py=node.name) == "pong"
    node.allow([friend.name])
    assert await friend.run("net_adm:ping(Py)", Py=node.name) == "pong"
    # Who is connected stays so, and is refused when it comes again, as on a BEAM.
    assert await node.ping(stranger.name)
    node.disconnect(stranger.name)
    gone = "ergopy_peer:until(fun() -> nodes() -- [Friend] =:= [] end)"
    await stranger.run(gone, Friend=friend.name)
    assert await stranger.run("net_adm:ping(Py)", Py=node.name) == "pang"
    with pytest.raises(NotAllowed):
        await node.connect(stranger.name)


@pytest.mark.parametrize("kind", ["host", "name"])
async def test_a_list_entry_means_the_same_to_both(new_beam, node_options, kind):
    """A host alone, or a name with its ``@``."""
    beam = new_beam()

    def entry(node):
        local, _, host = node.partition("@")
        return host if kind == "host" else f"{local}@"

    async with Node(**node_options, allow=[entry(beam.name)]) as node:
        await beam.run("net_kernel:allow([E])", E=Atom(entry(node.name)))
        assert await node.ping(beam.name)
        assert await beam.run("nodes()") == [node.name]


async def test_a_node_in_two_clusters_keeps_them_apart(beam, new_beam, node_options):
    other = new_beam("otp25", cookie="bluecookie")
    options = node_options | {"cookies": {other.name: "bluecookie"}}
    blue = node_options | {"name": unique_name("blue"), "cookie": "bluecookie"}
    async with Node(**options) as both, Node(**blue) as second:
        assert await beam.run("net_adm:ping(Py)", Py=both.name) == "pong"
        assert await other.run("net_adm:ping(Py)", Py=both.name) == "pong"
        assert await other.run("net_adm:ping(Py)", Py=second.name) == "pong"
        assert await second.ping(beam.name) is False
        assert await both.ping(second.name) is False
        both.set_cookie(second.name, "bluecookie")
        assert await both.ping(second.name)
        assert {beam.name, other.name, second.name} <= set(both.nodes())
        assert other.name not in await beam.run("nodes(connected)")


async def test_unknown_name_is_node_not_found(node):
    with pytest.raises(NodeNotFound):
        await node.connect(unique_name("nobody"))


async def test_failed_attempts_do_not_spoil_later_ones(new_beam, node, cookie):
    stranger = new_beam(cookie="anothercookie")
    for _ in range(3):
        assert await node.ping(stranger.name) is False
    await stranger.run("erlang:set_cookie(Py, C)", Py=node.name, C=Atom(cookie))
    assert await node.ping(stranger.name) is True
