"""Every kind of pagination, over lists of more than two pages: all rows are read, none twice (docs/protocol.md §3)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.comparison import ComparedStream
from tests.support.fixtures import Start
from tests.support.running import Tap

Catalog = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A stream, its kind of pagination, and how its list gets longer than two pages."""

    kind: str
    stream: ComparedStream
    inserts: int = 0
    """Rows to add to the table, if the portal has too few."""
    into: str = ""
    """Another table to add them to, whose new rows add rows to this one."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the rows that are added."""
    least: int = 101
    """Rows the list must have then, at least."""

    def __str__(self) -> str:
        return f"{self.kind}: {self.stream}"


def case(kind: str, stream: str, table: str, columns: str, inserts: int = 0, *, least: int = 101, **more: Any) -> Case:
    """Return a case of the list below; `more` has fields of the rows added, and `only`."""
    only = {"only": more.pop("only")} if "only" in more else {}
    return Case(kind, ComparedStream(stream, table, columns, **only), inserts, more.pop("into", ""), more, least)


ORDER_ENTITY = "order_id=orderId owner_id=ownerId owner_type_id=ownerTypeId"
CASES = [
    # start
    case("legacy", "requisites", "requisites", "id=ID entity_id=ENTITY_ID"),
    case("legacy, newest first", "feed_posts", "feed_posts", "id=ID title=TITLE"),
    case("legacy, newest first", "workgroups_classic", "workgroups", "id=id name=name", 120),
    case("legacy", "bizproc_tasks", "workflow_tasks", "id=ID name=NAME", 70),
    case("legacy", "bizproc_workflow_instances", "workflow_instances", "id=ID", 60),
    case("controller", "orders", "orders", "id=id account_number=accountNumber", 40),
    case("controller", "store_documents", "store_documents", "id=id title=title", 60),
    case("controller", "workgroups", "workgroups", "id=id name=name", 120),
    case("controller", "document_numerators", "document_numerators", "id=id name=name", 70),
    case("controller", "scrum_epics", "scrum_epics", "id=id group_id=groupId", 60),
    case("controller, maps", "document_templates", "document_templates", "id=id name=name", 120),
    case("ORM", "calls", "calls", "id=ID call_id=CALL_ID"),
    case("everything", "crm_order_entities", "order_entities", ORDER_ENTITY, 90, into="orders"),
    case("total lies", "crm_addresses", "addresses", "type_id=TYPE_ID entity_id=ENTITY_ID city=CITY"),
    # others
    case("positional", "task_elapsed_items", "elapsed_items", "id=ID task_id=TASK_ID seconds=SECONDS"),
    case("limit", "openlines_configs", "openline_configs", "id=ID line_name=LINE_NAME", 460, least=501),
    case("limit", "sites", "sites", "id=ID code=CODE", 120),
    case("limit", "site_pages", "site_pages", "id=ID site_id=SITE_ID", 60),
    case("limit", "im_recent_chats", "im_chats", "id=id chat_id=chat_id title=title", 120),
    case("page", "bi_sources", "bi_sources", "id=id title=title"),
    case("page", "bi_datasets", "bi_datasets", "id=id name=name", 60),
    case("FIRST_ID", "im_dialog_messages", "im_messages", "id=id chat_id=chat_id text=text"),
    case("FIRST_ID", "feed_comments", "feed_comments", "id=id user_id=USER_ID", 260, USER_ID=1, least=260),
    case("date ranges", "calendar_events", "calendar_events", "id=ID owner_id=OWNER_ID date_from=DATE_FROM"),
    case("date ranges", "calendar_resource_bookings", "calendar_resource_bookings", "id=ID sect_id=SECT_ID", least=20),
    case("date ranges", "bookings", "bookings", "id=id name=name"),
    case("months", "timeman_absence_reports", "workdays", "user_id=USER_ID index=index", least=50),
    case("unpaged", "user_userfields", "user_userfields", "id=ID", least=1),
    case("unpaged", "calendar_resources", "calendar_resources", "id=ID name=NAME", 120),
    case("unpaged", "calendar_sections", "calendar_sections", "id=ID cal_type=CAL_TYPE owner_id=OWNER_ID", least=10),
    case("unpaged, keyed", "document_regions", "document_regions", "code=code title=title", least=3),
    case("map", "telephony_lines", "telephony_lines", "line_id=ID name=NAME", least=3),
    case("scalars", "task_planner", "planner_tasks", "task_id=TASK", least=3),
    case("pages of ten", "crm_timeline_log_messages", "timeline_log_messages", "id=id entity_id=entityId"),
    *(
        case(
            "strict filters",
            f"list_elements_{number}",
            "list_elements",
            "id=ID name=NAME iblock_id=IBLOCK_ID",
            120,
            IBLOCK_ID=number,
            least=120,
            only=lambda row, number=number: int(row["IBLOCK_ID"]) == number,
        )
        for number in (32, 34, 41)
    ),
    *(
        case(
            "requires its block",
            stream,
            "products",
            "id=id name=name iblock_id=iblockId",
            450,
            into="products",
            iblockId=block,
            type=type_,
            least=450,
            only=lambda row, type_=type_: row["type"] == type_,
        )
        for stream, type_, block in (("products", 1, 23), ("product_offers", 4, 24), ("product_services", 7, 23))
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_all_rows_are_read_once(start: Start, run_tap: Tap, catalog: Catalog, case: Case) -> None:
    portal, stream = start(), case.stream
    if case.inserts:
        portal.mutate(table=case.into or stream.table, insert=case.inserts, fields=dict(case.fields))
    wanted = stream.truth(portal)
    assert wanted.total() >= case.least
    run = run_tap(portal.config(plan="enterprise"), catalog=catalog, streams=[stream.stream]).succeeded()
    assert stream.read_by(run) == wanted
    assert [line for line in run.warnings if "kept in _bitrix24_unparsed" not in line] == []
    assert max(wanted.values()) == 1, "the compared columns do not distinguish the rows"


def test_objects_without_a_list_are_read_by_id(start: Start, run_tap: Tap, catalog: Catalog) -> None:
    """Templates have no list; the tasks made from them have their ids."""
    portal = start()
    used = {int(row["forkedByTemplateId"] or 0) for row in portal.truth("tasks")} - {0}
    templates = ComparedStream(
        "task_templates", "task_templates", "id=ID title=TITLE", only=lambda row: int(row["ID"]) in used
    )
    run = run_tap(portal.config(), catalog=catalog, streams=[str(templates)]).succeeded()
    assert len(used) > 1
    assert templates.read_by(run) == templates.truth(portal)


SERVERS = [(prefixes, no_count) for prefixes in ("new", "old") for no_count in ("new", "old")]


@pytest.mark.parametrize(("prefixes", "no_count"), SERVERS)
def test_users_of_new_and_old_servers(
    start: Start, run_tap: Tap, catalog: Catalog, prefixes: str, no_count: str
) -> None:
    portal = start(switches={"user_get_prefixes": prefixes, "user_get_no_count": no_count})
    portal.mutate(table="users", insert=130)
    users = ComparedStream("users", "users", "id=ID email=EMAIL")
    run = run_tap(portal.config(), catalog=catalog, streams=["users"]).succeeded()
    assert set(users.read_by(run)) == set(users.truth(portal))
    assert ["offset pagination" in line for line in run.warnings] == [True] * (prefixes == "old")


@pytest.mark.parametrize("every", [{"every_requests": 1}, {"every_requests": 4, "between_commands": True}], ids=str)
def test_rows_inserted_and_deleted_during_the_read(
    start: Start, run_tap: Tap, catalog: Catalog, every: Mapping[str, Any]
) -> None:
    """By id, all remaining rows are read; by offset, rows can move to pages already read, which is warned of."""
    portal = start()
    keyed = ComparedStream("requisites", "requisites", "id=ID")
    by_offset = ComparedStream("feed_posts", "feed_posts", "id=ID")
    for stream in (keyed, by_offset):
        portal.mutate(table=stream.table, insert=2_000)
    before = {stream: stream.truth(portal) for stream in (keyed, by_offset)}
    for stream in (keyed, by_offset):
        portal.mutate(table=stream.table, insert=2, delete=7, **every)
    run = run_tap(portal.config(plan="enterprise"), catalog=catalog, streams=[str(keyed), str(by_offset)]).succeeded()
    portal.mutate(clear=True)
    stayed = {stream: set(before[stream]) & set(stream.truth(portal)) for stream in (keyed, by_offset)}
    assert len(stayed[keyed]) < len(before[keyed]) - 20
    assert stayed[keyed] <= set(keyed.read_by(run))
    assert keyed.read_by(run).total() == len(keyed.read_by(run))
    assert by_offset.read_by(run).total() == len(by_offset.read_by(run))
    lost = stayed[by_offset] - set(by_offset.read_by(run))
    assert lost or "between_commands" not in every, "nothing was lost: too easy"
    assert any("log.blogpost.get: the number of rows changed" in line for line in run.warnings)
