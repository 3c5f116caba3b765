"""Decisions 3, 16 and 19: what the portal tells of itself becomes streams and columns, without a portal."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from tap_bitrix24.auth.credentials import Webhook
from tap_bitrix24.client import FIRST_REQUEST_ATTEMPTS, Client
from tap_bitrix24.connections import REST
from tap_bitrix24.dialects import BATCH_SIZE
from tap_bitrix24.discovery.discovered import DiscoveredStream, is_allowed, require_scope
from tap_bitrix24.discovery.rest import discover, preflight
from tap_bitrix24.entities import BY_STREAM, ENTITIES
from tap_bitrix24.entities.portal_info import PortalInfo, UniversalList
from tap_bitrix24.errors import (
    AccessError,
    MissingMethodError,
    PortalError,
    RejectedError,
    SettingsError,
    UnavailableError,
)
from tap_bitrix24.model.message import Command, Result
from tap_bitrix24.retries import ATTEMPTS
from tap_bitrix24.throttling.rate_limit import TARIFFS, RateLimiter

DOOR = Webhook("https://example.bitrix24.com/rest/1/s/", "s", "https://example.bitrix24.com")
CLOCK = "2025-03-01T12:30:45.900000+03:00"
Brought = Result | PortalError


SCOPES = sorted({scope for entity in ENTITIES for scope in entity.scope})
FAMILIES = sum(entity.template is not None for entity in ENTITIES)


class Described(Client):
    """A portal of a few smart processes and lists that describes every field as it is told to."""

    def __init__(
        self, processes: int = 0, scopes: Any = tuple(SCOPES), *, lists: Sequence[int] = (), **answers: Brought
    ) -> None:
        super().__init__(DOOR, RateLimiter(TARIFFS["standard"]), REST.dialects)
        self.first_answer = {"date_start": CLOCK}
        self.asked: list[Command] = []
        self._types = [
            {"id": str(number), "entityTypeId": str(128 + 2 * number), "title": f"P{number}"}
            for number in range(1, processes + 1)
        ]
        self._lists = [{"ID": str(number), "NAME": f"L{number}"} for number in lists]
        self._scopes = scopes
        self._answers = {"catalog_catalog_list": Result({"catalogs": []}), **answers}

    def batch(self, bundle: Sequence[Command], *, attempts: int = ATTEMPTS) -> list[Brought]:
        """Answer one request."""
        assert 1 <= len(bundle) <= BATCH_SIZE
        assert attempts >= 1
        self.requests += 1
        self.asked += bundle
        return [self._one(command) for command in bundle]

    def call(self, command: Command, *, attempts: int = ATTEMPTS) -> Result:
        """There is no REST 3.0 here."""
        assert (command.dialect, attempts) == ("rest_v3", FIRST_REQUEST_ATTEMPTS)
        text = f"{command.method}: this server has no such address (HTTP 404)"
        raise MissingMethodError(text)

    def _one(self, command: Command) -> Brought:
        method, params = command.method, command.params
        if (told := self._answers.get(method.replace(".", "_"))) is not None:
            return told
        if method == "scope":
            return Result(list(self._scopes))
        if method == "crm.type.list":
            after = int(params.get("filter", {}).get(">id", 0))
            return Result({"types": [row for row in self._types if int(row["id"]) > after][:50]})
        if method == "crm.category.list":
            return Result({"categories": [{"id": 0}, {"id": 7}, {"id": 9}] if params["entityTypeId"] == 3 else []})
        if method == "lists.get":
            start, mine = max(0, params["start"]), self._lists if params["IBLOCK_TYPE_ID"] == "lists" else []
            return Result(mine[start : start + 50] or mine[:50])  # beyond the end the first page comes again
        return Result({"ID": {"type": "integer"}, "id": {"type": "integer", "upperName": "ID"}})


def stream(client: Described, name: str) -> DiscoveredStream:
    """One stream as discovered."""
    _, found = discover(client)
    return next(each for each in found if each.name == name)


def portal(**facts: Any) -> PortalInfo:
    """A portal whose credentials may do everything."""
    return PortalInfo(datetime(2025, 3, 1, tzinfo=UTC), facts.pop("scopes", None), **facts)


@pytest.mark.parametrize(("processes", "requests"), [(0, 3), (1, 4), (10, 4), (49, 4), (50, 5), (120, 8)])
def test_discovery_takes_few_requests(processes: int, requests: int) -> None:
    client = Described(processes)
    _, found = discover(client)
    names = [each.name for each in found]
    assert sum(name.startswith("smart_process_") for name in names) == processes
    assert len(names) == len(set(names)) == len(ENTITIES) - FAMILIES + processes
    assert client.requests <= requests


def test_no_question_is_asked_twice() -> None:
    client = Described(3, lists=[5, 6])
    discover(client)
    asked = [(command.method, repr(command.params)) for command in client.asked]
    assert len(asked) == len(set(asked))


def test_the_clock_is_the_portals_in_utc_floored() -> None:
    assert preflight(Described()).clock == datetime(2025, 3, 1, 9, 30, 45, tzinfo=UTC)


def test_what_is_without_scope_or_method_is_left_out_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    client = Described(scopes=["crm"], crm_deal_fields=MissingMethodError("crm.deal.fields: no such method"))
    caplog.set_level("WARNING")
    _, found = discover(client)
    names = {each.name for each in found}
    assert "leads" in names
    assert {each.entity.scope for each in found if each.entity.scope} == {("crm",)}
    assert names.isdisjoint({"deals", "users", "departments", "tasks"})
    told = [record.getMessage() for record in caplog.records]
    assert [each for each in told if each.startswith("deals ")] == [
        "deals is left out: crm.deal.fields: no such method"
    ]
    (closed,) = [each for each in told if "scope" in each]
    assert "user or user_basic or user_brief (users)" in closed
    for name in ("departments", "tasks", "calls"):
        assert sum(name in each for each in told) == 1, "told once"
    assert "sip_lines" not in "".join(told), "nobody expects it"


@pytest.mark.parametrize(
    "broken",
    [
        {"scope": AccessError("wrong webhook")},
        {"scope": UnavailableError("cannot reach")},
        {"scopes": ["contact_center", "imbot"]},
        {"scopes": []},
    ],
)
def test_a_run_that_cannot_begin_is_a_settings_error(broken: dict[str, Any]) -> None:
    class Broken(Described):
        def batch(self, bundle: Sequence[Command], *, attempts: int = ATTEMPTS) -> list[Brought]:
            if isinstance(error := broken.get("scope"), PortalError):
                raise error
            return super().batch(bundle, attempts=attempts)

    with pytest.raises(SettingsError) as told:
        preflight(Broken(scopes=broken.get("scopes", ["crm"])))
    assert told.value.exit_code == 2
    assert "\n" not in str(told.value)


def test_a_portal_that_does_not_tell_its_scopes_is_tried() -> None:
    told = preflight(Described(scope=RejectedError("no")))
    assert told.scopes is None
    assert all(is_allowed(told, entity) for entity in ENTITIES)


def test_a_stream_someone_selected_without_its_scope_fails() -> None:
    bare = portal(scopes=frozenset({"crm"}))
    require_scope(bare, BY_STREAM["deals"], "deals")
    with pytest.raises(MissingMethodError, match=r"tasks.*scope.*task"):
        require_scope(bare, BY_STREAM["tasks"], "tasks")


def test_any_of_the_scopes_opens_an_entity_and_what_the_tap_makes_needs_none() -> None:
    for scope, streams in (("user_brief", {"users"}), ("tasks", {"tasks"}), ("user", {"users"})):
        opened = {entity.stream for entity in ENTITIES if is_allowed(portal(scopes=frozenset({scope})), entity)}
        assert opened == {*streams, "fields", "field_options", "child_reads"}


# What multiplies lists


def test_the_hidden_categories_are_those_above_zero() -> None:
    assert preflight(Described()).hidden_categories == {3: [7, 9], 4: []}


def test_catalogs_of_products_and_of_their_variations() -> None:
    rows = [{"id": 1, "iblockId": 24, "productIblockId": None}, {"id": 2, "iblockId": 26, "productIblockId": 24}]
    told = preflight(Described(catalog_catalog_list=Result({"catalogs": rows})))
    assert (told.product_iblocks, told.offer_iblocks) == ([24], [26])


def test_without_rights_for_what_multiplies_lists_there_is_none() -> None:
    denied = RejectedError("Access denied", code="ACCESS_DENIED")
    told = preflight(Described(catalog_catalog_list=denied, lists_get=denied, crm_category_list=denied))
    assert (told.product_iblocks, told.offer_iblocks, told.universal_lists) == ([], [], {})
    assert told.hidden_categories == {3: [], 4: []}


@pytest.mark.parametrize(("count", "requests"), [(0, 1), (1, 1), (49, 1), (50, 2), (100, 3), (120, 3)])
def test_universal_lists_of_more_than_one_page(count: int, requests: int) -> None:
    client = Described(lists=range(1, count + 1))
    told = preflight(client)
    assert told.universal_lists == {number: UniversalList("lists", f"L{number}") for number in range(1, count + 1)}
    assert client.requests == requests


def test_each_universal_list_is_a_stream_described_by_its_own_fields() -> None:
    fields = {
        "NAME": {"FIELD_ID": "NAME", "NAME": "Name", "TYPE": "NAME"},
        "P": {"FIELD_ID": "PROPERTY_7", "NAME": "Sum", "TYPE": "N", "MULTIPLE": "Y"},
    }
    client = Described(lists=[31, 44], lists_field_get=Result(fields))
    _, found = discover(client)
    assert [each.name for each in found if each.name.startswith("list_elements_")] == [
        "list_elements_31",
        "list_elements_44",
    ]
    described = [dict(command.params) for command in client.asked if command.method == "lists.field.get"]
    assert described == [{"IBLOCK_TYPE_ID": "lists", "IBLOCK_ID": number} for number in (31, 44)]
    (one,) = [each for each in found if each.name == "list_elements_44"]
    kinds = {column.name: (column.kind, column.multiple) for column in one.columns}
    assert kinds["property_7_value"] == ("number", True)
    assert "id" in kinds, "the key is a column, described or not"


def test_products_are_described_once_for_each_catalog() -> None:
    rows = [{"id": 1, "iblockId": 24}, {"id": 2, "iblockId": 25}, {"id": 3, "iblockId": 26, "productIblockId": 24}]
    client = Described(catalog_catalog_list=Result({"catalogs": rows}))
    discover(client)
    asked = [dict(command.params) for command in client.asked if command.method == "catalog.product.getFieldsByFilter"]
    assert asked == [{"filter": {"iblockId": block, "productType": 1}} for block in (24, 25)]
    offers = [command.params for command in client.asked if command.method == "catalog.product.offer.getFieldsByFilter"]
    assert offers == [{"filter": {"iblockId": 26, "productType": 4}}]


# What becomes of descriptions


def test_two_methods_describe_one_field_together() -> None:
    labels = Result({"ID": "ID", "UF_USR_1": "Skills"})
    rows = [
        {
            "FIELD_NAME": "UF_USR_1",
            "USER_TYPE_ID": "enumeration",
            "MULTIPLE": "Y",
            "MANDATORY": "Y",
            "LIST": [{"ID": "26", "VALUE": "SQL"}],
        }
    ]
    users = stream(Described(user_fields=labels, user_userfield_list=Result(rows)), "users")
    (column,) = [each for each in users.columns if each.portal_name == "UF_USR_1"]
    assert (column.kind, column.multiple, column.description) == ("integer", True, "Skills")
    told = users.fields["UF_USR_1"]
    assert (told.required, [option.label for option in told.options]) == (True, ["SQL"])


def test_without_the_second_method_the_first_will_do(caplog: pytest.LogCaptureFixture) -> None:
    users = stream(Described(user_userfield_list=MissingMethodError("user.userfield.list: no scope")), "users")
    assert {"id", "email"} <= {each.name for each in users.columns}
    assert not [each for each in caplog.records if each.getMessage().startswith("users")]


def test_a_documented_list_is_read_although_nothing_describes_its_fields() -> None:
    broken = RejectedError("crm.item.productrow.fields: no", code="ERROR")
    rows = stream(Described(crm_item_productrow_fields=broken), "crm_product_rows")
    kinds = {each.name: each.kind for each in rows.columns}
    assert kinds["id"] == "integer"
    assert kinds["price"] == "number"
    assert kinds["tax_included"] == "boolean"


def test_children_say_which_set_they_belong_to_and_when_it_was_read() -> None:
    client = Described()
    _, found = discover(client)
    names = {each.name: [column.name for column in each.columns] for each in found}
    for name, marked in (("deal_contacts", True), ("crm_product_rows", True), ("deals", False), ("rpa_items", False)):
        assert ("_bitrix24_parent" in names[name]) is marked, name
        assert ("_bitrix24_children_read_at" in names[name]) is marked, name


def test_passwords_are_no_columns() -> None:
    _, found = discover(Described())
    names = {each.name: {column.name for column in each.columns} for each in found}
    assert names["sip_lines"].isdisjoint({"password", "incoming_password"})
    assert "login" in names["sip_lines"]
    assert "sip_password" not in names["telephony_users"]


def test_a_column_of_an_unknown_type_is_told_and_kept(caplog: pytest.LogCaptureFixture) -> None:
    fields = {"ID": {"type": "integer"}, "UF_CRM_9": {"type": "hologram"}, "UF_CRM_8": {"type": "string"}}
    deals = stream(Described(crm_deal_fields=Result(fields)), "deals")
    assert {each.name: each.kind for each in deals.columns} == {
        "id": "integer",
        "uf_crm_9": "any",
        "uf_crm_8": "string",
    }
    (told,) = [each.getMessage() for each in caplog.records if each.getMessage().startswith("deals")]
    assert "UF_CRM_9" in told
    assert "UF_CRM_8" not in told
