"""Which strategy reads a stream, from the entity to the commands a portal gets."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from tap_bitrix24.dialects import rest_v2
from tap_bitrix24.entities import BY_STREAM, Entity, find_entity
from tap_bitrix24.entities.portal_info import PortalInfo, UniversalList
from tap_bitrix24.model.endpoint import Row
from tap_bitrix24.model.request import Answer, Page, PageRequest
from tap_bitrix24.replication.parent_groups import CHILDREN_READ_AT
from tap_bitrix24.replication.plan import ReadOptions, is_swept, read_plan
from tap_bitrix24.replication.state import format_bookmark
from tap_bitrix24.replication.strategy_selection import strategy_for
from tests.support.entities import every_entity
from tests.support.lists import EPOCH, FakeList, Outcome, at, pump

CLOCK = at(5_000)


class ByMethod:
    """A portal whose methods answer with rows, depending on the command's parameters."""

    def __init__(self, **answers: Sequence[Row] | Callable[[Mapping[str, Any]], Sequence[Row]]) -> None:
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self._answers = answers

    def __call__(self, request: PageRequest) -> Answer:
        """Answer a page request."""
        endpoint = request.list_spec.endpoint
        (command, *_) = rest_v2.commands(request)
        self.calls.append((command.method, command.params))
        answer = self._answers.get(endpoint.method.replace(".", "_"), [])
        rows = list(answer(command.params) if callable(answer) else answer)
        if not endpoint.pagination.supports_keyset:
            return Answer([Page(rows, len(rows))])
        renamed = [{**row, "ID": row[endpoint.key], "DATE_MODIFY": EPOCH.isoformat()} for row in rows]
        return FakeList(renamed).answer(request)

    def methods(self) -> list[str]:
        """Methods in the order of their first call."""
        return list(dict.fromkeys(method for method, _ in self.calls))


def run(stream: str, portal: ByMethod, state: Mapping[str, Any] | None = None, **facts: Any) -> Outcome:
    """Read a stream as its first run does, or from a STATE on."""
    entity = find_entity(stream)
    assert entity is not None
    key = CHILDREN_READ_AT if is_swept(entity) else facts.pop("replication_key", "")
    options = ReadOptions(PortalInfo(CLOCK, **facts), replication_key=key, lookback=timedelta(seconds=300))
    return pump(strategy_for(read_plan(entity, stream, options), state or {}), portal)


def bookmark(outcome: Outcome) -> Mapping[str, Any]:
    """The last STATE, without what it remembers of the date filter and of `start_date`."""
    return {name: value for name, value in outcome.states[-1].items() if name not in {"probes", "start_date"}}


# Lists of their own


def test_a_dictionary_comes_whole_in_one_request() -> None:
    portal = ByMethod(crm_status_list=[{"ID": "1"}, {"ID": "2"}])
    outcome = run("crm_statuses", portal)
    assert outcome.ids == [1, 2]
    assert portal.calls == [("crm.status.list", {})]
    assert outcome.states == []


def test_a_list_without_a_replication_key_is_read_by_id() -> None:
    portal = ByMethod(catalog_catalog_list=[{"id": number} for number in range(1, 4)])
    outcome = run("catalogs", portal)
    assert [row["id"] for row in outcome.rows] == [1, 2, 3]
    assert all("order" in params for _, params in portal.calls)
    assert outcome.states == []


def test_a_list_with_a_replication_key_leaves_a_bookmark() -> None:
    row = {"ID": "1", "DATE_MODIFY": EPOCH.isoformat()}
    outcome = run("deals", ByMethod(crm_deal_list=[row]), replication_key="date_modify")
    assert bookmark(outcome) == {"replication_key": "date_modify", "replication_key_value": format_bookmark(CLOCK)}


def test_without_a_bookmark_column_it_is_read_whole_all_the_same() -> None:
    outcome = run("deals", ByMethod(crm_deal_list=[{"ID": "1"}]))
    assert outcome.ids == [1]
    assert outcome.states == []


def test_several_lists_of_a_stream_share_a_request() -> None:
    portal = ByMethod(lists_field_get=lambda params: [{"FIELD_ID": f"F{params['IBLOCK_ID']}"}])
    outcome = run("list_fields", portal, universal_lists={5: UniversalList("lists"), 6: UniversalList("lists")})
    assert [row["FIELD_ID"] for row in outcome.rows] == ["F5", "F6"]
    assert outcome.requests == 1


# Children


def test_children_of_parents_with_a_replication_key_leave_a_bookmark_and_a_sweep() -> None:
    parents = [{"ID": "7", "LAST_UPDATED": EPOCH.isoformat()}]
    portal = ByMethod(crm_activity_list=parents, crm_activity_binding_list=[{"entityTypeId": 2, "entityId": 5}])
    outcome = run("crm_activity_bindings", portal)
    assert outcome.rows == [{"entityTypeId": 2, "entityId": 5, "_bitrix24_parent": "activity:7"}]
    assert bookmark(outcome) == {
        "replication_key": CHILDREN_READ_AT,
        "replication_key_value": format_bookmark(CLOCK),
        "swept": format_bookmark(CLOCK),
    }
    assert outcome.child_reads == {"activity:7": (1, format_bookmark(CLOCK)), "*": (None, format_bookmark(CLOCK))}


def test_children_of_parents_without_a_replication_key_are_read_whole() -> None:
    portal = ByMethod(rpa_type_list=[{"id": 3}, {"id": 4}], rpa_item_list=lambda params: [{"id": params["typeId"]}])
    outcome = run("rpa_items", portal)
    assert [row["id"] for row in outcome.rows] == [3, 4]
    assert not any("_bitrix24_parent" in row for row in outcome.rows)
    assert (outcome.states, outcome.child_reads) == ([], {})


def test_grandchildren_are_requested_with_the_ids_of_children() -> None:
    comments = {1: [{"ID": "11"}], 2: [{"ID": "21"}, {"ID": "22"}]}

    def of_deal(params: Mapping[str, Any]) -> Sequence[Row]:
        where = params["filter"]
        return comments.get(int(where["ENTITY_ID"]), []) if where["ENTITY_TYPE"] == "deal" else []

    portal = ByMethod(
        crm_deal_list=[{"ID": "1"}, {"ID": "2"}, {"ID": "3"}],
        crm_timeline_comment_list=of_deal,
        crm_timeline_bindings_list=lambda params: [
            {"OWNER_ID": params["filter"]["OWNER_ID"], "ENTITY_TYPE": "deal", "ENTITY_ID": "1"}
        ],
    )
    outcome = run("crm_timeline_bindings", portal)
    assert [row["OWNER_ID"] for row in outcome.rows] == ["11", "21", "22"]
    methods = portal.methods()
    assert methods.index("crm.timeline.comment.list") < methods.index("crm.timeline.bindings.list")


def test_a_tree_of_folders_below_the_folders_of_storages() -> None:
    folders = {
        "10": [{"ID": "20", "TYPE": "folder"}, {"ID": "21", "TYPE": "file"}],
        "20": [{"ID": "30", "TYPE": "file"}],
    }
    portal = ByMethod(
        disk_storage_getList=[{"ID": "1"}],
        disk_storage_getChildren=[{"ID": "10", "TYPE": "folder"}, {"ID": "11", "TYPE": "file"}],
        disk_folder_getChildren=lambda params: folders.get(str(params["id"]), []),
    )
    assert sorted(run("disk_folder_children", portal).ids) == [20, 21, 30]
    versions = ByMethod(
        disk_storage_getList=[{"ID": "1"}],
        disk_storage_getChildren=[{"ID": "10", "TYPE": "folder"}, {"ID": "11", "TYPE": "file"}],
        disk_folder_getChildren=lambda params: folders.get(str(params["id"]), []),
        disk_file_getVersions=lambda params: [{"ID": f"{params['id']}1"}],
    )
    assert sorted(run("disk_file_versions", versions).ids) == [111, 211, 301]


def test_a_list_of_its_own_comes_before_the_children_of_others() -> None:
    portal = ByMethod(
        user_get=[{"ID": "5"}],
        socialnetwork_api_workgroup_list=[{"id": "8"}],
        calendar_section_get=lambda params: [{"ID": f"{params['type']}{params['ownerId']}"}],
    )
    outcome = run("calendar_sections", portal)
    assert [row["ID"] for row in outcome.rows] == ["company_calendar", "user5", "group8"]


@every_entity
def test_parents_that_are_children_come_from_one_list(entity: Entity) -> None:
    """Their rows come from one list per parent: a single group must take them all."""
    rich = PortalInfo(
        CLOCK,
        smart_processes={128: "A"},
        product_iblocks=[24, 25],
        offer_iblocks=[26],
        universal_lists={5: UniversalList("lists")},
    )
    for parents in read_plan(entity, entity.stream, ReadOptions(rich)).parents:
        if parents.plan.parents:
            assert len(parents.groups) == 1


def test_every_list_of_the_table_has_a_strategy() -> None:
    quiet = ByMethod()
    for entity in BY_STREAM.values():
        name = f"{entity.stream}5" if entity.template else entity.stream
        key = CHILDREN_READ_AT if is_swept(entity) else "x" if entity.replication_key and not entity.parents else ""
        portal = PortalInfo(
            CLOCK,
            smart_processes={5: "A"},
            product_iblocks=[24],
            offer_iblocks=[26],
            universal_lists={5: UniversalList("x")},
        )
        plan = read_plan(entity, name, ReadOptions(portal, replication_key=key))
        outcome = pump(strategy_for(plan, {}), quiet)
        assert outcome.rows == []
        assert bool(outcome.states) is bool(key), name
        assert not outcome.warnings, name
