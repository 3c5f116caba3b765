"""Discovery of classic REST with a client that answers by itself.

See docs/decisions.md#decision-3, docs/decisions.md#decision-16 and docs/decisions.md#decision-19.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from tap_bitrix24.auth.credentials import Webhook
from tap_bitrix24.client import DISCOVERY_ATTEMPTS, Client
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

CREDENTIALS = Webhook("https://example.bitrix24.com/rest/1/s/", "s", "https://example.bitrix24.com")
CLOCK = "2025-03-01T12:30:45.900000+03:00"
Outcome = Result | PortalError
SCOPES = sorted({scope for entity in ENTITIES for scope in entity.scope})
TEMPLATES = sum(entity.template is not None for entity in ENTITIES)


class Described(Client):
    """A client of a portal with some smart processes and lists, whose methods answer as the test says."""

    def __init__(
        self, processes: int = 0, scopes: Any = tuple(SCOPES), *, lists: Sequence[int] = (), **answers: Outcome
    ) -> None:
        super().__init__(CREDENTIALS, RateLimiter(TARIFFS["standard"]), REST.dialects)
        self.first_answer = {"date_start": CLOCK}
        self.commands: list[Command] = []
        self._types = [
            {"id": str(number), "entityTypeId": str(128 + 2 * number), "title": f"P{number}"}
            for number in range(1, processes + 1)
        ]
        self._lists = [{"ID": str(number), "NAME": f"L{number}"} for number in lists]
        self._scopes = scopes
        self._answers = {"catalog_catalog_list": Result({"catalogs": []}), **answers}

    def batch(self, commands: Sequence[Command], *, attempts: int = ATTEMPTS) -> list[Outcome]:
        """Answer one request."""
        assert 1 <= len(commands) <= BATCH_SIZE
        assert attempts >= 1
        self.requests += 1
        self.commands += commands
        return [self._outcome(command) for command in commands]

    def call(self, command: Command, *, attempts: int = ATTEMPTS) -> Result:
        """Answer as a portal without REST 3.0."""
        assert (command.dialect, attempts) == ("rest_v3", DISCOVERY_ATTEMPTS)
        text = f"{command.method}: this server has no such address (HTTP 404)"
        raise MissingMethodError(text)

    def _outcome(self, command: Command) -> Outcome:
        method, params = command.method, command.params
        if (answer := self._answers.get(method.replace(".", "_"))) is not None:
            return answer
        if method == "scope":
            return Result(list(self._scopes))
        if method == "crm.type.list":
            after = int(params.get("filter", {}).get(">id", 0))
            return Result({"types": [row for row in self._types if int(row["id"]) > after][:50]})
        if method == "crm.category.list":
            return Result({"categories": [{"id": 0}, {"id": 7}, {"id": 9}] if params["entityTypeId"] == 3 else []})
        if method == "lists.get":
            start, rows = max(0, params["start"]), self._lists if params["IBLOCK_TYPE_ID"] == "lists" else []
            return Result(rows[start : start + 50] or rows[:50])  # beyond the end the first page comes again
        return Result({"ID": {"type": "integer"}, "id": {"type": "integer", "upperName": "ID"}})


def stream(client: Described, name: str) -> DiscoveredStream:
    """Discover the portal and return one of its streams."""
    _, streams = discover(client)
    return next(each for each in streams if each.name == name)


def portal(**facts: Any) -> PortalInfo:
    """Return a portal whose credentials have all scopes, unless other facts are given."""
    return PortalInfo(datetime(2025, 3, 1, tzinfo=UTC), facts.pop("scopes", None), **facts)


@pytest.mark.parametrize(("processes", "requests"), [(0, 3), (1, 4), (10, 4), (49, 4), (50, 5), (120, 8)])
def test_discovery_takes_few_requests(processes: int, requests: int) -> None:
    client = Described(processes)
    _, streams = discover(client)
    names = [each.name for each in streams]
    assert sum(name.startswith("smart_process_") for name in names) == processes
    assert len(names) == len(set(names)) == len(ENTITIES) - TEMPLATES + processes
    assert client.requests <= requests


def test_no_command_is_sent_twice() -> None:
    client = Described(3, lists=[5, 6])
    discover(client)
    commands = [(command.method, repr(command.params)) for command in client.commands]
    assert len(commands) == len(set(commands))


def test_the_clock_is_the_portals_in_utc_floored() -> None:
    assert preflight(Described()).clock == datetime(2025, 3, 1, 9, 30, 45, tzinfo=UTC)


def test_a_stream_without_scope_or_method_is_skipped_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    client = Described(scopes=["crm"], crm_deal_fields=MissingMethodError("crm.deal.fields: no such method"))
    caplog.set_level("WARNING")
    _, streams = discover(client)
    names = {each.name for each in streams}
    assert "leads" in names
    assert {each.entity.scope for each in streams if each.entity.scope} == {("crm",)}
    assert names.isdisjoint({"deals", "users", "departments", "tasks"})
    messages = [record.getMessage() for record in caplog.records]
    assert [each for each in messages if each.startswith("deals ")] == [
        "deals skipped: crm.deal.fields: no such method"
    ]
    (of_scopes,) = [each for each in messages if "scope" in each]
    assert "user or user_basic or user_brief (users)" in of_scopes
    for name in ("departments", "tasks", "calls"):
        assert sum(name in each for each in messages) == 1, "in one warning"
    assert "sip_lines" not in "".join(messages), "it is not selected by default"


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
        def batch(self, commands: Sequence[Command], *, attempts: int = ATTEMPTS) -> list[Outcome]:
            if isinstance(error := broken.get("scope"), PortalError):
                raise error
            return super().batch(commands, attempts=attempts)

    with pytest.raises(SettingsError) as raised:
        preflight(Broken(scopes=broken.get("scopes", ["crm"])))
    assert raised.value.exit_code == 2
    assert "\n" not in str(raised.value)


def test_every_entity_is_tried_if_the_scopes_are_unknown() -> None:
    info = preflight(Described(scope=RejectedError("no")))
    assert info.scopes is None
    assert all(is_allowed(info, entity) for entity in ENTITIES)


def test_a_stream_selected_explicitly_without_its_scope_fails() -> None:
    bare = portal(scopes=frozenset({"crm"}))
    require_scope(bare, BY_STREAM["deals"], "deals")
    with pytest.raises(MissingMethodError, match=r"tasks.*scope.*task"):
        require_scope(bare, BY_STREAM["tasks"], "tasks")


def test_any_of_its_scopes_allows_an_entity_and_streams_made_by_the_tap_need_none() -> None:
    for scope, streams in (("user_brief", {"users"}), ("tasks", {"tasks"}), ("user", {"users"})):
        allowed = {entity.stream for entity in ENTITIES if is_allowed(portal(scopes=frozenset({scope})), entity)}
        assert allowed == {*streams, "fields", "field_options", "child_reads"}


# Categories, catalogs and universal lists


def test_the_hidden_categories_are_those_above_zero() -> None:
    assert preflight(Described()).hidden_categories == {3: [7, 9], 4: []}


def test_catalogs_of_products_and_of_their_variations() -> None:
    rows = [{"id": 1, "iblockId": 24, "productIblockId": None}, {"id": 2, "iblockId": 26, "productIblockId": 24}]
    info = preflight(Described(catalog_catalog_list=Result({"catalogs": rows})))
    assert (info.product_iblocks, info.offer_iblocks) == ([24], [26])


def test_without_rights_there_are_no_categories_catalogs_and_lists() -> None:
    denied = RejectedError("Access denied", code="ACCESS_DENIED")
    info = preflight(Described(catalog_catalog_list=denied, lists_get=denied, crm_category_list=denied))
    assert (info.product_iblocks, info.offer_iblocks, info.universal_lists) == ([], [], {})
    assert info.hidden_categories == {3: [], 4: []}


@pytest.mark.parametrize(("count", "requests"), [(0, 1), (1, 1), (49, 1), (50, 2), (100, 3), (120, 3)])
def test_universal_lists_of_more_than_one_page(count: int, requests: int) -> None:
    client = Described(lists=range(1, count + 1))
    info = preflight(client)
    assert info.universal_lists == {number: UniversalList("lists", f"L{number}") for number in range(1, count + 1)}
    assert client.requests == requests


def test_each_universal_list_is_a_stream_described_by_its_own_fields() -> None:
    fields = {
        "NAME": {"FIELD_ID": "NAME", "NAME": "Name", "TYPE": "NAME"},
        "P": {"FIELD_ID": "PROPERTY_7", "NAME": "Sum", "TYPE": "N", "MULTIPLE": "Y"},
    }
    client = Described(lists=[31, 44], lists_field_get=Result(fields))
    _, streams = discover(client)
    assert [each.name for each in streams if each.name.startswith("list_elements_")] == [
        "list_elements_31",
        "list_elements_44",
    ]
    params = [dict(command.params) for command in client.commands if command.method == "lists.field.get"]
    assert params == [{"IBLOCK_TYPE_ID": "lists", "IBLOCK_ID": number} for number in (31, 44)]
    (elements,) = [each for each in streams if each.name == "list_elements_44"]
    kinds = {column.name: (column.kind, column.multiple) for column in elements.columns}
    assert kinds["property_7_value"] == ("number", True)
    assert "id" in kinds, "the key is a column, described or not"


def test_products_are_described_once_for_each_catalog() -> None:
    rows = [{"id": 1, "iblockId": 24}, {"id": 2, "iblockId": 25}, {"id": 3, "iblockId": 26, "productIblockId": 24}]
    client = Described(catalog_catalog_list=Result({"catalogs": rows}))
    discover(client)
    sent = {
        name: [
            dict(command.params) for command in client.commands if command.method == f"catalog.{name}.getFieldsByFilter"
        ]
        for name in ("product", "product.offer")
    }
    assert sent["product"] == [{"filter": {"iblockId": block, "productType": 1}} for block in (24, 25)]
    assert sent["product.offer"] == [{"filter": {"iblockId": 26, "productType": 4}}]


# Descriptions of fields


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
    field = users.fields["UF_USR_1"]
    assert (field.required, [option.label for option in field.options]) == (True, ["SQL"])


def test_a_stream_is_described_although_its_second_method_fails(caplog: pytest.LogCaptureFixture) -> None:
    users = stream(Described(user_userfield_list=MissingMethodError("user.userfield.list: no scope")), "users")
    assert {"id", "email"} <= {each.name for each in users.columns}
    assert not [each for each in caplog.records if each.getMessage().startswith("users")]


def test_a_documented_stream_is_offered_although_its_field_method_fails() -> None:
    broken = RejectedError("crm.item.productrow.fields: no", code="ERROR")
    rows = stream(Described(crm_item_productrow_fields=broken), "crm_product_rows")
    kinds = {each.name: each.kind for each in rows.columns}
    assert kinds["id"] == "integer"
    assert kinds["price"] == "number"
    assert kinds["tax_included"] == "boolean"


def test_children_have_columns_for_their_parent_and_for_the_time_they_were_read() -> None:
    client = Described()
    _, streams = discover(client)
    names = {each.name: [column.name for column in each.columns] for each in streams}
    for name, swept in (("deal_contacts", True), ("crm_product_rows", True), ("deals", False), ("rpa_items", False)):
        assert ("_bitrix24_parent" in names[name]) is swept, name
        assert ("_bitrix24_children_read_at" in names[name]) is swept, name


def test_passwords_are_no_columns() -> None:
    _, streams = discover(Described())
    names = {each.name: {column.name for column in each.columns} for each in streams}
    assert names["sip_lines"].isdisjoint({"password", "incoming_password"})
    assert "login" in names["sip_lines"]
    assert "sip_password" not in names["telephony_users"]


def test_a_column_of_an_unknown_type_is_kept_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    fields = {"ID": {"type": "integer"}, "UF_CRM_9": {"type": "hologram"}, "UF_CRM_8": {"type": "string"}}
    deals = stream(Described(crm_deal_fields=Result(fields)), "deals")
    assert {each.name: each.kind for each in deals.columns} == {
        "id": "integer",
        "uf_crm_9": "any",
        "uf_crm_8": "string",
    }
    (warning,) = [each.getMessage() for each in caplog.records if each.getMessage().startswith("deals")]
    assert "UF_CRM_9" in warning
    assert "UF_CRM_8" not in warning
