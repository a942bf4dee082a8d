"""The reference is complete, and says nothing that is not there."""

from __future__ import annotations

import collections
import inspect
import re
from datetime import date
from decimal import Decimal
from enum import IntEnum
from typing import Any

import pytest

import epmd
import ergopy
import etf
from ergopy import GenServer, Node
from tests.docs.pages import DOCS, generator

REFERENCE = DOCS / "reference"
TEXT = "\n".join(page.read_text("utf-8") for page in sorted(REFERENCE.glob("*.md")))
API = (REFERENCE / "api.md").read_text("utf-8")
FOR_LAYERS_ABOVE = {"runtime", "connections", "registrations"}
generate = generator()

NAMES = {
    **vars(etf),
    "IntEnum": IntEnum,
    "OrderedDict": collections.OrderedDict,
    "namedtuple": collections.namedtuple,  # noqa: PYI024
    "date": date,
    "Decimal": Decimal,
}


def value(source: str) -> Any:
    return eval(source, dict(NAMES))


def public_names(module: Any) -> set[str]:
    return {
        name
        for name, thing in vars(module).items()
        if not name.startswith("_")
        and not inspect.ismodule(thing)
        and name not in ("annotations", "TYPE_CHECKING", "Any", "TypeAlias")
    }


@pytest.mark.parametrize("name", sorted(ergopy.__all__))
def test_every_name_of_ergopy_is_in_the_reference(name: str) -> None:
    assert re.search(rf"`[^`\n]*\b{re.escape(name)}\b", TEXT)


@pytest.mark.parametrize("module", [etf, epmd], ids=["etf", "epmd"])
def test_every_name_of_the_other_packages_is_in_the_reference(module: Any) -> None:
    missing = {
        name for name in public_names(module) if not re.search(rf"\b{name}\b", TEXT)
    }
    assert missing == set()


def test_every_verb_of_a_node_is_in_the_reference() -> None:
    names = {n for n in dir(Node) if not n.startswith("_")} - FOR_LAYERS_ABOVE
    missing = {name for name in names if not re.search(rf"\bnode\.{name}\b", API)}
    assert missing - {"services", "questions"} == set()
    for option in inspect.signature(Node).parameters:
        assert f"`{option}`" in API or option == "name", option


def test_every_verb_and_callback_of_a_server_is_in_the_reference() -> None:
    names = {n for n in dir(GenServer) if not n.startswith("_")} | {"process"}
    missing = {n for n in names if not re.search(rf"`(?:self\.)?{n}\b", API)}
    assert missing - {"enter"} == set()


def test_verbs_in_the_reference_exist() -> None:
    node = Node("x@127.0.0.1", cookie="x")
    for name in re.findall(r"\bnode\.(\w+)", API):
        assert hasattr(Node, name) or hasattr(node, name), name
    for name in re.findall(r"\bproc\.(\w+)", API):
        assert hasattr(ergopy.Process, name), name
    for name in re.findall(r"`self\.(\w+)", API):
        assert hasattr(GenServer, name) or name == "process", name
    for package, name in re.findall(r"\b(etf|epmd|ergopy)\.(\w+)", API):
        assert hasattr({"etf": etf, "epmd": epmd, "ergopy": ergopy}[package], name)


def test_made_pages_are_current() -> None:
    for page, text in generate.pages().items():
        assert page.read_text("utf-8") == text, "run: python docs/generate.py"


@pytest.mark.parametrize("term", generate.TERMS, ids=lambda term: term.what)
def test_a_term_is_what_the_table_says(term: Any) -> None:
    here = value(term.python)
    back = etf.decode(etf.encode(here))
    assert type(back) is type(here)
    assert repr(back) == repr(here)
    assert etf.same(etf.parse(term.erlang, "erlang"), here)
    assert etf.same(etf.parse(term.elixir, "elixir"), here)


@pytest.mark.parametrize(("source", "erlang", "_"), generate.LEAVING)
def test_a_value_leaves_as_the_table_says(source: str, erlang: str, _: str) -> None:
    sent = etf.decode(etf.encode(value(source)))
    assert etf.same(sent, etf.parse(erlang, "erlang"))


@pytest.mark.parametrize("source", generate.REFUSED)
def test_what_is_no_term_is_refused(source: str) -> None:
    with pytest.raises(etf.EncodeError):
        etf.encode(value(source))


@pytest.mark.parametrize(("option", "erlang", "becomes"), generate.DECODING)
def test_an_option_does_what_the_table_says(
    option: str, erlang: str, becomes: str
) -> None:
    options = value(f"DecodeOptions({option})")
    data = etf.encode(etf.parse(erlang, "erlang"))
    assert repr(etf.decode(data, options)) == becomes


def test_limits_of_the_page_are_the_defaults() -> None:
    page = (REFERENCE / "types.md").read_text("utf-8")
    shown = dict(re.findall(r"^\| `(max_\w+)` \| ([^|]+) \|", page, re.MULTILINE))
    limits = etf.Limits()
    assert shown.keys() == set(limits.__slots__)
    for name, text in shown.items():
        number, _, unit = text.strip().partition(" ")
        factor = {"": 1, "MiB": 1 << 20}[unit]
        assert int(number.replace(",", "")) * factor == getattr(limits, name)
