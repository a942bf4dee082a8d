"""Child specifications: in Python, as terms, and what is wrong with some."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

import etf
from ergopy import (
    Atom,
    ChildSpec,
    GenServer,
    Restart,
    Shutdown,
    SpecError,
    StartError,
    Supervisor,
    Via,
)
from ergopy.gen.supervisor.checks import AutoShutdown
from ergopy.gen.supervisor.reading import as_spec, from_term
from ergopy.gen.supervisor.terms import to_map, to_record

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime

START = (Atom("mod"), Atom("fun"), [1])


async def body(process: Any, *args: Any) -> None:
    return None


class Worker(GenServer):
    pass


class Once(GenServer):
    child_defaults = {"restart": "temporary", "shutdown": 30}  # noqa: RUF012


def term(**changes: Any) -> dict[Any, Any]:
    spec = {"id": Atom("x"), "start": START, **changes}
    return {Atom(key): value for key, value in spec.items() if value is not ...}


def test_defaults_are_those_of_otp() -> None:
    spec = ChildSpec(Worker)
    assert (spec.restart, spec.shutdown, spec.type) == ("permanent", 5.0, "worker")
    assert (spec.significant, spec.modules) == (False, [f"{__name__}.Worker"])
    nested = ChildSpec(Supervisor, [])
    assert (nested.shutdown, nested.type) == ("infinity", "supervisor")


def test_the_id_is_what_is_given_or_the_name_or_the_class() -> None:
    assert ChildSpec(Worker, id=7).id == 7
    assert ChildSpec(Worker, name="shop").id == "shop"
    assert ChildSpec(Worker, name="shop", id=b"x").id == b"x"
    assert ChildSpec(Worker).id == "Worker"
    assert ChildSpec(Worker, name="shop", id=0).id == 0
    assert ChildSpec(Worker, name=Via("users", 7)).id == "Worker"
    assert ChildSpec(body).id == "body"
    assert ChildSpec(("mod", "fun")).id == "mod"
    for spec in (ChildSpec(Worker, id="plain"), ChildSpec(Worker)):
        assert type(spec.id) is Atom


def test_a_class_may_have_defaults_of_its_own() -> None:
    assert ChildSpec(Once).restart is Restart.TEMPORARY
    assert ChildSpec(Once, restart="permanent").restart is Restart.PERMANENT
    assert ChildSpec(Once).shutdown == 30

    class Wrong(GenServer):
        child_defaults = {"restrat": "temporary"}  # noqa: RUF012

    with pytest.raises(TypeError, match="child_defaults"):
        ChildSpec(Wrong)


def test_replace_changes_some_and_keeps_the_rest() -> None:
    spec = ChildSpec(Worker, 1, id="a", shutdown=7, significant=False, option=3)
    changed = spec.replace(restart="transient", args=(2, 3))
    assert (changed.args, changed.restart) == ((2, 3), "transient")
    assert (changed.id, changed.shutdown) == ("a", 7)
    assert changed.options == {"option": 3}
    assert spec.replace() == spec


def test_infinite_seconds_are_infinity() -> None:
    assert ChildSpec(Worker, shutdown=math.inf).shutdown is Shutdown.INFINITY


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"restart": "often"}, ("invalid_restart_type", "often")),
        ({"restart": 1}, ("invalid_restart_type", 1)),
        ({"restart": b"permanent"}, ("invalid_restart_type", b"permanent")),
        ({"shutdown": -1}, ("invalid_shutdown", -1)),
        ({"shutdown": True}, ("invalid_shutdown", True)),
        ({"shutdown": "soon"}, ("invalid_shutdown", "soon")),
        ({"type": "boss"}, ("invalid_child_type", "boss")),
        ({"significant": "yes"}, ("invalid_significant", "yes")),
        ({"modules": "some"}, ("invalid_modules", "some")),
        ({"modules": [1]}, ("invalid_module", 1)),
        ({"id": {1, 2}}, ("invalid_id", b"{1, 2}")),
    ],
)
def test_options_that_make_no_sense_are_refused(
    options: dict[str, Any], reason: Any
) -> None:
    with pytest.raises(SpecError) as caught:
        ChildSpec(Worker, **options)
    assert caught.value.reason == reason
    assert isinstance(caught.value.reason[0], Atom)


@pytest.mark.parametrize("start", [7, "mod", None, (), ("mod",), ("m", "f", 1), int])
def test_what_cannot_be_started_is_refused(start: Any) -> None:
    with pytest.raises(SpecError) as caught:
        ChildSpec(start)
    assert caught.value.reason[0] == "invalid_mfa"


async def test_an_instance_is_no_child(runtime: Runtime) -> None:
    with pytest.raises(StartError) as caught:
        await runtime.root.start(Supervisor, [Worker()])
    assert caught.value.reason[:1] == ("start_spec",)
    kind, text = caught.value.reason[1]
    assert kind == "invalid_child_spec"
    assert "Worker object" in text


def test_a_python_object_cannot_be_started_on_another_node() -> None:
    with pytest.raises(SpecError):
        ChildSpec(Worker, node="b@host")


TABLE: list[tuple[Any, Any]] = [
    (7, ("invalid_child_spec", 7)),
    ([], ("invalid_child_spec", [])),
    ((1, 2, 3), ("invalid_child_spec", (1, 2, 3))),
    ({}, Atom("missing_id")),
    (term(id=...), Atom("missing_id")),
    (term(start=...), Atom("missing_start")),
    (term(start=Atom("m")), ("invalid_mfa", "m")),
    (term(start=(Atom("m"), Atom("f"), 1)), ("invalid_mfa", ("m", "f", 1))),
    (term(start=(b"m", Atom("f"), [])), ("invalid_mfa", (b"m", "f", []))),
    (term(restart=Atom("x")), ("invalid_restart_type", "x")),
    (term(restart=None), ("invalid_restart_type", None)),
    (term(significant=Atom("x")), ("invalid_significant", "x")),
    (term(type=Atom("x")), ("invalid_child_type", "x")),
    (term(shutdown=-1), ("invalid_shutdown", -1)),
    (term(shutdown=1.5), ("invalid_shutdown", 1.5)),
    (term(shutdown=Atom("x")), ("invalid_shutdown", "x")),
    (term(shutdown=None), ("invalid_shutdown", None)),
    (term(modules=Atom("x")), ("invalid_modules", "x")),
    (term(modules=None), ("invalid_modules", None)),
    (term(modules=(1,)), ("invalid_modules", (1,))),
    (term(modules=[b"m"]), ("invalid_module", b"m")),
    (term(restart=Atom("x"), type=Atom("y")), ("invalid_restart_type", "x")),
    (term(type=Atom("x"), shutdown=-1), ("invalid_child_type", "x")),
]


@pytest.mark.parametrize(("spec", "reason"), TABLE, ids=range(len(TABLE)))
def test_terms_that_are_no_specification_are_refused_as_otp_does(
    spec: Any, reason: Any
) -> None:
    with pytest.raises(SpecError) as caught:
        from_term(spec)
    assert caught.value.reason == reason
    etf.encode(caught.value.reason)


def test_significance_is_checked_before_type_and_shutdown() -> None:
    mad = term(significant=True, restart=Atom("transient"), type=Atom("x"))
    with pytest.raises(SpecError) as caught:
        from_term(mad, AutoShutdown.NEVER)
    assert caught.value.reason[0] == "bad_combination"
    with pytest.raises(SpecError) as caught:
        from_term(mad, AutoShutdown.ANY_SIGNIFICANT)
    assert caught.value.reason == ("invalid_child_type", "x")


def test_a_map_and_the_old_tuple_come_to_the_same() -> None:
    old = (Atom("x"), START, Atom("transient"), 2000, Atom("worker"), [Atom("mod")])
    new = term(restart=Atom("transient"), shutdown=2000)
    assert from_term(old) == from_term(new)
    assert from_term(new).shutdown == 2.0


def test_a_map_that_goes_out_is_the_one_that_came_in() -> None:
    full = term(
        restart=Atom("temporary"),
        significant=False,
        shutdown=Atom("brutal_kill"),
        type=Atom("supervisor"),
        modules=Atom("dynamic"),
    )
    assert to_map(from_term(full)) == full
    assert etf.decode(etf.encode(from_term(full))) == full


def test_the_id_nil_is_an_id() -> None:
    assert etf.encode(from_term(term(id=None)).id) == etf.encode(None)


@pytest.mark.parametrize(
    ("seconds", "wire"), [(0, 0), (0.0005, 1), (2.5, 2500), (1.1, 1100), (5, 5000)]
)
def test_seconds_are_milliseconds_on_the_wire(seconds: float, wire: int) -> None:
    assert to_map(ChildSpec(("m", "f"), shutdown=seconds))["shutdown"] == wire


def test_the_record_of_a_child_has_the_fields_of_otp() -> None:
    spec = ChildSpec(("m", "f"), 1, id="x", restart="transient", shutdown="infinity")
    assert to_record(spec) == (
        "child",
        "undefined",
        "x",
        ("m", "f", [1]),
        "transient",
        False,
        "infinity",
        "worker",
        ["m"],
    )


def test_a_specification_of_a_python_object_cannot_travel_and_says_so() -> None:
    with pytest.raises(etf.EncodeError, match=r"give \(module, function\)"):
        etf.encode(ChildSpec(Worker))
    with pytest.raises(etf.EncodeError, match="a node"):
        etf.encode(ChildSpec(("m", "f"), node="b@h"))


def test_arguments_that_are_no_terms_are_shown_as_text() -> None:
    assert etf.decode(etf.encode(to_map(ChildSpec(body, object()))))["start"][2]


@pytest.mark.parametrize(
    "child", [Worker, (Worker, 1), ChildSpec(Worker), term(), body, (body, 1)]
)
def test_what_a_program_may_give_as_a_child(child: Any) -> None:
    assert isinstance(as_spec(child), ChildSpec)
