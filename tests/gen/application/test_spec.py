"""Applications as data and as classes."""

from __future__ import annotations

import math
from typing import Any

import pytest

import ergopy
from ergopy import Application, ApplicationSpec, StartType
from tests.gen.application.kit import Kid, library


class ShopFront(Application):
    version = "1.2"
    description = "Sells"
    dependencies = ("stock", library("paint"))
    environment = {"currency": "EUR"}  # noqa: RUF012 - as users write it
    children = [Kid]  # noqa: RUF012
    strategy = "rest_for_one"
    start_type = "transient"
    lifespan = 60


def test_a_class_and_a_spec_say_the_same() -> None:
    assert ShopFront.as_spec() == ApplicationSpec(
        name="shop_front",
        version="1.2",
        description="Sells",
        dependencies=("stock", library("paint")),
        environment={"currency": "EUR"},
        children=[Kid],
        strategy="rest_for_one",
        start_type=StartType.TRANSIENT,
        lifespan=60,
        behaviour=ShopFront,
    )


def test_what_is_not_said_has_a_default() -> None:
    class Plain(Application):
        pass

    spec = Plain.as_spec()
    assert (spec.name, spec.version, spec.needs) == ("plain", "", ())
    assert (spec.start_type, spec.lifespan) == (None, math.inf)
    assert spec.environment == {}


@pytest.mark.parametrize(
    ("name", "snake"),
    [
        ("Shop", "shop"),
        ("ShopFront", "shop_front"),
        ("HTTPServer", "http_server"),
        ("Shop2Go", "shop2_go"),
        ("lower", "lower"),
    ],
)
def test_the_default_name_is_that_of_the_class_in_lower_case(
    name: str, snake: str
) -> None:
    assert type(name, (Application,), {}).as_spec().name == snake  # type: ignore[attr-defined]


def test_dependencies_are_known_by_their_names_even_if_they_need_each_other() -> None:
    class One(Application):
        dependencies: Any = ()

    class Two(Application):
        dependencies = (One, "three")

    One.dependencies = [Two]
    assert Two.as_spec().needs == ("one", "three")


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"name": ""}, TypeError),
        ({"name": 1}, TypeError),
        ({"name": "x" * 256}, ValueError),
        ({"dependencies": "stock"}, TypeError),
        ({"dependencies": [1]}, TypeError),
        ({"children": Kid}, TypeError),
        ({"start_type": "forever"}, ValueError),
        ({"lifespan": 0}, ValueError),
        ({"lifespan": -1}, ValueError),
        ({"lifespan": math.nan}, ValueError),
        ({"environment": {1: 2}}, TypeError),
        ({"environment": 1}, TypeError),
    ],
)
def test_what_cannot_be_is_refused_when_it_is_said(
    fields: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        ApplicationSpec(**{"name": "shop", **fields})


def test_a_spec_cannot_be_changed_by_what_it_was_made_of() -> None:
    environment = {"a": 1}
    spec = library("shop", environment=environment)
    environment["a"] = 2
    assert spec.environment == {"a": 1}
    with pytest.raises(TypeError):
        spec.environment["a"] = 3  # type: ignore[index]


def test_its_names_are_those_of_the_package() -> None:
    assert ergopy.Application is Application
    assert list(ergopy.StartType) == ["permanent", "transient", "temporary"]


def test_an_application_is_no_behaviour() -> None:
    assert not hasattr(Application, "enter")
