"""Rows that explain columns and codes: the streams `fields` and `field_options`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tap_bitrix24.discovery.discovered import DiscoveredStream
from tap_bitrix24.entities import (
    CATEGORIES,
    OWN_STREAMS,
    POSITION,
    SMART_PROCESSES,
    STATUSES,
    Entity,
    template_number,
    vibecode,
)
from tap_bitrix24.entities.parents import CRM_ITEMS, SMART_INVOICE, SMART_PROCESS
from tap_bitrix24.entities.variants import no_such_type
from tap_bitrix24.model.endpoint import VIBECODE, ListSpec, Row
from tap_bitrix24.model.event import Rows, Strategy, StrategyEvent, SubStrategy
from tap_bitrix24.model.field import Field, Option
from tap_bitrix24.replication.full_table import read_whole
from tap_bitrix24.replication.sub_strategies import handle_events
from tap_bitrix24.schema.columns import BOOLEAN, OBJECT, UNPARSED, Column
from tap_bitrix24.schema.field_descriptions import parse_fields
from tap_bitrix24.schema.naming import column_name

PORTAL, USER_FIELD, TAP = "portal", "user field", "tap"
"""`origin` of a column: described or documented by Bitrix24, added by the portal's users, added by the tap."""
ENUMERATION, STATUS, CATEGORY = "enumeration", "status", "category"
"""`origin` of a label: the field's own list of values, a CRM dictionary (`crm.status.list`), the pipelines."""
PAGE_ROWS = 1_000
"""Rows handed on at once."""

_USER_FIELD = re.compile(r"[Uu][Ff]_|uf[A-Z]|PROPERTY_|property\d")
_PIPELINE_STAGES = re.compile(r"(.*STAGE)_\d+")
"""Each pipeline has a dictionary of stages: DEAL_STAGE_3, DYNAMIC_156_STAGE_7."""
_STAGE_COLUMNS = frozenset({"stage_id", "previous_stage_id", "status_id"})
"""Columns that hold stages. Their field names no dictionary, because there is one for each pipeline."""
_STAGE_DICTIONARIES = {1: "STATUS", 2: "DEAL_STAGE", 7: "QUOTE_STATUS", SMART_INVOICE: "SMART_INVOICE_STAGE"}
"""EntityTypeId → dictionary of stages; smart processes have DYNAMIC_<entityTypeId>_STAGE."""
_UNPARSED_COLUMN = Column(UNPARSED, UNPARSED, OBJECT, description="Bitrix24 unparsed")
"""The column every stream has besides those discovered."""

Options = Mapping[str, Sequence[Option]]
"""Column or dictionary → its codes."""


# The stream `fields`


def describe_fields(streams: Sequence[DiscoveredStream], fields: ListSpec) -> Strategy:
    """Yield a row per stream and column.

    Args:
        streams: All streams of the portal.
        fields: The list the rows are attributed to.
    """
    described = [stream for stream in streams if stream.entity not in OWN_STREAMS]
    rows = [_field_row(stream, column) for stream in described for column in (*stream.columns, _UNPARSED_COLUMN)]
    yield from _in_pages(fields, rows)


def _field_row(stream: DiscoveredStream, column: Column) -> Row:
    described = stream.fields.get(column.portal_name, Field(column.portal_name))
    documented = stream.entity.columns.types.get(column.portal_name, "")
    return {
        "stream": stream.name,
        "column_name": column.name,
        "portal_name": column.portal_name,
        "label": column.description,
        "portal_type": described.type or documented.removesuffix("[]") or None,
        "type": column.kind,
        "multiple": column.multiple,
        "mandatory": described.required,
        "read_only": described.read_only,
        "origin": _origin(stream, column),
    }


def _origin(stream: DiscoveredStream, column: Column) -> str:
    position = POSITION in stream.entity.primary_key and column.portal_name == POSITION
    if position or column.part or column.portal_name.startswith("_"):
        return TAP
    return USER_FIELD if _USER_FIELD.match(column.portal_name) else PORTAL


# The stream `field_options`


@dataclass(frozen=True, slots=True)
class LabelSources:
    """The lists that hold the labels of codes."""

    statuses: Sequence[ListSpec] = ()
    """CRM dictionaries: one list; none where the portal offers no CRM stream."""
    entity_types: Mapping[str, int] = field(default_factory=dict)
    """Stream → entityTypeId, of streams whose rows may be in pipelines."""
    pipelines: Mapping[int, ListSpec] = field(default_factory=dict)
    """EntityTypeId → its pipelines."""
    user_fields: Mapping[str, ListSpec] = field(default_factory=dict)
    """Stream → its user fields with their list values, where the field method leaves these out."""


@dataclass(frozen=True, slots=True)
class _Labels:
    """Labels of codes, as read from the label sources."""

    dictionaries: Options
    """ENTITY_ID → codes of that CRM dictionary."""
    pipelines: Mapping[int, Sequence[Option]]
    """EntityTypeId → its pipelines."""
    user_fields: Mapping[str, Options]
    """Stream → column → values of the user field."""


def label_sources(streams: Sequence[DiscoveredStream]) -> LabelSources:
    """Return the lists that hold the labels of these streams' codes, in the dialect of the connection."""
    numbers = entity_types(stream.name for stream in streams)
    if any(stream.entity.endpoint.dialect == VIBECODE for stream in streams):
        return _vibecode_label_sources(numbers)
    if not numbers:
        return LabelSources()
    pipelines = {number: _pipelines(CATEGORIES, number) for number in {*numbers.values()}}
    return LabelSources([ListSpec(STATUSES.endpoint)], numbers, pipelines)


def _pipelines(categories: Entity, number: int) -> ListSpec:
    """Return the list of the pipelines of an entity type, which may have none."""
    return ListSpec(categories.endpoint, params={"entityTypeId": number}, absent_codes=no_such_type(number))


def _vibecode_label_sources(numbers: Mapping[str, int]) -> LabelSources:
    """Return the lists of VibeCode, which has separate ones for pipelines of deals and for values of user fields."""
    smart = sorted(
        {number for stream, number in numbers.items() if number == SMART_INVOICE or stream.startswith(SMART_PROCESS)}
    )
    pipelines = {number: _pipelines(vibecode.VIBECODE_CATEGORIES, number) for number in smart}
    if "deals" in numbers:
        pipelines[numbers["deals"]] = ListSpec(vibecode.DEAL_CATEGORIES.endpoint)
    user_fields = {stream: ListSpec(row.endpoint) for stream, row in vibecode.USER_FIELDS.items() if stream in numbers}
    statuses = [ListSpec(vibecode.VIBECODE_STATUSES.endpoint)] if numbers else []
    return LabelSources(statuses, numbers, pipelines, user_fields)


def entity_types(streams: Iterable[str]) -> dict[str, int]:
    """Return stream → entityTypeId, of the CRM entities and the smart processes among streams."""
    numbers: dict[str, int] = {}
    for stream in streams:
        number = template_number(SMART_PROCESSES, stream)
        if stream in CRM_ITEMS:
            number = CRM_ITEMS[stream].entity_type_id
        if number is not None:
            numbers[stream] = number
    return numbers


def describe_options(streams: Sequence[DiscoveredStream], options: ListSpec, sources: LabelSources) -> Strategy:
    """Yield a row per stream, column and code: list values, statuses and stages, pipelines.

    Args:
        streams: All streams of the portal.
        options: The list the rows are attributed to.
        sources: The lists that hold the labels.
    """
    labels = yield from _read_labels(sources)
    rows = [
        _option_row(stream, column, option, origin)
        for stream in streams
        for column, origin, codes in _options(stream, labels, sources.entity_types.get(stream.name))
        for option in codes
    ]
    yield from _in_pages(options, rows)


def _option_row(stream: DiscoveredStream, column: str, option: Option, origin: str) -> Row:
    return {
        "stream": stream.name,
        "column_name": column,
        "id": option.id,
        "label": option.label,
        "sort": option.sort,
        "color": option.color,
        "semantics": option.semantics,
        "origin": origin,
    }


def _read_labels(sources: LabelSources) -> SubStrategy[_Labels]:
    """Read all label sources, their first pages in one request."""
    numbers = sorted(sources.pipelines)
    lists = [*sources.statuses, *(sources.pipelines[number] for number in numbers), *sources.user_fields.values()]
    answered = iter((yield from _read_lists(lists)))
    return _Labels(
        _dictionaries([row for _ in sources.statuses for row in next(answered)]),
        {number: [_pipeline(row) for row in next(answered)] for number in numbers},
        {stream: _list_values(next(answered)) for stream in sources.user_fields},
    )


def _read_lists(lists: Sequence[ListSpec]) -> SubStrategy[list[list[Row]]]:
    """Return the rows of each list; raises what one was refused with, as labels would be missing."""
    rows: list[list[Row]] = [[] for _ in lists]

    def keep(event: StrategyEvent) -> Strategy:
        if isinstance(event, Rows):
            place = next(place for place, spec in enumerate(lists) if spec is event.list_spec)
            rows[place] += event.rows
        yield from ()

    yield from handle_events(read_whole(lists), keep)
    return rows


def _pipeline(row: Row) -> Option:
    return Option(str(row["id"]), str(row.get("name") or ""), _number(row.get("sort")))


def _list_values(rows: Iterable[Row]) -> Options:
    """Return column → values, of the user fields that are lists."""
    described = {column_name(each.name): each.options for each in parse_fields(list(rows))}
    return {column: options for column, options in described.items() if options}


def _dictionaries(rows: Iterable[Row]) -> Options:
    """Return ENTITY_ID → codes. Stages of all pipelines are one dictionary: their codes name the pipeline."""
    dictionaries: dict[str, list[Option]] = {}
    for each in rows:
        row = {column_name(name): value for name, value in each.items()}  # classic REST: capitals; VibeCode: camel case
        extra = row.get("extra") if isinstance(row.get("extra"), dict) else {}
        option = Option(
            str(row["status_id"]),
            str(row.get("name") or ""),
            _number(row.get("sort")),
            str(row.get("color") or (extra or {}).get("COLOR") or ""),
            str(row.get("semantics") or (extra or {}).get("SEMANTICS") or ""),
        )
        dictionaries.setdefault(_without_pipeline(str(row.get("entity_id"))), []).append(option)
    return dictionaries


def _options(
    stream: DiscoveredStream, labels: _Labels, entity_type: int | None
) -> Iterator[tuple[str, str, Sequence[Option]]]:
    """Yield column, origin and codes of every field with codes.

    Columns known only from the table of entities count, too (the pipeline of a contact). A column whose type the table
    overrides has no codes, whatever the portal says: `tasks.task.getFields` calls a template's id a Y/N choice.
    """
    columns = {
        column.portal_name: column.name
        for column in stream.columns
        if column.part in ("", "value") and column.kind != BOOLEAN
    }
    values = labels.user_fields.get(stream.name, {})
    for name, column in columns.items():
        described = stream.fields.get(name, Field(name))
        options = described.options or values.get(column, ())
        if options and name not in stream.entity.columns.overrides:
            yield column, ENUMERATION, options
        elif described.dictionary or column in _STAGE_COLUMNS:
            dictionary = _without_pipeline(described.dictionary) or _stages_of(entity_type)
            yield column, STATUS, labels.dictionaries.get(dictionary, ())
        elif column == "category_id" and entity_type is not None:
            yield column, CATEGORY, labels.pipelines.get(entity_type, ())


def _stages_of(entity_type: int | None) -> str:
    """Return the dictionary that holds the stages of an entity type, all pipelines together."""
    return "" if entity_type is None else _STAGE_DICTIONARIES.get(entity_type, f"DYNAMIC_{entity_type}_STAGE")


def _without_pipeline(entity_id: str) -> str:
    """Return the dictionary without the number of a pipeline: DEAL_STAGE_3 → DEAL_STAGE."""
    match = _PIPELINE_STAGES.fullmatch(entity_id)
    return match.group(1) if match else entity_id


def _number(value: object) -> int | None:
    text = str(value)
    return int(text) if text.lstrip("-").isdecimal() else None


def _in_pages(spec: ListSpec, rows: list[Row]) -> Strategy:
    for start in range(0, len(rows), PAGE_ROWS):
        yield Rows(spec, rows[start : start + PAGE_ROWS])
