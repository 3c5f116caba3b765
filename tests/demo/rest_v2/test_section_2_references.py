"""docs/protocol.md §2.3 and §2.4: references between commands, and chains after a short page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.demo.wire import Wire, command, ids

DEALS = "crm.deal.list"


def titled(own: Wire, titles: Mapping[int, str]) -> None:
    """Gives deals titles that a test can find."""
    for deal, title in titles.items():
        own.mutate(table="deals", set={"id": deal, "fields": {"TITLE": title}})


def two_step(own: Wire, first: Mapping[str, Any], second: Mapping[str, Any]) -> list[int]:
    """Ids of the second of two deal lists whose parameters may refer to the first, `a`."""
    commands = {"a": command(DEALS, first), "b": command(DEALS, second)}
    return ids(own.batch(commands)["result"]["b"])


# §2.3


def test_2_3_1_every_leaf_value_is_scanned_however_deep(portal: Wire) -> None:
    first, second, *_ = ids(portal.truth("deals"))
    nested = {"filter": {"@ID": [second, "$result[a][0][ID]"]}, "order": {"ID": "ASC"}}
    assert two_step(portal, {"filter": {"ID": first}}, nested) == [first, second]


def test_2_3_1_references_are_found_after_decoding(portal: Wire) -> None:
    """The brackets may be percent-encoded: `%24result%5Ba%5D…`."""
    deal = ids(portal.truth("deals"))[200]
    encoded = command(DEALS, {"filter": {"ID": "$result[a][0][ID]"}})
    assert "%24result%5Ba%5D" in encoded
    maps = portal.batch({"a": command(DEALS, {"filter": {"ID": deal}}), "b": encoded})
    assert ids(maps["result"]["b"]) == [deal]


@pytest.mark.parametrize(("root", "found"), [("result", True), ("RESULT", False), ("Result", False)])
def test_2_3_2_a_root_in_the_wrong_case_finds_nothing(portal: Wire, root: str, *, found: bool) -> None:
    deal = ids(portal.truth("deals"))[200]
    got = two_step(portal, {"filter": {"ID": deal}}, {"filter": {"ID": f"${root}[a][0][ID]"}})
    assert (got == [deal]) is found


@pytest.mark.parametrize("root", ["next", "total"])
def test_2_3_2_next_and_total_are_roots_too(own: Wire, root: str) -> None:
    titled(own, {ids(own.truth("deals"))[9]: {"next": "50", "total": "300"}[root]})
    got = two_step(own, {}, {"filter": {"TITLE": f"${root}[a]"}})
    assert got == [ids(own.truth("deals"))[9]]


def test_2_3_2_errors_are_a_root_too(own: Wire) -> None:
    deal = ids(own.truth("deals"))[9]
    titled(own, {deal: "ERROR_METHOD_NOT_FOUND"})
    commands = {"a": "no.such", "b": command(DEALS, {"filter": {"TITLE": "$error[a][error]"}})}
    assert ids(own.batch(commands)["result"]["b"]) == [deal]


def test_2_3_3_two_references_without_a_space_are_one_match(portal: Wire) -> None:
    """The path is a,0,ID,b,0,ID: it resolves by the first and then breaks."""
    first, second, *_ = ids(portal.truth("deals"))
    commands = {
        "a": command(DEALS, {"filter": {"ID": first}}),
        "b": command(DEALS, {"filter": {"ID": second}}),
        "joined": command(DEALS, {"filter": {"ID": "$result[a][0][ID],$result[b][0][ID]"}}),
        "apart": command(DEALS, {"filter": {"@ID": ["$result[a][0][ID]", "$result[b][0][ID]"]}}),
    }
    result = portal.batch(commands)["result"]
    assert ids(result["joined"]) == [first]
    assert sorted(ids(result["apart"])) == [first, second]


def test_2_3_4_the_walk_stops_at_the_deepest_step_reached(own: Wire) -> None:
    """`[a][0][TITLE][no][way]` reaches the title and keeps it."""
    one, two, *_ = ids(own.truth("deals"))
    titled(own, {one: "Deepest", two: "Deepest"})
    second = {"filter": {"TITLE": "$result[a][0][TITLE][no][way]"}, "order": {"ID": "ASC"}}
    assert two_step(own, {"filter": {"ID": one}}, second) == [one, two]


def test_2_3_4_without_brackets_nothing_is_replaced(own: Wire) -> None:
    deal = ids(own.truth("deals"))[3]
    titled(own, {deal: "$result"})
    assert two_step(own, {}, {"filter": {"TITLE": "$result"}}) == [deal]


def test_2_3_5_a_whole_value_keeps_its_type_even_an_array(own: Wire) -> None:
    wanted = ids(own.truth("deals"))[10:13]
    user = own.truth("users")[0]["ID"]
    own.mutate(table="users", set={"id": int(user), "fields": {"UF_DEPARTMENT": wanted}})
    commands = {
        "a": command("user.get", {"FILTER": {"ID": user}}),
        "b": command(DEALS, {"filter": {"@ID": "$result[a][0][UF_DEPARTMENT]"}, "order": {"ID": "ASC"}}),
    }
    assert ids(own.batch(commands)["result"]["b"]) == wanted


def test_2_3_5_inside_a_text_scalars_are_spliced_in(own: Wire) -> None:
    one, two, *_ = ids(own.truth("deals"))
    titled(own, {two: f"No {one}"})
    assert two_step(own, {"filter": {"ID": one}}, {"filter": {"TITLE": "No $result[a][0][ID]"}}) == [two]


def test_2_3_2_the_match_swallows_what_follows_without_white_space(own: Wire) -> None:
    one, two, *_ = ids(own.truth("deals"))
    titled(own, {two: f"No {one} end"})
    text = "No $result[a][0][ID]swallowed end"
    assert two_step(own, {"filter": {"ID": one}}, {"filter": {"TITLE": text}}) == [two]


def test_2_3_5_inside_a_text_an_array_leaves_the_reference_as_text(own: Wire) -> None:
    one, two, *_ = ids(own.truth("deals"))
    titled(own, {two: "No $result[a] end"})
    assert two_step(own, {"filter": {"ID": one}}, {"filter": {"TITLE": "No $result[a] end"}}) == [two]


def test_2_3_6_step_0_on_a_text_gives_its_first_character(own: Wire) -> None:
    one, two, *_ = ids(own.truth("deals"))
    titled(own, {one: "Zebra", two: "Z"})
    assert two_step(own, {"filter": {"ID": one}}, {"filter": {"TITLE": "$result[a][0][TITLE][0]"}}) == [two]


def items_after(portal: Wire, before: Mapping[str, str]) -> list[int]:
    """Deals by crm.item.list behind a reference to the command `a`."""
    params = {"entityTypeId": 2, "filter": {">id": "$result[a][items][49][id]"}, "order": {"id": "ASC"}}
    maps = portal.batch({**before, "b": command("crm.item.list", params)})
    return ids(maps["result"]["b"]["items"], "id")


def test_2_3_7_behind_a_failure_the_value_is_the_whole_map_empty_if_nothing_succeeded(portal: Wire) -> None:
    """An empty array is `1=0` for the ORM (§2.4): no rows."""
    assert items_after(portal, {"a": "no.such"}) == []


def test_2_3_7_behind_a_failure_the_whole_map_counts_as_1_if_something_succeeded(portal: Wire) -> None:
    truth = ids(portal.truth("deals"))
    assert items_after(portal, {"z": DEALS, "a": "no.such"}) == [deal for deal in truth if deal > 1][:50]


# §2.4


@dataclass(frozen=True)
class Family:
    """How one group of methods writes a chained keyset."""

    table: str
    method: str
    filter: str
    key: str
    reference: str
    wrapper: str = ""
    more: tuple[tuple[str, Any], ...] = ()

    def page(self, **conditions: Any) -> str:
        more = dict(self.more)
        return command(self.method, {**more, self.filter: {**more.get(self.filter, {}), **conditions}})

    def rows(self, result: Any) -> list[int]:
        inner = result[self.wrapper] if self.wrapper else result
        return ids(inner, "ID" if not inner or "ID" in inner[0] else "id")


def classic(table: str, method: str) -> Family:
    return Family(table, method, "filter", "ID", "[49][ID]", more=(("order", {"ID": "ASC"}),))


CLASSIC = [
    classic("deals", DEALS),
    classic("leads", "crm.lead.list"),
    classic("companies", "crm.company.list"),
    classic("contacts", "crm.contact.list"),
    classic("activities", "crm.activity.list"),
]
ITEMS = Family(
    "deals",
    "crm.item.list",
    "filter",
    "id",
    "[items][49][id]",
    "items",
    (("entityTypeId", 2), ("order", {"id": "ASC"})),
)
HISTORY = Family(
    "stage_history",
    "crm.stagehistory.list",
    "filter",
    "ID",
    "[items][49][ID]",
    "items",
    (("entityTypeId", 2), ("order", {"ID": "ASC"})),
)
TASKS = Family(
    "tasks",
    "tasks.task.list",
    "filter",
    "ID",
    "[tasks][49][id]",
    "tasks",
    (("order", {"ID": "asc"}), ("select", ["ID"])),
)
USERS = Family("users", "user.get", "FILTER", "ID", "[49][ID]", more=(("SORT", "ID"), ("ORDER", "ASC")))
RESTARTING = [*CLASSIC, ITEMS, HISTORY, TASKS, USERS]


def chained(portal: Wire, family: Family, first: str, value: str) -> list[int]:
    """Ids of the page behind `first`, filtered by `>ID` = `value`."""
    second = family.page(**{f">{family.key}": value})
    return family.rows(portal.batch({"p0": first, "p1": second})["result"]["p1"])


def first_page(portal: Wire, family: Family, above: int) -> list[int]:
    """The first 50 ids above a bound, read without any reference."""
    result = portal.batch({"p": family.page(**{f">{family.key}": above})})["result"]["p"]
    return family.rows(result)


def by_method(family: Family) -> str:
    return family.method


@pytest.mark.parametrize("family", RESTARTING, ids=by_method)
def test_2_4_behind_a_short_page_the_chain_restarts_after_id_1(portal: Wire, family: Family) -> None:
    fresh = first_page(portal, family, 1)
    short = family.page(**{family.key: fresh[-1]})
    assert chained(portal, family, short, f"$result[p0]{family.reference}") == fresh


@pytest.mark.parametrize("family", [*CLASSIC, TASKS, USERS], ids=by_method)
def test_2_4_behind_an_empty_page_the_chain_restarts(portal: Wire, family: Family) -> None:
    empty = family.page(**{family.key: 999_999_999})
    assert chained(portal, family, empty, f"$result[p0]{family.reference}") == first_page(portal, family, 0)


@pytest.mark.parametrize("family", [ITEMS, HISTORY], ids=by_method)
def test_2_4_behind_an_empty_page_the_orm_gives_no_rows(portal: Wire, family: Family) -> None:
    empty = family.page(**{family.key: 999_999_999})
    assert chained(portal, family, empty, f"$result[p0]{family.reference}") == []


@pytest.mark.parametrize("family", RESTARTING, ids=by_method)
def test_2_4_an_empty_text_restarts_the_chain(portal: Wire, family: Family) -> None:
    assert chained(portal, family, family.page(), "") == first_page(portal, family, 0)


@pytest.mark.parametrize("value", ["$result[p0][49][ID]", ""])
def test_2_4_department_get_drops_a_prefixed_key_and_gives_all(portal: Wire, value: str) -> None:
    commands = {
        "p0": command("department.get", {"ID": 1}),
        "p1": command("department.get", {"FILTER": {">ID": value}}),
    }
    everyone = ids(portal.truth("departments"))
    assert sorted(ids(portal.batch(commands)["result"]["p1"])) == everyone[:50]


@pytest.mark.parametrize("family", [*CLASSIC[:2], ITEMS, HISTORY], ids=by_method)
def test_2_4_behind_a_full_page_the_chain_goes_on(portal: Wire, family: Family) -> None:
    first = first_page(portal, family, 0)
    got = chained(portal, family, family.page(), f"$result[p0]{family.reference}")
    assert len(first) == 50
    assert got == first_page(portal, family, first[-1])


def test_2_4_an_old_user_get_drops_the_condition(own: Wire) -> None:
    own.switch(user_get_prefixes="old")
    everyone = ids(own.truth("users"))
    got = chained(own, USERS, USERS.page(ID=everyone[1]), "$result[p0][49][ID]")
    assert sorted(got) == everyone[:50]
