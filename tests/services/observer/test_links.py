"""Real sockets of nodes over loopback, as ports and as sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import ergopy
from ergopy import Atom
from ergopy.services.facts import links, ports
from ergopy.services.observer import dashboard_links, socket_list
from etf import Port
from tests.certificates import certificates as certificates
from tests.nodes import epmd_port as epmd_port
from tests.nodes import make_node as make_node
from tests.nodes import pair as connected
from tests.nodes import unique_name

if TYPE_CHECKING:
    from tests.certificates import Desk
    from tests.nodes import MakeNode

pair = connected


async def test_a_node_has_its_listener_its_epmd_and_its_connections(
    pair: tuple[ergopy.Node, ergopy.Node],
) -> None:
    a, b = pair
    assert {link.about for link in links.links(a)} == {"listener", "epmd"}
    await a.connect(b.name)
    by_name = {link.about: link for link in links.links(a)}
    assert set(by_name) == {"listener", "epmd", b.name}
    link = by_name[b.name]
    assert link.remote == ((127, 0, 0, 1), b.port)
    assert by_name["listener"].local == ((127, 0, 0, 1), a.port)
    assert by_name["listener"].remote is None
    numbers = a.statistics().connections[b.name]
    assert (link.bytes_in, link.bytes_out) == (numbers.bytes_in, numbers.bytes_out)
    theirs = {link.about: link for link in links.links(b)}[a.name]
    assert theirs.remote == link.local
    a.disconnect(b.name)
    assert {link.about for link in links.links(a)} == {"listener", "epmd"}


async def test_a_port_is_looked_up_by_what_it_was_told_as(
    pair: tuple[ergopy.Node, ergopy.Node],
) -> None:
    a, b = pair
    await a.connect(b.name)
    told = ports.ports(a)
    assert len(set(told)) == 3
    for port in told:
        info = dict(ports.port_info(a, port) or [])
        assert info["id"] == port.id
        assert info["connected"] == a.whereis("net_kernel")
        assert info["name"] == "tcp_inet"
        assert ports.port_info_item(a, port, "id") == ("id", port.id)
        assert ports.port_info_item(a, port, "registered_name") == []
    last = told[-1]
    a.disconnect(b.name)
    assert ports.port_info(a, last) is None
    assert ports.port_info_item(a, last, "id") is None
    assert ports.port_info_item(a, last, "registered_name") is None
    # The next connection is another port.
    await a.connect(b.name)
    assert last not in ports.ports(a)


@pytest.mark.parametrize("port", [None, 1, b"port", Port("b@h", 1, 1)])
async def test_what_is_no_port_of_the_node_is_refused(
    make_node: MakeNode, port: Any
) -> None:
    node = await make_node()
    with pytest.raises(ValueError, match="no port of this node"):
        ports.port_info(node, port)


async def test_a_port_of_an_earlier_life_is_closed(make_node: MakeNode) -> None:
    node = await make_node()
    (port, *_) = ports.ports(node)
    earlier = Port(port.node, port.id, (port.creation + 1) & 0xFFFF)
    assert ports.port_info(node, earlier) is None
    for item in (b"id", Atom("size"), None):
        with pytest.raises(ValueError, match="no item"):
            ports.port_info_item(node, port, item)


async def test_sockets_have_addresses_counters_and_options(
    pair: tuple[ergopy.Node, ergopy.Node],
) -> None:
    a, b = pair
    await a.connect(b.name)
    told = socket_list.socket_list(a)
    numbers = dict(socket_list.socket_info(a))
    assert numbers["num_sockets"] == numbers["num_dinet"] == len(told) == 3
    link = next(one for one in told if Atom("raddress") in one and one["fd"] > 0)
    assert "127.0.0.1 : " in link["laddress"]
    listener = next(one for one in told if "listener" in one["id_str"])
    assert listener["rstates"] == ["bound", "listening"]
    assert Atom("raddress") not in listener
    options = {name[1]: value for name, value in listener["options"]}
    assert options["reuseaddr"] is True
    assert options["rcvbuf"] > 0
    assert len({one["fd"] for one in told}) == 3


async def test_the_dashboard_finds_a_socket_by_its_address(
    pair: tuple[ergopy.Node, ergopy.Node],
) -> None:
    a, b = pair
    await a.connect(b.name)
    assert len(dashboard_links.sockets(a, None)) == 3
    (row,) = dashboard_links.sockets(a, f":{b.port}")
    told = dict(row)
    assert told["foreign_address"] == f"localhost:{b.port}".encode()
    assert told["state"] == b"CONNECTED"
    assert dashboard_links.ports(a, None) == []


async def test_links_over_tls_say_so_and_open_no_plain_port(
    make_node: MakeNode, certificates: Desk
) -> None:
    names = [unique_name(), unique_name()]
    a, b = [await make_node(name, tls=certificates.good(name)) for name in names]
    await a.connect(b.name)
    secure = {link.about: link.secure for link in links.links(a)}
    assert secure == {"epmd": False, "listener": True, b.name: True}
    rows = {dict(row)["module"] for row in dashboard_links.sockets(a, f":{b.port}")}
    assert rows == {"inet_tls_dist"}
    assert links.listening(a) == []
