"""Rows that say what columns and codes mean: the streams `fields` and `field_options`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tap_bitrix24.discovery.discovered import DiscoveredStream
from tap_bitrix24.entities import CATEGORIES, OWN_STREAMS, POSITION, STATUSES, vibecode
from tap_bitrix24.entities.parents import SMART_INVOICE, SMART_PROCESS
from tap_bitrix24.errors import MissingMethodError, PortalError, RejectedError
from tap_bitrix24.model.endpoint import VIBECODE, ListSpec, Row
from tap_bitrix24.model.event import Rows, Strategy, StrategyEvent, SubStrategy
from tap_bitrix24.model.field import Field, Option
from tap_bitrix24.replication.full_table import read_whole
from tap_bitrix24.replication.plan import entity_types
from tap_bitrix24.replication.strategy import handle_events
from tap_bitrix24.schema.columns import BOOLEAN, OBJECT, UNPARSED, Column
from tap_bitrix24.schema.field_descriptions import parse_fields
from tap_bitrix24.schema.naming import column_name

PORTAL, USER_FIELD, TAP = "portal", "user field", "tap"
"""Where a column comes from: described or documented, added by the portal's users, added by the tap."""
ENUMERATION, STATUS, CATEGORY = "enumeration", "status", "category"
"""Where the words for a code come from: the field's own list, a dictionary of CRM, the pipelines."""

NO_PIPELINES = (MissingMethodError, RejectedError)
"""What kinds of items without pipelines answer; anything else is no answer at all."""

_USER_FIELD = re.compile(r"[Uu][Ff]_|uf[A-Z]|PROPERTY_|property\d")
_STAGE = re.compile(r"(.*STAGE)_\d+")
"""Each pipeline has a dictionary of stages of its own: DEAL_STAGE_3, DYNAMIC_156_STAGE_7."""
_STAGES = frozenset({"stage_id", "previous_stage_id", "status_id"})
"""Columns of items that come without the name of their dictionary, because there is one for each pipeline."""
_EXTRA = Column(UNPARSED, UNPARSED, OBJECT, description="Bitrix24 unparsed")
"""The column that all streams have."""


def describe_fields(found: Sequence[DiscoveredStream], source: ListSpec) -> Strategy:
    """One row per stream and column.

    Args:
        found: All streams, with what the portal says of their fields.
        source: What the rows are said to come from.
    """
    described = [each for each in found if each.entity not in OWN_STREAMS]
    rows = [_field_row(each, column) for each in described for column in (*each.columns, _EXTRA)]
    yield from _delivered(source, rows)


def _field_row(found: DiscoveredStream, column: Column) -> Row:
    told = found.fields.get(column.portal_name, Field(column.portal_name))
    known = found.entity.columns.types.get(column.portal_name, "")
    return {
        "stream": found.name,
        "column_name": column.name,
        "portal_name": column.portal_name,
        "label": column.description,
        "portal_type": told.type or known.removesuffix("[]") or None,
        "type": column.kind,
        "multiple": column.multiple,
        "mandatory": told.required,
        "read_only": told.read_only,
        "origin": _origin(found, column),
    }


def _origin(found: DiscoveredStream, column: Column) -> str:
    place = POSITION in found.entity.primary_key and column.portal_name == POSITION
    if place or column.part or column.portal_name.startswith("_"):
        return TAP
    return USER_FIELD if _USER_FIELD.match(column.portal_name) else PORTAL


@dataclass(frozen=True, slots=True)
class LabelSources:
    """The lists that hold the words for codes."""

    statuses: ListSpec
    """Dictionaries of CRM."""
    entity_types: Mapping[str, int]
    """Stream → entityTypeId, of streams whose rows are in pipelines."""
    pipelines: Mapping[int, ListSpec]
    """EntityTypeId → its pipelines."""
    user_fields: Mapping[str, ListSpec] = field(default_factory=dict)
    """Stream → its user fields with the values of lists, where field methods do not tell these."""


def label_sources(found: Sequence[DiscoveredStream]) -> LabelSources:
    """Where the words for the codes of these streams are to be had, through the door they come through."""
    numbers = entity_types(each.name for each in found)
    if not any(each.entity.endpoint.dialect == VIBECODE for each in found):
        lists = {
            number: ListSpec(CATEGORIES.endpoint, params={"entityTypeId": number}) for number in set(numbers.values())
        }
        return LabelSources(ListSpec(STATUSES.endpoint), numbers, lists)
    smart = {
        number for stream, number in numbers.items() if number == SMART_INVOICE or stream.startswith(SMART_PROCESS)
    }
    pipelines = {
        number: ListSpec(vibecode.CATEGORIES.endpoint, params={"entityTypeId": number}) for number in sorted(smart)
    }
    deals = {numbers["deals"]: ListSpec(vibecode.DEAL_CATEGORIES.endpoint)}
    lists_of_fields = {
        stream: ListSpec(row.endpoint) for stream, row in vibecode.USER_FIELDS.items() if stream in numbers
    }
    return LabelSources(ListSpec(vibecode.STATUSES.endpoint), numbers, {**pipelines, **deals}, lists_of_fields)


def describe_options(found: Sequence[DiscoveredStream], source: ListSpec, words: LabelSources) -> Strategy:
    """One row per stream, column and code: lists of fields, statuses and stages, pipelines.

    Args:
        found: All streams, with what the portal says of their fields.
        source: What the rows are said to come from.
        words: The lists that hold the words.
    """
    numbers = sorted(words.pipelines)
    statuses, *others = yield from _read(
        [words.statuses, *(words.pipelines[number] for number in numbers), *words.user_fields.values()]
    )
    dictionaries = _dictionaries(statuses)
    categories = {
        number: [Option(str(row["id"]), str(row.get("name") or ""), _number(row.get("sort"))) for row in rows]
        for number, rows in zip(numbers, others, strict=False)
    }
    values = {
        stream: _listed_values(rows) for stream, rows in zip(words.user_fields, others[len(numbers) :], strict=True)
    }
    kinds = words.entity_types
    rows = [
        {
            "stream": each.name,
            "column_name": column,
            "id": option.id,
            "label": option.label,
            "sort": option.sort,
            "color": option.color,
            "semantics": option.semantics,
            "origin": origin,
        }
        for each in found
        for column, origin, options in _options(
            each,
            dictionaries,
            values.get(each.name, {}),
            _stages(kinds.get(each.name)),
            categories.get(kinds.get(each.name, -1), ()),
        )
        for option in options
    ]
    yield from _delivered(source, rows)


def _read(sources: Sequence[ListSpec]) -> SubStrategy[list[list[Row]]]:
    """The rows of each list, dictionaries first; none of one this portal or door does not have."""

    def missing(source: ListSpec, error: PortalError) -> bool:
        return isinstance(error, MissingMethodError if source is sources[0] else NO_PIPELINES)

    rows: dict[int, list[Row]] = {}

    def keep(event: StrategyEvent) -> Strategy:
        if isinstance(event, Rows):
            rows.setdefault(id(event.list_spec), []).extend(event.rows)
        yield from ()

    yield from handle_events(read_whole(sources, missing), keep)
    return [rows.get(id(each), []) for each in sources]


def _listed_values(rows: Iterable[Row]) -> dict[str, Sequence[Option]]:
    """Column → the values of a list that is a user field."""
    described = {column_name(each.name): each.options for each in parse_fields(list(rows))}
    return {column: options for column, options in described.items() if options}


_DICTIONARIES = {1: "STATUS", 2: "DEAL_STAGE", 7: "QUOTE_STATUS", SMART_INVOICE: "SMART_INVOICE_STAGE"}


def _stages(entity_type: int | None) -> str:
    """The dictionary of an item's stages, all pipelines together."""
    return "" if entity_type is None else _DICTIONARIES.get(entity_type, f"DYNAMIC_{entity_type}_STAGE")


def _options(
    found: DiscoveredStream,
    dictionaries: Mapping[str, Sequence[Option]],
    values: Mapping[str, Sequence[Option]],
    stages: str,
    categories: Sequence[Option],
) -> Iterator[tuple[str, str, Sequence[Option]]]:
    """Column, origin and options of every field that has some.

    Fields count that only the table of entities knows, such as the pipeline of a contact. What it corrects is no list,
    whatever the portal says: `tasks.task.getFields` declares the id of a template to be Y or N.
    """
    names = {
        column.portal_name: column.name
        for column in found.columns
        if column.part in ("", "value") and column.kind != BOOLEAN
    }
    for name, column in names.items():
        told = found.fields.get(name, Field(name))
        options = told.options or values.get(column, ())
        if options and name not in found.entity.columns.overrides:
            yield column, ENUMERATION, options
        elif told.dictionary or column in _STAGES:
            yield column, STATUS, dictionaries.get(_dictionary(told.dictionary) or stages, ())
        elif column == "category_id":
            yield column, CATEGORY, categories


def _dictionaries(rows: Iterable[Row]) -> dict[str, list[Option]]:
    """ENTITY_ID → its codes; the stages of all pipelines of one kind together, for their codes name the pipeline."""
    found: dict[str, list[Option]] = {}
    for each in rows:
        row = {column_name(name): value for name, value in each.items()}  # in capitals, or in camel case
        extra = row.get("extra") if isinstance(row.get("extra"), dict) else {}
        color = str(row.get("color") or (extra or {}).get("COLOR") or "")
        option = Option(
            str(row["status_id"]),
            str(row.get("name") or ""),
            _number(row.get("sort")),
            color,
            str(row.get("semantics") or (extra or {}).get("SEMANTICS") or ""),
        )
        found.setdefault(_dictionary(str(row.get("entity_id"))), []).append(option)
    return found


def _dictionary(entity_id: str) -> str:
    match = _STAGE.fullmatch(entity_id)
    return match.group(1) if match else entity_id


def _number(value: object) -> int | None:
    text = str(value)
    return int(text) if text.lstrip("-").isdecimal() else None


def _delivered(source: ListSpec, rows: list[Row]) -> Strategy:
    for start in range(0, len(rows), 1_000):
        yield Rows(source, rows[start : start + 1_000])
