"""Lists by parent: product rows, contact links, timeline, checklists, stages."""

import time
from collections import Counter
from typing import Any

import pytest

from tests.demo.conftest import Start
from tests.demo.wire import Wire, command, ids

ROWS = "crm.item.productrow.list"


def product_rows(portal: Wire, owner: Any, kind: str = "D", **more: Any) -> Any:
    filters = {"=ownerType": kind, "=ownerId": owner, **more.pop("filter", {})}
    return portal.result(ROWS, {"filter": filters, "order": {"id": "ASC"}, **more})["productRows"]


def truth(portal: Wire, owner: int, kind: str = "D") -> list[Any]:
    return [row for row in portal.truth("product_rows") if (row["ownerId"], row["ownerType"]) == (owner, kind)]


# Product rows


def test_product_rows_are_those_of_their_owner_and_kind(portal: Wire) -> None:
    owners = Counter((row["ownerId"], row["ownerType"]) for row in portal.truth("product_rows"))
    assert {"D", "L", "Q", "SI", "T9c", "Tb1"} == {kind for _, kind in owners}
    for (owner, kind), count in list(owners.items())[::40]:
        rows = product_rows(portal, owner, kind)
        assert rows == truth(portal, owner, kind)[:50]
        assert len(rows) == min(count, 50)


def test_an_owner_without_rows_has_an_empty_list(portal: Wire) -> None:
    having = {row["ownerId"] for row in portal.truth("product_rows") if row["ownerType"] == "D"}
    without = next(deal for deal in ids(portal.truth("deals")) if deal not in having)
    assert product_rows(portal, without) == []


def test_an_array_of_owners_gives_the_rows_of_all(portal: Wire) -> None:
    deals = ids(portal.truth("deals"))[:12]
    wanted = [row for deal in deals for row in truth(portal, deal)]
    assert product_rows(portal, deals) == sorted(wanted, key=lambda row: int(row["id"]))[:50]


def test_without_owner_arrays_only_their_int_cast_counts_which_is_one(own: Wire) -> None:
    own.switch(productrow_owner_arrays="off")
    own.mutate(table="product_rows", insert=1, fields={"ownerId": 1, "ownerType": "D"})
    assert {row["ownerId"] for row in product_rows(own, [5, 6, 7])} == {1}


def test_product_rows_page_by_id_beyond_fifty(portal: Wire) -> None:
    counts = Counter((row["ownerId"], row["ownerType"]) for row in portal.truth("product_rows"))
    (owner, kind), count = counts.most_common(1)[0]
    assert count > 50
    first = product_rows(portal, owner, kind, start=-1)
    rest = product_rows(portal, owner, kind, start=-1, filter={">id": first[-1]["id"]})
    assert first + rest == truth(portal, owner, kind)


@pytest.mark.parametrize("filters", [{}, {"=ownerType": "D"}, {"=ownerId": 1}])
def test_product_rows_need_owner_and_kind(portal: Wire, filters: dict[str, Any]) -> None:
    assert portal.call(ROWS, {"filter": filters}).status == 400


def test_an_unknown_field_in_their_filter_is_an_error(portal: Wire) -> None:
    answer = portal.call(ROWS, {"filter": {"=ownerType": "D", "=ownerId": 1, "colour": 1}})
    assert answer.error == (400, 0)


def test_a_batch_of_fifty_owners_takes_less_than_a_tenth_of_a_second(start: Start) -> None:
    portal = start(scale=10_000)
    deals = ids(portal.truth("deals"))
    commands = [{f"c{n}": _rows_of(deals[50 * page + n]) for n in range(50)} for page in range(4)]
    portal.batch(commands[0])
    took = []
    for one in commands[1:]:
        began = time.perf_counter()
        portal.batch(one)
        took.append(time.perf_counter() - began)
    assert min(took) < 0.1


def _rows_of(deal: int) -> str:
    filters = {"=ownerType": "D", "=ownerId": deal}
    return command(ROWS, {"filter": filters, "order": {"id": "ASC"}, "start": -1})


# Contact links

LINKS = [
    ("deal", "deals", 2, "deal_contacts", "DEAL_ID"),
    ("lead", "leads", 1, "lead_contacts", "LEAD_ID"),
    ("quote", "quotes", 7, "quote_contacts", "QUOTE_ID"),
]


@pytest.mark.parametrize(("entity", "table", "kind", "links", "owner"), LINKS)
def test_contacts_of_an_owner_agree_with_contact_ids(
    portal: Wire, entity: str, table: str, kind: int, links: str, owner: str
) -> None:
    owners = ids(portal.truth(table), "ID")[:40]
    numbers = set()
    linked = portal.truth(links)
    for number in owners:
        rows = portal.result(f"crm.{entity}.contact.items.get", {"id": number})
        item = portal.result(
            "crm.item.list", {"entityTypeId": kind, "filter": {"id": number}, "select": ["contactIds"]}
        )
        assert [row["CONTACT_ID"] for row in rows] == item["items"][0]["contactIds"]
        assert [{"CONTACT_ID", "SORT", "ROLE_ID", "IS_PRIMARY"} == set(row) for row in rows] == [True] * len(rows)
        assert [row["IS_PRIMARY"] for row in rows] == ["Y", "N", "N", "N"][: len(rows)]
        assert [row["CONTACT_ID"] for row in linked if row[owner] == number] == [row["CONTACT_ID"] for row in rows]
        numbers.add(len(rows))
    assert len(numbers) >= 2


def test_deals_have_no_contact_one_or_several(portal: Wire) -> None:
    counts = Counter(row["DEAL_ID"] for row in portal.truth("deal_contacts"))
    deals = ids(portal.truth("deals"))
    assert {0, 1, 2} <= {counts[deal] for deal in deals}


def test_companies_and_contacts_show_the_same_links_from_both_sides(portal: Wire) -> None:
    links = {(row["CONTACT_ID"], row["COMPANY_ID"]) for row in portal.truth("contact_companies")}
    assert len(links) == len(portal.truth("contact_companies"))
    for contact, company in sorted(links)[::30]:
        companies = portal.result("crm.contact.company.items.get", {"id": contact})
        contacts = portal.result("crm.company.contact.items.get", {"id": company})
        assert {row["COMPANY_ID"] for row in companies} == {b for a, b in links if a == contact}
        assert {row["CONTACT_ID"] for row in contacts} == {a for a, b in links if b == company}
        item = portal.result("crm.item.list", {"entityTypeId": 3, "filter": {"id": contact}})["items"][0]
        assert item["companyIds"] == [row["COMPANY_ID"] for row in companies]


def test_a_link_that_goes_does_not_touch_its_deal(own: Wire) -> None:
    link = own.truth("deal_contacts")[0]
    deal = link["DEAL_ID"]
    asked = {"entityTypeId": 2, "filter": {"id": deal}, "select": ["id", "updatedTime", "contactIds"]}
    before = own.result("crm.item.list", asked)["items"][0]
    reply = own.mutate(table="deal_contacts", delete_where={"DEAL_ID": deal, "CONTACT_ID": link["CONTACT_ID"]})
    assert len(reply["deleted"]) == 1
    after = own.result("crm.item.list", asked)["items"][0]
    assert after["updatedTime"] == before["updatedTime"]
    assert after["contactIds"] == [one for one in before["contactIds"] if one != link["CONTACT_ID"]]
    rows = own.result("crm.deal.contact.items.get", {"id": deal})
    assert [row["CONTACT_ID"] for row in rows] == after["contactIds"]


def test_a_new_link_shows_in_both_methods(own: Wire) -> None:
    contact = ids(own.truth("contacts"))[-1]
    own.mutate(table="deal_contacts", insert=1, fields={"DEAL_ID": 1, "CONTACT_ID": contact})
    assert own.result("crm.deal.contact.items.get", {"id": 1})[-1]["CONTACT_ID"] == contact
    item = own.result("crm.item.list", {"entityTypeId": 2, "filter": {"id": 1}})["items"][0]
    assert item["contactIds"][-1] == contact


def test_a_new_item_has_no_links_whichever_way_it_is_asked(own: Wire) -> None:
    assert own.truth("deal_contacts")
    for _ in range(8):
        (deal,) = own.mutate(table="deals", insert=1)["inserted"]
        asked = {"entityTypeId": 2, "filter": {"id": deal}, "select": ["contactIds"]}
        assert own.result("crm.item.list", asked)["items"][0]["contactIds"] == []
        assert own.result("crm.deal.contact.items.get", {"id": deal}) == []
    own.mutate(table="deals", delete_ids=[deal])
    assert own.mutate(table="deals", insert=1)["inserted"] == [deal], "not as a real portal counts"
    assert own.result("crm.item.list", asked)["items"][0]["contactIds"] == []


def test_links_need_an_owner_that_is_there(portal: Wire) -> None:
    assert portal.call("crm.deal.contact.items.get").error == (400, "")
    assert portal.call("crm.deal.contact.items.get", {"id": 99_999}).error == (400, "NOT_FOUND")


def test_links_are_described_without_their_role(portal: Wire) -> None:
    fields = portal.result("crm.company.contact.fields")
    assert set(fields) == {"CONTACT_ID", "SORT", "IS_PRIMARY"}
    assert fields["CONTACT_ID"]["isRequired"] is True


# Timeline, checklists, stages


def test_comments_are_asked_for_by_two_members_of_the_filter(portal: Wire) -> None:
    comments = portal.truth("timeline_comments")
    one = comments[0]
    asked = {"filter": {"ENTITY_ID": one["ENTITY_ID"], "ENTITY_TYPE": one["ENTITY_TYPE"]}}
    rows = portal.result("crm.timeline.comment.list", asked)
    assert rows == [
        row for row in comments if (row["ENTITY_ID"], row["ENTITY_TYPE"]) == (one["ENTITY_ID"], one["ENTITY_TYPE"])
    ]
    assert portal.call("crm.timeline.comment.list", {"filter": {"ENTITY_ID": 1}}).error == (400, "")
    assert any(isinstance(row["FILES"], dict) for row in comments)
    assert any(row["FILES"] == [] for row in comments)


def test_a_checklist_comes_whole_and_a_missing_task_is_an_error(portal: Wire) -> None:
    items = portal.truth("checklist_items")
    task = items[0]["TASK_ID"]
    rows = portal.result("task.checklistitem.getlist", {"TASKID": task})
    assert rows == [row for row in items if row["TASK_ID"] == task]
    assert portal.result("task.checklistitem.getlist", [int(task)]) == rows
    assert portal.call("task.checklistitem.getlist", {"TASKID": 99_999}).error == (400, "ERROR_CORE")


def test_stages_come_as_an_object_by_id_or_an_empty_list(portal: Wire) -> None:
    stages = portal.result("task.stages.get", {"entityId": 0})
    assert [stage["ID"] for stage in stages.values()] == list(stages)
    assert portal.result("task.stages.get", {"entityId": 77}) == []
    assert portal.call("task.stages.get").error == (400, "ACCESS_DENIED")


def test_children_go_with_their_parent(own: Wire) -> None:
    deal = own.truth("product_rows")[0]["ownerId"]
    before = len(own.truth("product_rows"))
    gone = len(truth(own, deal))
    own.mutate(table="deals", delete_ids=[deal])
    assert deal not in ids(own.truth("deals"))
    assert len(own.truth("product_rows")) == before - gone
    assert gone > 0
