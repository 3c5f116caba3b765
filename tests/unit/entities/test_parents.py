"""What rows of parents say about their children, and how those are requested."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tap_bitrix24.dialects.rest_v2 import batch_body, call, commands
from tap_bitrix24.entities import BY_STREAM
from tap_bitrix24.entities.parents import contradicts_its_clients, embedded_clients
from tap_bitrix24.entities.portal_info import PortalInfo
from tap_bitrix24.model.request import PageRequest
from tap_bitrix24.replication.plan import ReadOptions, read_plan

embedded, contradicts = embedded_clients("DEAL_ID", "contact"), contradicts_its_clients("contact")


def clients(**row: Any) -> list[Any] | None:
    """Ids of the contacts that a deal's row holds."""
    found = embedded({"id": 5, **row})
    return None if found is None else [client["CONTACT_ID"] for client in found]


def test_a_list_with_gaps_arrives_as_an_object() -> None:
    assert clients(contactIds={"0": 7, "2": 9}, contactId=9) == [7, 9]
    assert not contradicts({"contactIds": {"0": 7, "2": 9}, "contactId": 9})


@pytest.mark.parametrize("ids", [[], {}, False, None, "", [8]])
def test_a_main_client_that_is_not_in_the_list_contradicts_it(ids: Any) -> None:
    assert contradicts({"contactIds": ids, "contactId": 7})


@pytest.mark.parametrize(
    "row", [{"contactIds": [], "contactId": 0}, {"contactIds": ["7"], "contactId": 7}, {"contactId": 7}]
)
def test_rows_that_agree_with_themselves(row: dict[str, Any]) -> None:
    assert not contradicts(row)


@pytest.mark.parametrize("stream", ["crm_payment_products", "crm_payment_deliveries"])
def test_methods_that_demand_a_filter_get_one_that_a_query_string_keeps(stream: str) -> None:
    plan = read_plan(BY_STREAM[stream], stream, ReadOptions(PortalInfo(datetime(2026, 1, 1, tzinfo=UTC))))
    ((group,),) = [each.groups for each in plan.parents]
    (children,) = group.child_lists([17])
    (command,) = commands(PageRequest(list_spec=children, offset=0))
    assert batch_body([command])["cmd"] == {"c0": f"{command.method}?filter%5B%3Eid%5D=0&paymentId=17"}
    assert call(command).body == {"filter": {">id": 0}, "paymentId": 17}
