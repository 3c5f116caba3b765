"""The API of a site: rows, and their number where the answer has it."""

from typing import Any

import pytest

from tap_bitrix24.dialects import site
from tap_bitrix24.dialects.pagination import PageNumber
from tap_bitrix24.dialects.response_shapes import listed
from tap_bitrix24.errors import DoubtfulError
from tap_bitrix24.model.endpoint import SITE, Endpoint, ListSpec
from tap_bitrix24.model.message import Result
from tap_bitrix24.model.request import Page

NEWS = ListSpec(Endpoint("/api/v1/news", PageNumber(), listed, "items", "id", "id", dialect=SITE))
ROWS = [{"id": 1}, {"id": 2}]


@pytest.mark.parametrize(
    ("body", "total"),
    [
        ({"items": ROWS, "pagination": {"total": 215}}, 215),
        ({"items": ROWS, "total": 215}, 215),
        ({"items": ROWS, "total": 7, "pagination": {"total": 215}}, 215),
        ({"items": ROWS, "pagination": {"page": 1}}, None),
        ({"items": ROWS, "pagination": []}, None),
        ({"items": ROWS}, None),
        (ROWS, None),
    ],
)
def test_the_number_of_rows_may_stand_elsewhere_or_nowhere(body: Any, total: int | None) -> None:
    assert site.page(NEWS, Result(body)) == Page(ROWS, total)


@pytest.mark.parametrize("items", [None, False, ""])
def test_nothing_instead_of_a_list_is_no_list(items: Any) -> None:
    with pytest.raises(DoubtfulError):
        site.page(NEWS, Result({"items": items, "pagination": {"total": 0}}))
