"""The data dictionary: rows of `fields` and `field_options`, from descriptions, dictionaries and pipelines."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tap_bitrix24.data_dictionary import LabelSources, describe_fields, describe_options, entity_types, label_sources
from tap_bitrix24.discovery.discovered import DiscoveredStream, columns_of
from tap_bitrix24.entities import BY_STREAM, CATEGORIES, FIELD_OPTIONS, FIELDS, SMART_PROCESSES, STATUSES, vibecode
from tap_bitrix24.entities.variants import no_such_type
from tap_bitrix24.errors import MissingMethodError, OperationLimitError, PortalError, RejectedError, UnavailableError
from tap_bitrix24.model.endpoint import ListSpec, Row
from tap_bitrix24.model.event import Rows
from tap_bitrix24.model.field import Field, Option
from tap_bitrix24.model.request import Answer, Page, PageRequest
from tap_bitrix24.records.converter import RowConverter
from tap_bitrix24.schema.columns import UNPARSED
from tests.support.lists import Lists, Outcome, pump

FROM = ListSpec(FIELDS.endpoint)


def discovered(stream: str, *fields: Field, name: str = "") -> DiscoveredStream:
    """A stream as discovered."""
    entity = BY_STREAM[stream]
    columns = columns_of(entity, name or stream, fields)
    return DiscoveredStream(name or stream, entity, columns, {field.name: field for field in fields})


def described(*streams: DiscoveredStream) -> dict[tuple[str, str], Row]:
    """Return (stream, column) → its row of `fields`."""
    rows = pump(describe_fields(streams, FROM), []).rows
    return {(row["stream"], row["column_name"]): row for row in rows}


# Fields


def test_a_row_for_every_column() -> None:
    deals = discovered(
        "deals", Field("ID", "integer", label="Id", read_only=True), Field("UF_CRM_1", "money", label="Sum")
    )
    assert described(deals) == {
        ("deals", "id"): {
            "stream": "deals",
            "column_name": "id",
            "portal_name": "ID",
            "label": "Id",
            "portal_type": "integer",
            "type": "integer",
            "multiple": False,
            "mandatory": None,
            "read_only": True,
            "origin": "portal",
        },
        ("deals", "uf_crm_1"): {
            "stream": "deals",
            "column_name": "uf_crm_1",
            "portal_name": "UF_CRM_1",
            "label": "Sum",
            "portal_type": "money",
            "type": "number",
            "multiple": False,
            "mandatory": None,
            "read_only": None,
            "origin": "user field",
        },
        ("deals", "uf_crm_1_currency"): {
            "stream": "deals",
            "column_name": "uf_crm_1_currency",
            "portal_name": "UF_CRM_1",
            "label": "Currency of Sum",
            "portal_type": "money",
            "type": "string",
            "multiple": False,
            "mandatory": None,
            "read_only": None,
            "origin": "tap",
        },
        ("deals", "_bitrix24_unparsed"): {
            "stream": "deals",
            "column_name": "_bitrix24_unparsed",
            "portal_name": "_bitrix24_unparsed",
            "label": "Bitrix24 unparsed",
            "portal_type": None,
            "type": "object",
            "multiple": False,
            "mandatory": None,
            "read_only": None,
            "origin": "tap",
        },
    }


@pytest.mark.parametrize(
    ("name", "origin"),
    [
        ("TITLE", "portal"),
        ("UF_CRM_1", "user field"),
        ("ufCrm5_1700", "user field"),
        ("ufAuto12", "user field"),
        ("PROPERTY_1151", "user field"),
        ("property77", "user field"),
        ("propertyValues", "portal"),
        ("buffer", "portal"),
    ],
)
def test_where_a_column_comes_from(name: str, origin: str) -> None:
    (row, _) = described(discovered("deals", Field(name, "string"))).values()
    assert row["origin"] == origin


def test_columns_of_the_tap_itself() -> None:
    rows = described(discovered("deal_contacts"))
    assert rows["deal_contacts", "_bitrix24_parent"]["origin"] == "tap"
    assert described(discovered("price_type_langs"))["price_type_langs", "position"]["origin"] == "tap"
    assert rows["deal_contacts", "deal_id"]["origin"] == "portal"
    assert rows["deal_contacts", "deal_id"]["portal_type"] == "integer", "documented, not described"


def test_what_the_portal_says_of_a_field() -> None:
    field = Field("UF_CRM_1", "string", multiple=True, required=True, read_only=False)
    row = described(discovered("deals", field))["deals", "uf_crm_1"]
    assert (row["multiple"], row["mandatory"], row["read_only"]) == (True, True, False)


def test_multiplicity_is_no_part_of_a_type() -> None:
    row = described(discovered("users", Field("UF_DEPARTMENT")))["users", "uf_department"]
    assert (row["portal_type"], row["multiple"]) == ("integer", True)


def test_many_fields_come_in_pages() -> None:
    deals = discovered("deals", *(Field(f"UF_{number}", "string") for number in range(2_499)))
    outcome = pump(describe_fields([deals], FROM), [])
    assert [len(event.rows) for event in outcome.events if isinstance(event, Rows)] == [1_000, 1_000, 500]
    assert pump(describe_fields([], FROM), []).events == []


def test_rows_of_fields_fit_their_columns() -> None:
    rows = list(
        described(discovered("deals", Field("ID", "integer", required=False)), discovered("deal_contacts")).values()
    )
    convert = RowConverter(columns_of(FIELDS, "fields", []))
    records = convert(rows)
    assert [record[UNPARSED] for record in records] == [None] * len(rows)
    assert {record["column_name"] for record in records} == {row["column_name"] for row in rows}
    assert convert.unknown == set()


# Options


def status(entity_id: str, code: str, name: str, **facts: Any) -> Row:
    """A row of crm.status.list."""
    number = f"{entity_id}:{code}"
    return {"ID": number, "ENTITY_ID": entity_id, "STATUS_ID": code, "NAME": name, "SORT": "10", **facts}


def portal(statuses: Sequence[Row] = (), pipelines: Mapping[int, Sequence[Row]] | None = None) -> Lists:
    """Answers for dictionaries and pipelines."""

    def answer(request: PageRequest) -> Answer:
        if request.list_spec.endpoint.method == "crm.status.list":
            return Answer([Page(list(statuses))])
        number = request.list_spec.params["entityTypeId"]
        if pipelines is None or number not in pipelines:
            return Answer([], RejectedError("not supported", code="ENTITY_TYPE_NOT_SUPPORTED"))
        return Answer([Page(list(pipelines[number]))])

    return answer


def options(
    answers: Lists, *streams: DiscoveredStream, numbers: Mapping[str, int] | None = None
) -> list[tuple[Any, ...]]:
    """Stream, column, code, label and origin of each option."""
    return [
        (row["stream"], row["column_name"], row["id"], row["label"], row["origin"])
        for row in read(answers, *streams, numbers=numbers).rows
    ]


def read(answers: Lists, *streams: DiscoveredStream, numbers: Mapping[str, int] | None = None) -> Outcome:
    """All events while options are read."""
    known = numbers or {}
    pipelines = {
        each: ListSpec(CATEGORIES.endpoint, params={"entityTypeId": each}, absent_codes=no_such_type(each))
        for each in known.values()
    }
    sources = LabelSources([ListSpec(STATUSES.endpoint)], known, pipelines)
    return pump(describe_options(streams, ListSpec(FIELD_OPTIONS.endpoint), sources), answers)


def test_options_of_a_fields_own_list() -> None:
    field = Field("UF_CRM_1", "enumeration", options=(Option("44", "A", 10), Option("46", "B")))
    (first, second) = read(portal(), discovered("deals", field)).rows
    assert first == {
        "stream": "deals",
        "column_name": "uf_crm_1",
        "id": "44",
        "label": "A",
        "sort": 10,
        "color": "",
        "semantics": "",
        "origin": "enumeration",
    }
    assert (second["id"], second["sort"]) == ("46", None)


def test_options_of_a_property_are_the_labels_of_its_bare_value() -> None:
    field = Field("PROPERTY_5", "listproperty:L", options=(Option("1669", "Planning"),))
    lists = discovered("list_elements_", field, name="list_elements_31")
    assert options(portal(), lists) == [("list_elements_31", "property_5_value", "1669", "Planning", "enumeration")]


def test_options_of_dictionaries() -> None:
    statuses = [
        status("SOURCE", "WEB", "Web site"),
        status("SOURCE", "CALL", "Call", COLOR="#f00"),
        status("OTHER", "X", "Another dictionary"),
    ]
    leads = discovered("leads", Field("SOURCE_ID", "crm_status", dictionary="SOURCE"))
    assert options(portal(statuses), leads) == [
        ("leads", "source_id", "WEB", "Web site", "status"),
        ("leads", "source_id", "CALL", "Call", "status"),
    ]


def test_stages_of_all_pipelines_label_one_column() -> None:
    statuses = [
        status("DEAL_STAGE", "NEW", "New", EXTRA={"SEMANTICS": "process", "COLOR": "#0f0"}),
        status("DEAL_STAGE_3", "C3:NEW", "New in three", EXTRA={"SEMANTICS": "process"}, COLOR="#00f"),
        status("DEAL_STAGE_12", "C12:WON", "Won", SEMANTICS="S", EXTRA=[]),
        status("DEAL_STAGES_OF_OTHERS", "X", "None of ours"),
        status("DYNAMIC_156_STAGE_7", "DT156_7:NEW", "Begin"),
        status("DYNAMIC_1560_STAGE_7", "DT1560_7:NEW", "Not this type's"),
    ]
    deals = discovered("deals", Field("STAGE_ID", "crm_status", dictionary="DEAL_STAGE"))
    smart = DiscoveredStream(
        "smart_process_156",
        SMART_PROCESSES,
        columns_of(SMART_PROCESSES, "smart_process_156", [Field("stageId", "crm_status")]),
        {"stageId": Field("stageId", "crm_status", dictionary="DYNAMIC_156_STAGE_7")},
    )
    rows = read(portal(statuses), deals, smart).rows
    assert [(row["stream"], row["id"], row["color"], row["semantics"]) for row in rows] == [
        ("deals", "NEW", "#0f0", "process"),
        ("deals", "C3:NEW", "#00f", "process"),
        ("deals", "C12:WON", "", "S"),
        ("smart_process_156", "DT156_7:NEW", "", ""),
    ]


@pytest.mark.parametrize(
    ("stream", "number", "dictionary"),
    [("smart_process_156", 156, "DYNAMIC_156_STAGE_7"), ("smart_invoices", 31, "SMART_INVOICE_STAGE_9")],
)
def test_stages_of_items_that_do_not_name_their_dictionary(stream: str, number: int, dictionary: str) -> None:
    """Where an entity type has pipelines, its field method leaves `statusType` empty."""
    entity = BY_STREAM.get(stream, SMART_PROCESSES)
    fields = [Field(name, "crm_status") for name in ("stageId", "previousStageId", "sourceId")]
    items = DiscoveredStream(
        stream, entity, columns_of(entity, stream, fields), {field.name: field for field in fields}
    )
    statuses = [status(dictionary, "DT:NEW", "Begin"), status("DYNAMIC_1560_STAGE_7", "X", "Not of this type")]
    assert options(portal(statuses), items, numbers={stream: number}) == [
        (stream, "stage_id", "DT:NEW", "Begin", "status"),
        (stream, "previous_stage_id", "DT:NEW", "Begin", "status"),
    ]


def test_pipelines_of_contacts_although_no_field_method_describes_them() -> None:
    pipelines = {3: [{"id": 7, "name": "Suppliers"}]}
    contacts = discovered("contacts", Field("ID", "integer"))
    assert options(portal([], pipelines), contacts, numbers={"contacts": 3}) == [
        ("contacts", "category_id", "7", "Suppliers", "category")
    ]


def test_a_column_with_an_overridden_type_has_no_options() -> None:
    """The id of a template that is declared a choice of Y and N."""
    field = Field("FORKED_BY_TEMPLATE_ID", "enum", options=(Option("Y", "Yes"), Option("N", "No")))
    assert options(portal(), discovered("tasks", field)) == []


def test_codes_without_labels_or_colours_have_none() -> None:
    statuses = [
        status("SOURCE", "WEB", "", COLOR=None, SEMANTICS=None, EXTRA=None),
        {**status("SOURCE", "X", ""), "NAME": None},
    ]
    leads = discovered("leads", Field("SOURCE_ID", "crm_status", dictionary="SOURCE"))
    deals = discovered("deals", Field("CATEGORY_ID", "crm_category"))
    rows = read(portal(statuses, {2: [{"id": 7, "name": None}]}), leads, deals, numbers={"deals": 2}).rows
    assert [(row["id"], row["label"], row["color"], row["semantics"]) for row in rows] == [
        ("WEB", "", "", ""),
        ("X", "", "", ""),
        ("7", "", "", ""),
    ]


def test_entity_types_of_streams() -> None:
    numbers = entity_types(["deals", "smart_process_128", "users", "smart_process_"])
    assert numbers == {"deals": 2, "smart_process_128": 128}, "a list the portal does not offer would be refused"


def test_yes_and_no_of_a_boolean_need_no_labels() -> None:
    yes_no = (Option("Y", "Yes"), Option("N", "No"))
    assert options(portal(), discovered("deals", Field("CLOSED", "char", options=yes_no))) == []
    assert len(options(portal(), discovered("deals", Field("MARK", "char", options=yes_no)))) == 2


def test_options_of_pipelines() -> None:
    pipelines = {2: [{"id": 0, "name": "General", "sort": 300}, {"id": 7, "name": "Retail"}], 3: []}
    deals = discovered("deals", Field("ID", "integer"), Field("CATEGORY_ID", "crm_category"))
    leads = discovered("leads", Field("CATEGORY_ID", "integer"))
    numbers = {"deals": 2, "leads": 1, "contacts": 3}
    assert options(portal([], pipelines), deals, leads, numbers=numbers) == [
        ("deals", "category_id", "0", "General", "category"),
        ("deals", "category_id", "7", "Retail", "category"),
    ]


def test_universal_items_name_their_pipeline_in_camel_case() -> None:
    smart = DiscoveredStream(
        "smart_process_130",
        SMART_PROCESSES,
        columns_of(SMART_PROCESSES, "smart_process_130", [Field("categoryId", "crm_category")]),
        {"categoryId": Field("categoryId", "crm_category", upper="CATEGORY_ID")},
    )
    rows = options(portal([], {130: [{"id": 9, "name": "Main"}]}), smart, numbers={"smart_process_130": 130})
    assert rows == [("smart_process_130", "category_id", "9", "Main", "category")]


def test_all_label_sources_are_requested_together() -> None:
    outcome = read(portal(), discovered("deals"), numbers={"deals": 2, "leads": 1, "quotes": 7})
    first = outcome.page_requests[:4]
    assert [request.list_spec.params.get("entityTypeId") for request in first] == [None, 1, 2, 7]
    assert outcome.requests == 2, "the dictionaries are empty: that is asked twice"


def failing(method: str, error: PortalError) -> Lists:
    """A portal with one failing method."""
    sound = portal([status("SOURCE", "WEB", "Web")], {2: [{"id": 7, "name": "Retail"}]})
    assert callable(sound)

    def answer(request: PageRequest) -> Answer:
        return Answer([], error) if request.list_spec.endpoint.method == method else sound(request)

    return answer


DEALS_WITH_LABELS = discovered(
    "deals",
    Field("SOURCE_ID", "crm_status", dictionary="SOURCE"),
    Field("CATEGORY_ID", "crm_category"),
    Field("UF_1", "enumeration", options=(Option("1", "a"),)),
)


@pytest.mark.parametrize(
    ("method", "error"),
    [
        ("crm.status.list", RejectedError("Access denied.")),
        ("crm.status.list", MissingMethodError("no scope")),
        ("crm.status.list", UnavailableError("down")),
        ("crm.category.list", MissingMethodError("no scope")),
        ("crm.category.list", RejectedError("not supported")),
        ("crm.category.list", UnavailableError("down")),
        ("crm.category.list", OperationLimitError("spent")),
    ],
)
def test_an_error_that_proves_nothing_fails_the_stream(method: str, error: PortalError) -> None:
    """Otherwise the labels would vanish from the table and come back the next day."""
    with pytest.raises(type(error)):
        read(failing(method, error), DEALS_WITH_LABELS, numbers={"deals": 2})


def test_a_field_without_a_column_has_no_options() -> None:
    """A catalog may know fewer columns than the portal has fields."""
    few = DiscoveredStream(
        "deals", BY_STREAM["deals"], [], {"UF_1": Field("UF_1", "enumeration", options=(Option("1", "a"),))}
    )
    assert read(portal(), few).rows == []


def test_an_unknown_dictionary_has_no_labels() -> None:
    assert read(portal(), discovered("leads", Field("SOURCE_ID", "crm_status", dictionary="GONE"))).rows == []


def test_rows_of_options_fit_their_columns() -> None:
    statuses = [status("SOURCE", "WEB", "Web", SORT=20), status("SOURCE", "CALL", "Call", SORT="")]
    leads = DiscoveredStream(
        "leads",
        BY_STREAM["leads"],
        columns_of(BY_STREAM["leads"], "leads", [Field("SOURCE_ID", "crm_status")]),
        {"SOURCE_ID": Field("SOURCE_ID", "crm_status", dictionary="SOURCE")},
    )
    records = RowConverter(columns_of(FIELD_OPTIONS, "field_options", []))(read(portal(statuses), leads).rows)
    assert records == [
        {
            "stream": "leads",
            "column_name": "source_id",
            "id": code,
            "label": label,
            "color": None,
            "semantics": None,
            "origin": "status",
            "sort": sort,
            UNPARSED: None,
        }
        for code, label, sort in (("WEB", "Web", 20), ("CALL", "Call", None))
    ]


VIBE_DEALS = vibecode.VIBECODE_BY_STREAM["deals"]


def through_vibecode(*fields: Field) -> DiscoveredStream:
    """Deals as the service describes them."""
    columns = columns_of(VIBE_DEALS, "deals", fields)
    return DiscoveredStream("deals", VIBE_DEALS, columns, {field.name: field for field in fields})


def test_labels_through_vibecode_come_from_its_own_lists() -> None:
    """Names in camel case, user fields with their values from a list of their own, stages without a dictionary."""
    answers = {
        "/statuses": [{"id": 1, "entityId": "DEAL_STAGE_3", "statusId": "C3:NEW", "name": "New", "sort": 10}],
        "/deal-categories": [{"id": 3, "name": "Retail", "sort": 20}],
        "/userfields/deals": [
            {"id": 9, "fieldName": "UF_CRM_7", "userTypeId": "enumeration", "list": [{"ID": "44", "VALUE": "A"}]}
        ],
    }
    deals = through_vibecode(Field("stageId"), Field("categoryId", "integer"), Field("ufCrm_7", "enumeration"))
    sources = label_sources([deals])
    outcome = pump(
        describe_options([deals], ListSpec(FIELD_OPTIONS.endpoint), sources),
        lambda request: Answer([Page(list(answers.get(request.list_spec.endpoint.method, [])))]),
    )
    assert [(row["column_name"], row["id"], row["label"], row["origin"]) for row in outcome.rows] == [
        ("stage_id", "C3:NEW", "New", "status"),
        ("category_id", "3", "Retail", "category"),
        ("uf_crm_7", "44", "A", "enumeration"),
    ]


def test_dictionaries_that_take_several_pages_are_read_to_their_end() -> None:
    rows = [{"id": n, "entityId": "SOURCE", "statusId": f"S{n}", "name": f"Source {n}"} for n in range(1, 121)]

    def answer(request: PageRequest) -> Answer:
        if request.list_spec.endpoint.method != "/statuses":
            return Answer([Page([])])
        first = request.offset or 0
        return Answer([Page(rows[first : first + 50]) for first in range(first, first + 50 * request.pages, 50)])

    leads = through_vibecode(Field("sourceId", "crm_status", dictionary="SOURCE"))
    outcome = pump(describe_options([leads], ListSpec(FIELD_OPTIONS.endpoint), label_sources([leads])), answer)
    assert [row["id"] for row in outcome.rows] == [f"S{number}" for number in range(1, 121)]
