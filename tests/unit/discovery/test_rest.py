"""Discovery of classic REST with a client that answers by itself.

See docs/decisions.md#decision-3, docs/decisions.md#decision-16 and docs/decisions.md#decision-19.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from tap_bitrix24.auth.credentials import Webhook
from tap_bitrix24.client import Client
from tap_bitrix24.connections import REST
from tap_bitrix24.dialects import BATCH_SIZE
from tap_bitrix24.discovery.discovered import DiscoveredStream, build_stream, is_allowed, require_access
from tap_bitrix24.discovery.rest import discover, preflight
from tap_bitrix24.entities import BY_STREAM, ENTITIES
from tap_bitrix24.entities.portal_info import PortalInfo, UniversalList, Unread
from tap_bitrix24.errors import (
    AccessError,
    MissingMethodError,
    PortalError,
    RateLimitedError,
    RejectedError,
    SettingsError,
    TapError,
    UnavailableError,
)
from tap_bitrix24.model.event import Checkpoint, Strategy
from tap_bitrix24.model.message import Command, Result
from tap_bitrix24.model.request import Answer, Page, ReadRequest
from tap_bitrix24.replication.list_specs import list_specs
from tap_bitrix24.replication.plan import ReadOptions, read_plan
from tap_bitrix24.replication.strategy_selection import strategy_for
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
        super().__init__(CREDENTIALS, RateLimiter(TARIFFS["standard"]), REST.dialects, sleep=lambda _: None)
        self.first_answer = {"date_start": CLOCK}
        self.commands: list[Command] = []
        self._types = [
            {"id": str(number), "entityTypeId": str(128 + 2 * number), "title": f"P{number}"}
            for number in range(1, processes + 1)
        ]
        self._lists = [{"ID": str(number), "NAME": f"L{number}"} for number in lists]
        self._scopes = scopes
        self._answers = {
            "catalog_catalog_list": Result({"catalogs": [{"id": 24, "iblockId": 24, "productIblockId": None}]}),
            "crm_currency_fields": Result({"CURRENCY": {"type": "string"}}),
            "userfieldconfig_list": Result(
                {"fields": [{"id": 1, "entityId": "CAT_STORE_DOCUMENT_A", "fieldName": "A"}]}
            ),
            **answers,
        }

    def batch(self, commands: Sequence[Command]) -> list[Outcome]:
        """Answer one request."""
        assert 1 <= len(commands) <= BATCH_SIZE
        self.requests += 1
        self.commands += commands
        return [self._outcome(command) for command in commands]

    def call(self, command: Command) -> Result:
        """Answer as a portal without REST 3.0."""
        assert command.dialect == "rest_v3"
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
            rows = self._types[::-1] if "DESC" in params["order"].values() else self._types
            return Result({"types": [row for row in rows if int(row["id"]) > after][:50]})
        if method == "crm.category.list":
            return Result(
                {"categories": [{"id": 0}, {"id": 7}, {"id": 9}] if params["entityTypeId"] == 3 else [{"id": 0}]}
            )
        if method == "lists.get":
            start, rows = max(0, params["start"]), self._lists if params["IBLOCK_TYPE_ID"] == "lists" else []
            return Result(rows[start : start + 50] or rows[:50], len(rows))  # beyond the end the first page comes again
        return Result({"ID": {"type": "integer"}, "id": {"type": "integer", "upperName": "ID"}})


def stream(client: Described, name: str) -> DiscoveredStream:
    """Discover the portal and return one of its streams."""
    streams = discover(client)[1].streams
    return next(each for each in streams if each.name == name)


def portal(**facts: Any) -> PortalInfo:
    """Return a portal whose credentials have all scopes, unless other facts are given."""
    return PortalInfo(datetime(2025, 3, 1, tzinfo=UTC), facts.pop("scopes", None), **facts)


@pytest.mark.parametrize(("processes", "requests"), [(0, 5), (1, 4), (10, 4), (49, 5), (50, 6), (120, 8)])
def test_discovery_takes_few_requests(processes: int, requests: int) -> None:
    """That there are no smart processes is asked twice."""
    client = Described(processes)
    streams = discover(client)[1].streams
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
    streams = discover(client)[1].streams
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


@pytest.mark.parametrize("scopes", [["contact_center", "imbot"], []])
def test_a_run_without_a_usable_scope_is_a_settings_error(scopes: list[str]) -> None:
    with pytest.raises(SettingsError) as raised:
        preflight(Described(scopes=scopes))
    assert raised.value.exit_code == 2
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (AccessError("wrong webhook"), 2),
        (RejectedError("batch: access denied", code="ACCESS_DENIED"), 2),
        (MissingMethodError("batch: no such method"), 2),
        (UnavailableError("cannot reach"), 1),
        (RateLimitedError("too many requests"), 1),
    ],
)
def test_only_what_repeating_cannot_help_is_the_settings_fault(error: PortalError, code: int) -> None:
    class Broken(Described):
        def batch(self, commands: Sequence[Command]) -> list[Outcome]:
            del commands
            raise error

    with pytest.raises(TapError) as raised:
        preflight(Broken())
    assert raised.value.exit_code == code


def test_every_entity_is_tried_if_the_scopes_are_unknown() -> None:
    info = preflight(Described(scope=RejectedError("no")))
    assert info.scopes is None
    assert all(is_allowed(info, entity) for entity in ENTITIES)


def test_a_stream_selected_explicitly_without_its_scope_fails() -> None:
    bare = portal(scopes=frozenset({"crm"}))
    require_access(bare, BY_STREAM["deals"], "deals")
    with pytest.raises(MissingMethodError, match=r"tasks.*scope.*task"):
        require_access(bare, BY_STREAM["tasks"], "tasks")


def test_any_of_its_scopes_allows_an_entity_and_streams_made_by_the_tap_need_none() -> None:
    for scope, streams in (("user_brief", {"users"}), ("tasks", {"tasks"}), ("user", {"users"})):
        allowed = {entity.stream for entity in ENTITIES if is_allowed(portal(scopes=frozenset({scope})), entity)}
        assert allowed == {*streams, "fields", "field_options", "child_reads"}


# Categories, catalogs and universal lists


def test_the_hidden_categories_are_those_above_zero() -> None:
    assert preflight(Described()).hidden_categories == {3: {7: "", 9: ""}, 4: {}}


def test_catalogs_of_products_and_of_their_variations() -> None:
    rows = [{"id": 1, "iblockId": 24, "productIblockId": None}, {"id": 2, "iblockId": 26, "productIblockId": 24}]
    info = preflight(Described(catalog_catalog_list=Result({"catalogs": rows})))
    assert (list(info.product_iblocks), list(info.offer_iblocks)) == ([24], [26])


DENIED = RejectedError("Access denied", code="ACCESS_DENIED")
GONE = MissingMethodError("no such method", code="ERROR_METHOD_NOT_FOUND")
FACTS = {
    "crm_type_list": "smart_processes",
    "catalog_catalog_list": "product_iblocks",
    "lists_get": "universal_lists",
}
"""Method → what its rows tell."""


@pytest.mark.parametrize("error", [DENIED, GONE, UnavailableError("no answer")])
@pytest.mark.parametrize("method", FACTS)
def test_a_fact_that_could_not_be_read_is_not_empty(method: str, error: PortalError) -> None:
    answers: dict[str, Any] = {method: error}
    fact = getattr(preflight(Described(**answers)), FACTS[method])
    for look in (list, len, bool, sorted, lambda each: each.get(5)):
        with pytest.raises(type(error)):
            look(fact)


@pytest.mark.parametrize("value", [None, False, "", 5, {"types": None}, [{"title": "no number"}]])
def test_an_answer_that_is_no_list_of_types_leaves_them_unknown(value: Any) -> None:
    info = preflight(Described(crm_type_list=Result(value)))
    with pytest.raises(PortalError):
        list(info.smart_processes)
    assert info.without_unread().smart_processes == {}


def test_an_empty_answer_is_believed_when_it_comes_twice() -> None:
    class Once(Described):
        def batch(self, commands: Sequence[Command]) -> list[Outcome]:
            results = super().batch(commands)
            return [Result({"types": []}) if self.requests == 1 and command.method == "crm.type.list" else result
                    for command, result in zip(commands, results, strict=True)]  # fmt: skip

    assert preflight(Once(2)).smart_processes == {130: "P1", 132: "P2"}
    assert preflight(Described(0)).smart_processes == {}


def test_a_later_page_that_fails_does_not_end_a_list() -> None:
    class Later(Described):
        def batch(self, commands: Sequence[Command]) -> list[Outcome]:
            results = super().batch(commands)
            later = self.requests > 1
            return [DENIED if later and command.method == "crm.type.list" else result
                    for command, result in zip(commands, results, strict=True)]  # fmt: skip

    info = preflight(Later(120))
    with pytest.raises(RejectedError):
        len(info.smart_processes)
    assert len(info.without_unread().smart_processes) == 50


def test_contacts_of_unknown_categories_are_read_all_the_same() -> None:
    info = preflight(Described(crm_category_list=DENIED))
    classic, hidden = list_specs(BY_STREAM["contacts"], "contacts", info)
    assert classic.endpoint.method == "crm.contact.list"
    assert (hidden.endpoint.method, hidden.filter) == ("crm.item.list", {">categoryId": 0})


@pytest.mark.parametrize(
    ("stream", "method"),
    [
        ("product_sections", "catalog_catalog_list"),
        ("list_fields", "lists_get"),
        ("crm_product_rows", "crm_type_list"),
    ],
)
def test_a_stream_fails_whose_lists_are_not_all_known(stream: str, method: str) -> None:
    answers: dict[str, Any] = {method: DENIED}
    info = preflight(Described(**answers))
    entity = BY_STREAM[stream]
    columns = build_stream(entity, stream, []).columns if stream == "crm_product_rows" else ()
    plan = read_plan(entity, stream, ReadOptions(info, columns))
    assert plan.unread is DENIED
    if stream == "crm_product_rows":
        assert [each.groups[0].name for each in plan.parents] == ["deal", "lead", "quote", "smart_invoice"]
    else:
        with pytest.raises(RejectedError):
            next(strategy_for(plan, {}))


def _run_to_its_end(reading: Strategy, events: list[Any]) -> None:
    """Answer each read request with empty pages, and collect the events."""
    while True:
        waiting = events[-1]
        answers = [Answer([Page([])]) for _ in waiting.page_requests] if isinstance(waiting, ReadRequest) else None
        events.append(reading.send(answers))


def test_an_incomplete_plan_reads_what_is_known_without_a_checkpoint() -> None:
    info = portal(smart_processes=Unread(DENIED))
    plan = read_plan(
        BY_STREAM["crm_stage_history"], "crm_stage_history", ReadOptions(info, replication_key="created_time")
    )
    reading = strategy_for(plan, {})
    events: list[Any] = [next(reading)]
    with pytest.raises(RejectedError):
        _run_to_its_end(reading, events)
    assert any(isinstance(event, ReadRequest) for event in events)
    assert not any(isinstance(event, Checkpoint) for event in events)


@pytest.mark.parametrize(("count", "requests"), [(0, 1), (1, 1), (49, 1), (50, 2), (100, 3), (120, 4)])
def test_universal_lists_of_more_than_one_page(count: int, requests: int) -> None:
    """A list of several pages is read again from its first."""
    client = Described(1, lists=range(1, count + 1))
    info = preflight(client)
    assert info.universal_lists == {number: UniversalList("lists", f"L{number}") for number in range(1, count + 1)}
    assert client.requests == requests


def test_each_universal_list_is_a_stream_described_by_its_own_fields() -> None:
    fields = {
        "NAME": {"FIELD_ID": "NAME", "NAME": "Name", "TYPE": "NAME"},
        "P": {"FIELD_ID": "PROPERTY_7", "NAME": "Sum", "TYPE": "N", "MULTIPLE": "Y"},
    }
    client = Described(lists=[31, 44], lists_field_get=Result(fields))
    streams = discover(client)[1].streams
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
    streams = discover(client)[1].streams
    names = {each.name: [column.name for column in each.columns] for each in streams}
    for name, swept in (("deal_contacts", True), ("crm_product_rows", True), ("deals", False), ("rpa_items", False)):
        assert ("_bitrix24_parent" in names[name]) is swept, name
        assert ("_bitrix24_children_read_at" in names[name]) is swept, name


def test_passwords_are_no_columns() -> None:
    streams = discover(Described())[1].streams
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


# Streams that cannot be described


@pytest.mark.parametrize("value", [[], {}, None, False, "", 0, "text", [1, 2], {"TITLE": {"type": "string"}}])
def test_an_answer_that_describes_no_fields_keeps_its_stream_from_being_described(value: Any) -> None:
    client = Described(crm_deal_fields=Result(value))
    _, found = discover(client)
    assert [(each.name, each.selected_by_default) for each in found.undescribed] == [("deals", True)]
    assert "crm.deal.fields" in str(found.undescribed[0].error)
    assert "deals" not in {each.name for each in found.streams}
    assert "leads" in {each.name for each in found.streams}
    with pytest.raises(PortalError):
        found.complete()


@pytest.mark.parametrize("passing", [Result([]), Result(None), UnavailableError("no answer")])
def test_a_field_method_is_asked_again(passing: Outcome) -> None:
    class Once(Described):
        def batch(self, commands: Sequence[Command]) -> list[Outcome]:
            results = super().batch(commands)
            return [passing if self.requests == 1 and command.method == "crm.deal.fields" else result
                    for command, result in zip(commands, results, strict=True)]  # fmt: skip

    _, found = discover(Once())
    assert found.undescribed == []
    assert "deals" in {each.name for each in found.streams}


def test_smart_processes_that_could_not_be_listed_are_missing_aloud() -> None:
    _, found = discover(Described(crm_type_list=DENIED))
    assert {each.name for each in found.undescribed} == {"smart_process_*"}
    _, found = discover(Described(crm_type_list=GONE))
    assert found.undescribed == [], "an old server without the method has none"


def test_sip_lines_are_for_applications() -> None:
    _, found = discover(Described(), by_webhook=True)
    assert "sip_lines" not in {each.name for each in found.streams}
    info = preflight(Described(), by_webhook=True)
    with pytest.raises(MissingMethodError, match="applications only"):
        require_access(info, BY_STREAM["sip_lines"], "sip_lines")
    require_access(preflight(Described()), BY_STREAM["sip_lines"], "sip_lines")
