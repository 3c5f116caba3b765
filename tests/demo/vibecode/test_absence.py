"""What VibeCode leaves out, offers twice or shows in another form."""

from typing import Any

import pytest

from tap_bitrix24.demo import serve
from tests.demo.vibecode.service import Service

DEALS = "/deals"


def entities(service: Service) -> Any:
    return service.data("/me")["api"]["entityApi"]["entities"]


def test_smart_processes_without_items(own_service: Service) -> None:
    assert {"items", "smart-processes"} <= set(entities(own_service))
    own_service.switch(vibe_items="smart-processes")
    assert {"items", "smart-processes"} & set(entities(own_service)) == {"smart-processes"}


def test_entities_beside_their_twins(own_service: Service) -> None:
    twins = {"posts", "workflows", "warehouses"}
    assert not twins & set(entities(own_service))
    own_service.switch(vibe_more="on")
    assert twins <= set(entities(own_service))
    assert all(own_service.data(f"/{name}") for name in twins)


def test_flags_are_booleans(own_service: Service) -> None:
    assert {type(row["completed"]) for row in own_service.data("/activities")} == {bool}
    assert {type(row["export"]) for row in own_service.data("/contacts")} == {bool}


@pytest.mark.parametrize(
    ("zone", "shown"),
    [("", "2024-02-24T03:00:00.000Z"), ("Europe/Moscow", "2024-02-23T21:00:00.000Z")],
)
def test_dates_are_midnights_of_the_server_s_zone(zone: str, shown: str) -> None:
    with serve(scale=30, no_limits=True, timezone=zone, switches={"vibe_dates": "midnight"}) as running:
        service = Service.of(running)
        number = service.data(DEALS)[0]["id"]
        service.mutate(table="deals", set={"id": number, "fields": {"CLOSEDATE": "2024-02-24T00:00:00Z"}})
        (row,) = [one for one in service.data(DEALS) if one["id"] == number]
        assert row["closedAt"] == shown


def test_faults_of_a_list(own_service: Service) -> None:
    own_service.faults({"fault": "empty_page", "method": "deals/list", "times": 1})
    assert own_service.get(DEALS).body["data"] == []
    own_service.faults({"fault": "null_result", "method": "deals/list", "times": 1}, clear=True)
    assert own_service.get(DEALS).body["data"] is None
    own_service.faults({"fault": "wrong_total", "param": "zero", "method": "deals/list"}, clear=True)
    body = own_service.get(DEALS).body
    assert (bool(body["data"]), body["total"]) == (True, 0)
    own_service.faults({"fault": "refuse_command", "param": {"code": "BITRIX_ACCESS_DENIED"}}, clear=True)
    assert own_service.get(DEALS).status == 403
    own_service.faults({"fault": "refuse_request", "param": {"status": 401, "body": {"success": False}}}, clear=True)
    assert (own_service.get(DEALS).status, own_service.get(DEALS).body) == (401, {"success": False})
