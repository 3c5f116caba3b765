"""With a folder of documented answers the portal serves their rows, values untouched."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tap_bitrix24.demo import serve
from tests.demo.conftest import Start
from tests.demo.wire import Wire, command

Write = Callable[..., None]
STAMP = {"start": 1.5, "finish": 2.5, "duration": 1, "processing": 0, "date_start": "", "date_finish": ""}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes one sample file with any number of documented answers."""

    def sample(method: str, *results: Any, v3: tuple[int, ...] = ()) -> None:
        responses = [
            {"status": 200, "body": {"result": result, "time": STAMP}, "v3": number in v3}
            for number, result in enumerate(results)
        ]
        body = {"method": method, "pages": [], "responses": responses, "errors": []}
        (tmp_path / f"{method}.json").write_text(json.dumps(body, ensure_ascii=False), encoding="utf-8")

    return sample


def keys(rows: Any, name: str = "id") -> list[int]:
    return [int(row[name]) for row in rows]


MEASURES = [{"id": number, "code": 700 + number, "measureTitle": f"Мера {number}"} for number in (9, 3, 12, 5)]


@pytest.fixture
def measures(write: Write, start: Start, tmp_path: Path) -> Wire:
    """A portal with one method that has no generated data."""
    write("catalog.measure.list", {"measures": MEASURES})
    write("catalog.measure.getFields", {"measure": {"id": {"type": "integer"}, "code": {"type": "integer"}}})
    return start(samples=tmp_path)


def test_a_method_without_generated_data_answers_its_documented_rows_untouched(measures: Wire) -> None:
    rows = measures.result("catalog.measure.list", {"order": {"id": "ASC"}})["measures"]
    assert rows == [MEASURES[1], MEASURES[3], MEASURES[0], MEASURES[2]]


def test_its_rows_are_sorted_and_filtered_by_key(measures: Wire) -> None:
    backwards = measures.result("catalog.measure.list", {"order": {"id": "DESC"}})["measures"]
    assert keys(backwards) == [12, 9, 5, 3]
    params = {"order": {"id": "ASC"}, "filter": {">id": 5}, "start": -1}
    assert keys(measures.result("catalog.measure.list", params)["measures"]) == [9, 12]


def test_its_field_description_is_the_documented_one(measures: Wire) -> None:
    fields = measures.result("catalog.measure.getFields")
    assert fields == {"measure": {"id": {"type": "integer"}, "code": {"type": "integer"}}}


def test_it_can_be_read_inside_a_batch(measures: Wire) -> None:
    maps = measures.batch({"a": command("catalog.measure.list", {"filter": {"id": 3}})})
    assert keys(maps["result"]["a"]["measures"]) == [3]


def test_a_method_without_sample_and_data_is_not_found(measures: Wire) -> None:
    assert measures.call("catalog.nothing.list").error == (404, "ERROR_METHOD_NOT_FOUND")


DEALS = [
    {"ID": "40", "TITLE": "[B] Сделка", "OPPORTUNITY": "13500.00", "DATE_CREATE": "2024-08-08T19:00:14+02:00"},
    {"ID": "37", "TITLE": "[A] Deal", "OPPORTUNITY": None, "DATE_CREATE": "", "UF_CRM_1": False},
]


def test_a_sample_replaces_the_generated_rows_of_a_first_ring_method(
    write: Write, start: Start, tmp_path: Path
) -> None:
    write("crm.deal.list", DEALS)
    portal = start(samples=tmp_path)
    params = {"order": {"ID": "ASC"}, "select": ["*", "UF_*"], "start": -1}
    assert portal.result("crm.deal.list", params) == DEALS[::-1]
    assert portal.ids("crm.deal.list", {"filter": {">ID": 37}}) == [40]
    assert len(portal.result("crm.lead.list")) == 50


def test_a_sample_of_a_wrapped_method_keeps_its_wrapper_and_skips_rest_3(
    write: Write, start: Start, tmp_path: Path
) -> None:
    modern = {"items": [{"id": 3835, "title": "REST 3.0"}]}
    classic = {"tasks": [{"id": "8017", "title": "Task Example", "group": []}]}
    write("tasks.task.list", modern, classic, v3=(0,))
    portal = start(samples=tmp_path)
    assert portal.result("tasks.task.list", {"order": {"ID": "asc"}}) == classic


def test_the_rows_of_several_documented_answers_are_merged(write: Write, start: Start, tmp_path: Path) -> None:
    write("crm.deal.list", DEALS[:1], DEALS[1:])
    portal = start(samples=tmp_path)
    assert portal.ids("crm.deal.list", {"order": {"ID": "ASC"}}) == [37, 40]


def test_more_than_one_page_of_samples_is_paged(write: Write, start: Start, tmp_path: Path) -> None:
    write("catalog.measure.list", {"measures": [{"id": number} for number in range(1, 121)]})
    portal = start(samples=tmp_path)
    ascending = {"order": {"id": "ASC"}}
    first = portal.result("catalog.measure.list", ascending)["measures"]
    assert keys(first) == list(range(1, 51))
    after = {**ascending, "filter": {">id": 100}, "start": -1}
    assert keys(portal.result("catalog.measure.list", after)["measures"]) == list(range(101, 121))


def test_a_documented_field_list_replaces_the_generated_one(write: Write, start: Start, tmp_path: Path) -> None:
    fields = {"ID": {"type": "integer", "title": "ID"}, "ODD": {"type": "string", "title": "Odd"}}
    write("crm.deal.fields", fields)
    assert start(samples=tmp_path).result("crm.deal.fields") == fields


# The documented answers themselves

DOCUMENTED = Path(__file__).parents[2] / "samples"
KEYS = {"crm.currency.list": "CURRENCY"}


def documented(method: str) -> list[Any]:
    """What the vendor's pages show as `result` of a method, REST 3.0 aside."""
    responses = json.loads((DOCUMENTED / f"{method}.json").read_text(encoding="utf-8"))["responses"]
    return [one["body"]["result"] for one in responses if one["status"] == 200 and not one.get("v3")]


def rows_of(result: Any) -> Any:
    return next(iter(result.values())) if isinstance(result, dict) else result


@pytest.fixture(scope="module")
def documents() -> Iterator[Wire]:
    with serve(port=0, scale=300, seed=1, no_limits=True, samples=str(DOCUMENTED)) as portal:
        yield Wire(portal.url)


@pytest.mark.parametrize(
    "method",
    [
        "crm.deal.list",
        "crm.contact.list",
        "crm.company.list",
        "crm.activity.list",
        "crm.status.list",
        "crm.currency.list",
        "crm.category.list",
        "crm.type.list",
        "crm.item.list",
        "crm.stagehistory.list",
        "department.get",
        "tasks.task.list",
    ],
)
def test_every_documented_row_of_the_first_ring_is_served_as_it_stands(documents: Wire, method: str) -> None:
    answers = documented(method)
    of_type = {} if method == "crm.type.list" else {"entityTypeId": 2}
    served = rows_of(documents.result(method, of_type))
    shown = [row for answer in answers for row in rows_of(answer)]
    key = KEYS.get(method, "ID" if "ID" in shown[0] else "id")
    assert served
    assert {str(row[key]) for row in served} == {str(row[key]) for row in shown}
    assert all(row in shown for row in served)


@pytest.mark.parametrize("method", [path.stem for path in DOCUMENTED.glob("*.*ields.json")])
def test_every_documented_field_list_is_served_as_it_stands(documents: Wire, method: str) -> None:
    assert documents.result(method, {"entityTypeId": 2}) in documented(method)
