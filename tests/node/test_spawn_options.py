"""Which options of a spawn request there are; the table is what BEAMs were seen to do.

Each row was sent to OTP 25 and 28 as a spawn request. They differ in ``async_dist`` and
``{link, [priority]}``, which OTP 25 does not know.
"""

from __future__ import annotations

from typing import Any

import pytest

import etf
from ergopy.node.spawn_options import SpawnOptions, read, write
from etf import Atom

ACCEPTED = """
[] [link] [monitor] [link,link] [monitor,link,monitor]
[{priority,low}] [{priority,normal}] [{priority,high}] [{priority,max}]
[{priority,high},{priority,low}]
[{min_heap_size,0}] [{min_heap_size,1000}] [{min_bin_vheap_size,10}]
[{fullsweep_after,0}] [{max_heap_size,0}] [{max_heap_size,100000}]
[{max_heap_size,#{size=>100000}}] [{max_heap_size,#{size=>100000,other=>1}}]
[{max_heap_size,#{size=>100000,kill=>true,error_logger=>false}}]
[{max_heap_size,#{size=>100000,include_shared_binaries=>true}}]
[{message_queue_data,on_heap}] [{message_queue_data,off_heap}]
[{scheduler,1}] [{async_dist,true}] [{monitor,[]}] [{monitor,[{tag,x}]}]
[{monitor,[{alias,demonitor}]}] [{link,[]}] [{link,[priority]}]
"""

REFUSED = """
x [x] [1] [[link]] [{link}] [{a,b}] [{a,b,c}] [{[1],1}] [{1,link}] [<<>>] <<"link">>
[link|monitor] [link|x] [trap_exit] [{parent,x}] [{group_leader,x}]
[{priority,bad}] [{priority,1}] [{min_heap_size,-1}] [{min_heap_size,a}]
[{min_heap_size,true}] [{min_heap_size,1.0}] [{min_bin_vheap_size,-1}]
[{fullsweep_after,-1}] [{fullsweep_after,bad}] [{max_heap_size,-1}]
[{max_heap_size,#{}}] [{max_heap_size,#{kill=>true}}]
[{max_heap_size,#{size=>100000,kill=>x}}] [{message_queue_data,mixed}]
[{async_dist,1}] [{monitor,x}] [{monitor,[{alias,x}]}] [{monitor,[x]}]
[{monitor,[{tag,x,y}]}] [{link,x}] [{link,[x]}] [{reply,yes}] [{reply,no}]
[{reply_tag,x}] [{link,[priority|x]}] [link,{monitor,[]},unknown]
"""


@pytest.mark.parametrize("text", ACCEPTED.split())
def test_options_that_a_beam_takes(text: str) -> None:
    expected = SpawnOptions("link" in text, "monitor" in text)
    assert read(etf.parse(text, "erlang")) == expected


@pytest.mark.parametrize("text", REFUSED.split())
def test_options_that_a_beam_refuses(text: str) -> None:
    assert read(etf.parse(text, "erlang")) is None


def test_a_name_is_an_option_of_our_own() -> None:
    assert read([(Atom("name"), Atom("x"))]) == SpawnOptions(name=Atom("x"))


@pytest.mark.parametrize("name", [b"x", Atom("undefined"), None, 1, [Atom("x")]])
def test_a_name_is_an_atom_and_not_undefined(name: Any) -> None:
    assert read([(Atom("name"), name)]) is None


def test_options_are_written_in_the_order_of_a_beam() -> None:
    others = [("priority", "low"), ("max_heap_size", {"size": 1, "kill": True})]
    expected = "[monitor,link,{priority,low},{max_heap_size,#{size=>1,kill=>true}}]"
    written = write(link=True, monitor=True, name=None, others=others)
    assert etf.same(written, etf.parse(expected, "erlang"))
    assert write(link=False, monitor=False, name="x", others=[]) == [
        (Atom("name"), Atom("x"))
    ]


def test_link_and_monitor_may_be_among_the_options() -> None:
    others = ["link", ("priority", "low"), "monitor", "link"]
    written = write(link=False, monitor=False, name=None, others=others)
    assert etf.same(written, etf.parse("[monitor,link,{priority,low}]", "erlang"))


@pytest.mark.parametrize("option", [("link", []), ("monitor", []), ("name", "x")])
def test_what_is_an_argument_is_no_option(option: Any) -> None:
    with pytest.raises(ValueError, match="argument"):
        write(link=False, monitor=False, name=None, others=[option])
