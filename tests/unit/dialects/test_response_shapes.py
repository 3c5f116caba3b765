"""PHP has one kind of array: lists, maps and empty values look alike, and every shape must distinguish them."""

from typing import Any

import pytest

from tap_bitrix24.dialects.response_shapes import keyed, listed, named, scalars, single
from tap_bitrix24.model.endpoint import ResponseShape

ALL: dict[str, ResponseShape] = {
    "listed": listed,
    "single": single,
    "keyed": keyed("id"),
    "named": named("LINE_ID", "NAME"),
    "scalars": scalars("USER_ID"),
}


@pytest.mark.parametrize("shape", ALL.values(), ids=ALL)
@pytest.mark.parametrize("value", [[], {}], ids=repr)
def test_an_empty_list_or_object_has_no_rows(shape: ResponseShape, value: Any) -> None:
    assert shape(value) == []


@pytest.mark.parametrize("shape", ALL.values(), ids=ALL)
@pytest.mark.parametrize("value", ["text", 5, 0, True, 1.5, None, False, ""], ids=repr)
def test_a_scalar_has_no_shape(shape: ResponseShape, value: Any) -> None:
    """Null, `false` and an empty text included: the portal sends them where something went wrong as well."""
    assert shape(value) is None


@pytest.mark.parametrize(
    ("shape", "value", "rows"),
    [
        ("listed", [{"ID": "1"}, {"ID": "2"}], [{"ID": "1"}, {"ID": "2"}]),
        ("listed", {"0": {"ID": "1"}, "3": {"ID": "2"}}, [{"ID": "1"}, {"ID": "2"}]),
        ("listed", {"17": {"ID": "17"}}, [{"ID": "17"}]),
        ("listed", [{}], [{}]),
        ("listed", [1], None),
        ("listed", [[]], None),
        ("listed", [{"ID": "1"}, None], None),
        ("listed", {"ID": "1", "NAME": "a"}, None),
        ("listed", {"items": [{"ID": "1"}]}, None),
        ("single", {"ID": "1", "TAGS": []}, [{"ID": "1", "TAGS": []}]),
        ("single", [{"ID": "1"}], None),
        ("single", ["1"], None),
        ("keyed", {"5": {"name": "a"}, "6": {"name": "b"}}, [{"id": "5", "name": "a"}, {"id": "6", "name": "b"}]),
        ("keyed", {"5": {"id": 7, "name": "a"}}, [{"id": 7, "name": "a"}]),
        ("keyed", [{"id": 7}, {"id": 8}], [{"id": 7}, {"id": 8}]),
        ("keyed", {"5": "a"}, None),
        ("keyed", {"5": [1]}, None),
        ("named", {"reg1": "Main", "2": None}, [{"LINE_ID": "reg1", "NAME": "Main"}, {"LINE_ID": "2", "NAME": None}]),
        ("named", {"reg1": {"NAME": "Main"}}, None),
        ("named", {"reg1": []}, None),
        ("named", ["Main"], None),
        ("scalars", [7, "8"], [{"USER_ID": 7}, {"USER_ID": "8"}]),
        ("scalars", {"0": 7, "2": 9}, [{"USER_ID": 7}, {"USER_ID": 9}]),
        ("scalars", [0, 7], [{"USER_ID": 0}, {"USER_ID": 7}]),
        ("scalars", [{"ID": 7}], None),
        ("scalars", [[7]], None),
        ("scalars", {"a": {"ID": 7}}, None),
    ],
)
def test_rows_of_every_shape(shape: str, value: Any, rows: Any) -> None:
    assert ALL[shape](value) == rows


def test_the_answer_is_not_changed() -> None:
    answer = {"5": {"name": "a"}}
    ALL["keyed"](answer)
    assert answer == {"5": {"name": "a"}}
